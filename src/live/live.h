// SPDX-License-Identifier: MIT
// The live page's data: a thread that, after commits, reads what changed from the store and renders
// it once as server-sent events for all viewers. Every number comes from the store, never from a
// second sum.
#pragma once
#include "base/buf.h"
#include "base/clock.h"
#include "base/must.h"
#include "http/http_ports.h"
#include "order/zone.h"
#include "store/sales_reader.h"
#include <stddef.h>
#include <stdint.h>

struct live;
struct live_options {
    struct sales_reader *reader; // owned by live from live_start on
    // Opens one more on a thread of its own, which owns it, for the question for products: that
    // holds up nothing then, nor does opening it. False is told as a question that fails, and tried
    // again. NULL: it is asked among the others.
    bool (*open_products)(void *user, struct sales_reader **out, struct error *err);
    void *open_user;
    const struct zone *zone;   // borrowed
    char currency[4];          // the shop's
    const char *locale;        // likewise, a BCP 47 tag; borrowed; NULL or "": the browser's own
    const char *products_path; // CSV product_id,title,category; NULL: none
    const struct clock_source *clock;
    // How often to look at the store for commits that nobody announces, while somebody watches; 0:
    // once a second. A look without news is one small query.
    int64_t poll_ms;
    // Called on live's thread after a new event is ready; must be quick (it wakes the HTTP loop).
    void (*changed)(void *user);
    void *changed_user;
    // Appends a JSON object with the pipeline's health, on live's thread; must be quick. The page
    // knows the members of Health in web/src/types.ts; one left out is not shown. last_commit_ms:
    // when the newest batch in the figures was committed, whoever wrote it; 0: not known. May be
    // NULL.
    void (*health)(void *user, int64_t last_commit_ms, struct buf *json);
    void *health_user;
    // Likewise an object of the rules of alerts: Alerts in web/src/types.ts. May be NULL.
    void (*alerts)(void *user, struct buf *json);
    void *alerts_user;
};
MUST_CHECK struct live *live_start(const struct live_options *options, struct error *err);
void live_stop(struct live *l); // joins the thread and frees

// After a commit; any thread, never blocks.
void live_notify(struct live *l, const struct batch_summary *batch);
// Products are read again from their file (SIGHUP), on the calling thread, which is none of the
// page's. Any thread, one at a time.
void live_reload_products(struct live *l);
// How many viewers are connected: with many, events are merged into fewer. Any thread.
void live_set_viewers(struct live *l, int64_t viewers);
// After `changed`: every viewer has been sent what there is. Until then commits are merged, at most
// for half a second. Any thread.
void live_served(struct live *l);

// The next event for a viewer whose last one was *last_id (0, or an id no longer kept: a full
// snapshot), and moves *last_id on. NULL: nothing new. Any thread. Release it when sent.
MUST_CHECK const struct stream_event *live_next(struct live *l, uint64_t *last_id);
void live_release(const struct stream_event *event);
