// SPDX-License-Identifier: MIT
// Reads the figures of the live page from a store, as little as is needed each time. One thread.
#pragma once
#include "base/clock.h"
#include "live/panel_book.h"
#include "order/zone.h"

struct live_state;
struct live_aside;

// Borrows all; `reader` is only used by live_state_refresh. `aside`: who is asked for products;
// NULL: they are read with the rest.
MUST_CHECK struct live_state *live_state_new(struct sales_reader *reader, const struct zone *zone,
                                             const struct clock_source *clock,
                                             const char currency[static 4],
                                             struct live_aside *aside);
void live_state_free(struct live_state *s);

// What announced commits have touched since the last refresh.
struct live_touched {
    int64_t last_batch_id;          // 0: no batch
    int32_t minute_min, minute_max; // since 1970 UTC; min > max: none
};
static inline void live_touch(struct live_touched *t, struct live_touched more) {
    t->last_batch_id =
        more.last_batch_id > t->last_batch_id ? more.last_batch_id : t->last_batch_id;
    t->minute_min = more.minute_min < t->minute_min ? more.minute_min : t->minute_min;
    t->minute_max = more.minute_max > t->minute_max ? more.minute_max : t->minute_max;
}

// Brings the figures up to the clock and to the newest commit, from one snapshot of the store.
// False: the store could not be read, the figures are the last good ones and nothing of `touched`
// is lost.
MUST_CHECK bool live_state_refresh(struct live_state *s, struct live_touched touched,
                                   struct error *err);
// The last good figures; valid until the next refresh. NULL when nothing was ever read.
const struct live_figures *live_state_figures(const struct live_state *s);
// The rows of panels, of the same refresh.
const struct panel_book *live_state_book(const struct live_state *s);
// When (clock_monotonic_ns) another refresh is due even without a commit, because an expensive part
// was put off; INT64_MAX: none is.
int64_t live_state_due_ns(const struct live_state *s);
// How long to leave the store alone after the newest refresh, in proportion to what it cost, so
// that reading takes at most a fifth of a core.
int64_t live_state_rest_ns(const struct live_state *s);
