// SPDX-License-Identifier: MIT
// The live page's panels as JSON in server-sent events. A `snapshot` has every panel; a `change`
// has those that differ from the event before, each with its new value as a whole (never an
// increment); of panels of rows only the rows that differ, and only the orders that are new. One
// thread.
#pragma once
#include "base/buf.h"
#include "live/live_figures.h"
#include "live/products.h"
#include "order/zone.h"

struct panel_book;
struct live_facts {
    const struct live_figures *figures; // NULL: nothing could be read yet
    const struct panel_book *book;      // goes with them
    const struct products *products;    // may be NULL
    const struct zone *zone;
    const char *currency;      // the shop's
    const char *locale;        // likewise; NULL or "": the browser's own
    int64_t now_ms;            // the server's clock
    int64_t tenths_per_second; // orders, over the last seconds
    int64_t received_tenths_per_second;
    bool store_ok;       // the newest read went well
    const char *problem; // why not
    int64_t viewers;
    struct text health, alerts; // JSON objects
};

struct live_render;
MUST_CHECK struct live_render *live_render_new(void);
void live_render_free(struct live_render *r);

// Renders the facts. True when something but the clock differs from the last time.
MUST_CHECK bool live_render_update(struct live_render *r, const struct live_facts *facts);
// The next update counts all as different: product names have changed.
void live_render_forget(struct live_render *r);

// The event after the last update, with its id, complete with the empty line at its end; replaces
// what is in `out`. False: memory was refused.
MUST_CHECK bool live_render_change(const struct live_render *r, uint64_t id, struct buf *out);
MUST_CHECK bool live_render_snapshot(const struct live_render *r, uint64_t id, struct buf *out);
