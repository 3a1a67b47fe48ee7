// SPDX-License-Identifier: MIT
#include "base/clock.h"

#include "base/must.h"
#include <stddef.h>
#include <time.h>

static int64_t read_clock_ns(clockid_t id) {
    struct timespec t;
    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int64_t system_now_ms(void *user) {
    UNUSED(user);
    return read_clock_ns(CLOCK_REALTIME) / 1000000;
}

static int64_t system_monotonic_ns(void *user) {
    UNUSED(user);
    return read_clock_ns(CLOCK_MONOTONIC);
}

const struct clock_source *clock_system(void) {
    static const struct clock_source clock = {system_now_ms, system_monotonic_ns, NULL};
    return &clock;
}

void clock_sleep_ms(int ms) {
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
    nanosleep(&t, NULL);
}
