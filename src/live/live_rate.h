// SPDX-License-Identifier: MIT
// Orders per second over the last ten seconds, from samples of a running count. One thread.
#pragma once
#include <stddef.h>
#include <stdint.h>

enum { LIVE_RATE_SAMPLES = 64 };

// A zeroed struct is valid: no samples.
struct live_rate {
    struct {
        int64_t at_ns, count;
    } samples[LIVE_RATE_SAMPLES]; // sample i at i % LIVE_RATE_SAMPLES
    size_t n;                     // ever taken
};

// The count at this moment; the moments never go back.
void live_rate_sample(struct live_rate *r, int64_t now_ns, int64_t count);
// In tenths, over the samples of the last ten seconds.
int64_t live_rate_tenths(const struct live_rate *r, int64_t now_ns);
