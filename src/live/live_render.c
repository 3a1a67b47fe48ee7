// SPDX-License-Identifier: MIT
// Rendering of the live page's events.
//
// Every panel that is no rows of sums is rendered each time and compared with its text from the
// time before: what is equal is left out of the change. Panels of rows, minutes and newest orders
// are compared row by row.
#include "live/live_render.h"

#include "base/mem.h"
#include "live/live_rows.h"
#include "live/live_sections.h"
#include <inttypes.h>
#include <stdlib.h>

struct live_render {
    bool anew; // all counts as changed
    int64_t now_ms;
    struct rendered {
        struct buf text;
        bool changed;
        struct live_rows rows; // of a panel of rows, instead
    } panels[PANELS];
    struct buf scratch;
    // By the panels of the same names; all: empty when not known yet. change: the rows that are
    // new.
    struct list {
        struct buf all, change;
    } minutes, recent, changes;
    struct live_minute sent_minutes[LIVE_MINUTES];
    int64_t sent_position, sent_change;
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
    for (size_t i = 0; i < PANELS; i++) {
        buf_free(&r->panels[i].text);
        live_rows_free(&r->panels[i].rows);
    }
    struct list *const lists[] = {&r->minutes, &r->recent, &r->changes};
    for (size_t i = 0; i < COUNT_OF(lists); i++) {
        buf_free(&lists[i]->all);
        buf_free(&lists[i]->change);
    }
    buf_free(&r->scratch);
    free(r);
}

void live_render_forget(struct live_render *r) {
    r->anew = true;
}

static bool update_panel(struct live_render *r, size_t i, const struct live_facts *facts) {
    struct rendered *panel = &r->panels[i];
    panel->changed = false;
    if (panel_has_rows(&panels[i])) {
        panel->changed =
            facts->figures != NULL && live_rows_update(&panel->rows, facts->book, i, r->anew);
        return panel->changed;
    }
    if (panels[i].put == NULL || (panels[i].of_figures && facts->figures == NULL)) {
        return false;
    }
    buf_clear(&r->scratch);
    panels[i].put(&r->scratch, facts);
    if (r->anew || !text_equal(buf_text(&r->scratch), buf_text(&panel->text))) {
        struct buf old = panel->text;
        panel->text = r->scratch;
        panel->changed = true;
        r->scratch = old;
    }
    return panel->changed;
}

// --- Lists

// "[]": nothing.
static bool has_rows(const struct buf *list) {
    return list->len > 2;
}

static bool update_minutes(struct live_render *r, const struct live_figures *f, bool all) {
    live_put_minutes(&r->minutes.change, f, all ? NULL : r->sent_minutes);
    memcpy(r->sent_minutes, f->minutes, sizeof r->sent_minutes);
    if (!all && !has_rows(&r->minutes.change)) {
        return false;
    }
    buf_clear(&r->minutes.all);
    live_put_minutes(&r->minutes.all, f, NULL);
    return true;
}

// Rows above *sent, which moves on to `newest`.
static bool update_list(struct list *list, const struct live_facts *facts, bool all,
                        void (*put)(struct buf *, const struct live_facts *, int64_t),
                        int64_t newest, int64_t *sent) {
    put(&list->change, facts, all ? 0 : *sent);
    *sent = newest;
    if (!all && !has_rows(&list->change)) {
        return false;
    }
    buf_clear(&list->all);
    put(&list->all, facts, 0);
    return true;
}

static bool update_lists(struct live_render *r, const struct live_facts *facts) {
    const struct live_figures *f = facts->figures;
    buf_clear(&r->minutes.change);
    buf_clear(&r->recent.change);
    buf_clear(&r->changes.change);
    if (f == NULL) {
        return false;
    }
    bool all = r->anew || r->minutes.all.len == 0; // or the first figures ever
    bool changed = update_minutes(r, f, all);
    changed |= update_list(&r->recent, facts, all, live_put_orders,
                           f->n_recent > 0 ? f->recent[0].position : 0, &r->sent_position);
    if (f->knows_changes) {
        changed |= update_list(&r->changes, facts, all, live_put_changes,
                               f->n_changes > 0 ? f->changes[0].position : 0, &r->sent_change);
    }
    return changed;
}

bool live_render_update(struct live_render *r, const struct live_facts *facts) {
    r->now_ms = facts->now_ms;
    bool changed = false;
    for (size_t i = 0; i < PANELS; i++) {
        changed |= update_panel(r, i, facts);
    }
    changed |= update_lists(r, facts);
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

static void put_list(struct buf *out, const char *name, const struct buf *change) {
    if (has_rows(change)) {
        put_member(out, name, change);
    }
}

bool live_render_change(const struct live_render *r, uint64_t id, struct buf *out) {
    buf_clear(out);
    buf_printf(out, "id: %" PRIu64 "\nevent: change\ndata: {\"now_ms\":%" PRId64, id, r->now_ms);
    for (size_t i = 0; i < PANELS; i++) {
        const struct rendered *panel = &r->panels[i];
        if (panel->changed) {
            bool rows = panel_has_rows(&panels[i]);
            put_member(out, panels[i].name, rows ? &panel->rows.change : &panel->text);
        }
    }
    put_list(out, "minutes", &r->minutes.change);
    put_list(out, "recent", &r->recent.change);
    put_list(out, "changes", &r->changes.change);
    buf_put_str(out, "}\n\n");
    return !out->failed;
}

bool live_render_snapshot(const struct live_render *r, uint64_t id, struct buf *out) {
    buf_clear(out);
    // retry: how long a browser waits before it connects again.
    buf_printf(out, "retry: 1000\nid: %" PRIu64 "\nevent: snapshot\ndata: {\"now_ms\":%" PRId64, id,
               r->now_ms);
    for (size_t i = 0; i < PANELS; i++) {
        bool rows = panel_has_rows(&panels[i]);
        const struct buf *text = rows ? &r->panels[i].rows.all : &r->panels[i].text;
        if (text->len > 0) {
            put_member(out, panels[i].name, text);
        }
    }
    const struct buf *const lists[] = {&r->minutes.all, &r->recent.all, &r->changes.all};
    static const char *const names[] = {"minutes", "recent", "changes"};
    for (size_t i = 0; i < COUNT_OF(lists); i++) {
        if (lists[i]->len > 0) {
            put_member(out, names[i], lists[i]);
        }
    }
    buf_put_str(out, "}\n\n");
    return !out->failed;
}
