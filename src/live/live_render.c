// SPDX-License-Identifier: MIT
// Rendering of the live page's events.
//
// Every section is rendered each time and compared with its text from the time before: what is
// equal is left out of the change. Minutes and newest orders are compared row by row.
#include "live/live_render.h"

#include "base/mem.h"
#include "live/live_sections.h"
#include <inttypes.h>
#include <stdlib.h>

struct live_render {
    bool anew; // all counts as changed
    int64_t now_ms;
    struct rendered {
        struct buf text;
        bool changed;
    } sections[LIVE_SECTIONS];
    struct buf scratch;
    struct buf minutes, changed_minutes; // empty: not known yet
    struct buf orders, new_orders;
    struct live_minute sent_minutes[LIVE_MINUTES];
    int64_t sent_position;
};

struct live_render *live_render_new(void) {
    struct live_render *r = mem_zalloc(1, sizeof *r);
    r->anew = true;
    return r;
}

void live_render_free(struct live_render *r) {
    if (r == NULL) {
        return;
    }
    for (size_t i = 0; i < LIVE_SECTIONS; i++) {
        buf_free(&r->sections[i].text);
    }
    buf_free(&r->scratch);
    buf_free(&r->minutes);
    buf_free(&r->changed_minutes);
    buf_free(&r->orders);
    buf_free(&r->new_orders);
    free(r);
}

void live_render_forget(struct live_render *r) {
    r->anew = true;
}

static bool update_section(struct live_render *r, size_t i, const struct live_facts *facts) {
    struct rendered *section = &r->sections[i];
    section->changed = false;
    if (live_sections[i].of_figures && facts->figures == NULL) {
        return false;
    }
    buf_clear(&r->scratch);
    live_sections[i].put(&r->scratch, facts);
    if (r->anew || !text_equal(buf_text(&r->scratch), buf_text(&section->text))) {
        struct buf old = section->text;
        section->text = r->scratch;
        section->changed = true;
        r->scratch = old;
    }
    return section->changed;
}

static bool update_rows(struct live_render *r, const struct live_facts *facts) {
    const struct live_figures *f = facts->figures;
    buf_clear(&r->changed_minutes);
    buf_clear(&r->new_orders);
    if (f == NULL) {
        return false;
    }
    bool all = r->anew || r->minutes.len == 0; // or the first figures ever
    live_put_minutes(&r->changed_minutes, f, all ? NULL : r->sent_minutes);
    live_put_orders(&r->new_orders, facts, all ? 0 : r->sent_position);
    bool changed = all;
    if (all || r->changed_minutes.len > 2) {
        buf_clear(&r->minutes);
        live_put_minutes(&r->minutes, f, NULL);
        changed = true;
    }
    if (all || r->new_orders.len > 2) {
        buf_clear(&r->orders);
        live_put_orders(&r->orders, facts, 0);
        changed = true;
    }
    memcpy(r->sent_minutes, f->minutes, sizeof r->sent_minutes);
    r->sent_position = f->n_recent > 0 ? f->recent[0].position : 0;
    return changed;
}

bool live_render_update(struct live_render *r, const struct live_facts *facts) {
    r->now_ms = facts->now_ms;
    bool changed = false;
    for (size_t i = 0; i < LIVE_SECTIONS; i++) {
        changed |= update_section(r, i, facts);
    }
    changed |= update_rows(r, facts);
    r->anew = false;
    return changed;
}

static void put_member(struct buf *out, const char *name, const struct buf *value) {
    buf_put_str(out, ",\"");
    buf_put_str(out, name);
    buf_put_str(out, "\":");
    buf_put_text(out, buf_text(value));
    out->failed |= value->failed;
}

bool live_render_change(const struct live_render *r, uint64_t id, struct buf *out) {
    buf_clear(out);
    buf_printf(out, "id: %" PRIu64 "\nevent: change\ndata: {\"now_ms\":%" PRId64, id, r->now_ms);
    for (size_t i = 0; i < LIVE_SECTIONS; i++) {
        if (r->sections[i].changed) {
            put_member(out, live_sections[i].name, &r->sections[i].text);
        }
    }
    if (r->changed_minutes.len > 2) {
        put_member(out, "minutes", &r->changed_minutes);
    }
    if (r->new_orders.len > 2) {
        put_member(out, "recent", &r->new_orders);
    }
    buf_put_str(out, "}\n\n");
    return !out->failed;
}

bool live_render_snapshot(const struct live_render *r, uint64_t id, struct buf *out) {
    buf_clear(out);
    // retry: how long a browser waits before it connects again.
    buf_printf(out, "retry: 1000\nid: %" PRIu64 "\nevent: snapshot\ndata: {\"now_ms\":%" PRId64, id,
               r->now_ms);
    for (size_t i = 0; i < LIVE_SECTIONS; i++) {
        if (r->sections[i].text.len > 0) {
            put_member(out, live_sections[i].name, &r->sections[i].text);
        }
    }
    if (r->minutes.len > 0) {
        put_member(out, "minutes", &r->minutes);
        put_member(out, "recent", &r->orders);
    }
    buf_put_str(out, "}\n\n");
    return !out->failed;
}
