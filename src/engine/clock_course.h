// SPDX-License-Identifier: MIT
// The wall clock's plausible course. What is kept moves on with time and cannot come back, so a
// clock that is ahead for a while (a mistyped date, a machine that starts before it has asked for
// the time) must not move it. The monotonic clock tells how time goes by; a jump ahead of it is
// believed once it has lasted for an hour, a jump back at once. One thread.
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct clock_course { // all zero: the first reading is believed
    bool started, ahead;
    int64_t believed_ms;    // wall time less monotonic time
    int64_t ahead_ms;       // the same, of the smallest jump ahead since
    int64_t ahead_since_ms; // monotonic
};

// Both clocks as they are read now. Gives the wall time that is believed: never later than wall_ms.
int64_t clock_course_now(struct clock_course *c, int64_t wall_ms, int64_t monotonic_ms);
