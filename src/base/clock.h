// SPDX-License-Identifier: MIT
// Time as an effect: the core asks this struct, so that a test runs it in virtual time.
#pragma once
#include <stdint.h>

struct clock_source {
    int64_t (*now_ms)(void *user);       // UTC milliseconds since 1970
    int64_t (*monotonic_ns)(void *user); // never goes back
    void *user;
};

// The machine's clocks. Static lifetime, any thread.
const struct clock_source *clock_system(void);

// Sleeps on the machine's clock; a signal may end it early.
void clock_sleep_ms(int ms);

static inline int64_t clock_now_ms(const struct clock_source *c) {
    return c->now_ms(c->user);
}
static inline int64_t clock_monotonic_ns(const struct clock_source *c) {
    return c->monotonic_ns(c->user);
}
