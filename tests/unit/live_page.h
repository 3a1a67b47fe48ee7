// SPDX-License-Identifier: MIT
// The live page without its thread, in virtual time, for tests of what its events say.
#pragma once
#include "live/live_render.h"
#include "live/live_state.h"
#include "live_testing.h"

// Everything of the live page but its thread.
struct page {
    struct virtual_clock clock;
    struct zone *zone;
    struct fake_reader *fake;
    struct live_state *state;
    struct live_render *render;
    struct live_touched touched;
    const char *health;
    struct buf event;
    yyjson_doc *doc; // of the newest event
};

static const struct live_touched untouched = {.minute_min = INT32_MAX, .minute_max = INT32_MIN};

static inline int open_page(void **state, const char *zone) {
    struct page *p = mem_zalloc(1, sizeof *p);
    virtual_clock_set(&p->clock, NOON_MS);
    p->zone = open_zone(zone);
    p->fake = fake_reader_new(p->zone);
    p->state = live_state_new(&p->fake->reader, p->zone, &p->clock.source, "USD", NULL);
    p->render = live_render_new();
    p->touched = untouched;
    p->health = "{\"ready\":true}";
    *state = p;
    return 0;
}

static inline int open_utc(void **state) {
    return open_page(state, "UTC");
}

static inline int open_new_york(void **state) {
    return open_page(state, "America/New_York");
}

static inline int close_page(void **state) {
    struct page *p = *state;
    yyjson_doc_free(p->doc);
    buf_free(&p->event);
    live_render_free(p->render);
    live_state_free(p->state);
    fake_reader_free(p->fake);
    zone_free(p->zone);
    free(p);
    return 0;
}

static inline void commit(struct page *p, const struct order *o) {
    struct batch_summary b = fake_commit(p->fake, o);
    live_touch(&p->touched, (struct live_touched){b.batch_id, b.minute_min, b.minute_max});
}

static inline bool refresh(struct page *p) {
    struct error err = {0};
    bool ok = live_state_refresh(p->state, p->touched, &err);
    p->touched = untouched;
    struct live_facts facts = {.figures = live_state_figures(p->state),
                               .book = live_state_book(p->state),
                               .zone = p->zone,
                               .currency = "USD",
                               .now_ms = p->clock.ms,
                               .store_ok = ok,
                               .problem = err.text,
                               .health = text_of(p->health)};
    return live_render_update(p->render, &facts);
}

static inline void read_event(struct page *p, bool snapshot) {
    yyjson_doc_free(p->doc);
    p->doc = NULL;
    assert_true(snapshot ? live_render_snapshot(p->render, 5, &p->event)
                         : live_render_change(p->render, 5, &p->event));
    p->doc = event_json(buf_text(&p->event));
}

static inline void expect(struct page *p, const char *path, const char *want) {
    expect_json(p->doc, path, want);
}
