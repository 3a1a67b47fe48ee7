// SPDX-License-Identifier: MIT
// A short ring of samples at least 200 ms apart, so that it spans more than the ten seconds asked
// for. The newest sample is moved along with the count until it is old enough to stay.
#include "live/live_rate.h"

#include <stdbool.h>

#define WINDOW_NS INT64_C(10000000000)
#define SPACING_NS INT64_C(200000000)
#define LEAST_NS INT64_C(1000000000) // a burst right after the start is not a huge rate

static size_t slot(size_t i) {
    return i % LIVE_RATE_SAMPLES;
}

void live_rate_sample(struct live_rate *r, int64_t now_ns, int64_t count) {
    bool spaced = r->n < 2 ||
                  r->samples[slot(r->n - 1)].at_ns - r->samples[slot(r->n - 2)].at_ns >= SPACING_NS;
    if (spaced) {
        r->n++;
    }
    r->samples[slot(r->n - 1)].at_ns = now_ns;
    r->samples[slot(r->n - 1)].count = count;
}

int64_t live_rate_tenths(const struct live_rate *r, int64_t now_ns) {
    if (r->n == 0) {
        return 0;
    }
    size_t newest = r->n - 1;
    size_t oldest = r->n > LIVE_RATE_SAMPLES ? r->n - LIVE_RATE_SAMPLES : 0;
    size_t from = newest;
    while (from > oldest && now_ns - r->samples[slot(from - 1)].at_ns <= WINDOW_NS) {
        from--;
    }
    int64_t elapsed_ns = now_ns - r->samples[slot(from)].at_ns;
    elapsed_ns = elapsed_ns > LEAST_NS ? elapsed_ns : LEAST_NS;
    int64_t orders = r->samples[slot(newest)].count - r->samples[slot(from)].count;
    return orders > 0 ? (int64_t)((double)orders * 1e10 / (double)elapsed_ns + 0.5) : 0;
}
