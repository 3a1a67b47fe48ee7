// SPDX-License-Identifier: MIT
// The question for today's products, on a thread and a connection of its own: with very many
// products it takes its time, and nothing else of the page waits for it. It is asked for by the
// day; what was answered is taken by the page's thread.
#pragma once
#include "base/clock.h"
#include "live/live_figures.h"
#include "order/zone.h"

struct live_aside;
struct live_aside_options {
    // On the thread, for its first question; live_aside owns what it gives.
    bool (*open)(void *user, struct sales_reader **out, struct error *err);
    void *open_user;
    const struct zone *zone;          // borrowed, as the clock
    const struct clock_source *clock; // what a question has cost by it is rested from
    void (*answered)(void *user);     // on the thread; must be quick
    void *user;
};
MUST_CHECK struct live_aside *live_aside_start(const struct live_aside_options *options,
                                               struct error *err);
void live_aside_stop(struct live_aside *a); // joins the thread; NULL is fine

// The following from one thread.
// It will be asked once more, as soon as the one before is answered and rested from.
void live_aside_ask(struct live_aside *a, int32_t day, const char currency[static 4]);
// Until there is an answer, at most so long.
void live_aside_wait(struct live_aside *a, int64_t longest_ms);
bool live_aside_has(struct live_aside *a);
// What was answered since; of another day it is dropped. False: `out` is as it was.
bool live_aside_take(struct live_aside *a, int32_t day, struct live_ranking *out);
