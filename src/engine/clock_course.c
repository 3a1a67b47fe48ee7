// SPDX-License-Identifier: MIT
#include "engine/clock_course.h"

static const int64_t BELIEVED_AFTER_MS = INT64_C(3600) * 1000;

int64_t clock_course_now(struct clock_course *c, int64_t wall_ms, int64_t monotonic_ms) {
    int64_t difference_ms = wall_ms - monotonic_ms;
    if (!c->started || difference_ms <= c->believed_ms) {
        *c = (struct clock_course){.started = true, .believed_ms = difference_ms};
    } else if (!c->ahead) {
        c->ahead = true;
        c->ahead_ms = difference_ms;
        c->ahead_since_ms = monotonic_ms;
    } else {
        c->ahead_ms = difference_ms < c->ahead_ms ? difference_ms : c->ahead_ms;
        if (monotonic_ms - c->ahead_since_ms >= BELIEVED_AFTER_MS) {
            *c = (struct clock_course){.started = true, .believed_ms = c->ahead_ms};
        }
    }
    return monotonic_ms + c->believed_ms;
}
