// SPDX-License-Identifier: MIT
// Rows of a panel: {"all":true,"rows":[[...],...],"too_many":false}.
//
// What is shown is sorted by key, and so is what was sent: one walk over both finds the rows that
// differ. When a row that was sent is gone (a day began, another name is among the largest), or
// when most differ, all are sent.
#include "live/live_rows.h"

#include "base/mem.h"
#include "live/json.h"
#include <inttypes.h>
#include <stdlib.h>

void live_rows_free(struct live_rows *r) {
    buf_free(&r->all);
    buf_free(&r->change);
    free(r->sent);
    *r = (struct live_rows){0};
}

// --- One row

static void put_column(struct buf *out, const struct panel_book *book, enum panel_column column,
                       const struct panel_row *row) {
    switch (column) {
    case COLUMN_DAYS_AGO:
        buf_put_i64(out, row->days_ago);
        break;
    case COLUMN_BUCKET:
        buf_put_i64(out, row->bucket);
        break;
    case COLUMN_SOURCE:
        json_text(out, panel_book_name(book, row->source));
        break;
    case COLUMN_STATE:
        json_text(out, panel_book_name(book, row->state));
        break;
    case COLUMN_OTHERS:
        buf_put_i64(out, row->n_others);
        break;
    case COLUMN_ORDERS:
        buf_put_i64(out, row->sum.orders);
        break;
    case COLUMN_UNITS:
        buf_put_i64(out, row->sum.units);
        break;
    case COLUMN_TOTAL:
        json_money(out, row->sum.total_e4);
        break;
    case COLUMN_REFUNDS:
        buf_put_i64(out, row->sum.refunds);
        break;
    case COLUMN_REFUNDED:
        json_money(out, row->sum.refunded_total_e4);
        break;
    case COLUMN_NONE:
        break;
    }
}

static void put_row(struct buf *out, const struct panel_book *book, const struct panel *p,
                    const struct panel_row *row) {
    buf_put_char(out, '[');
    for (int i = 0; i < PANEL_COLUMNS_MAX && p->columns[i] != COLUMN_NONE; i++) {
        buf_put_str(out, i > 0 ? "," : "");
        put_column(out, book, p->columns[i], row);
    }
    buf_put_char(out, ']');
}

// --- What differs

static int compare_keys(const struct panel_row *a, const struct panel_row *b) {
    int c = (a->days_ago > b->days_ago) - (a->days_ago < b->days_ago);
    c = c != 0 ? c : (a->bucket > b->bucket) - (a->bucket < b->bucket);
    c = c != 0 ? c : (a->source > b->source) - (a->source < b->source);
    return c != 0 ? c : (a->state > b->state) - (a->state < b->state);
}

// Whether the row is another one than that which was sent with its key. *at: where to look, which
// moves on. *gone: rows before it were sent and are no longer.
static bool differs(const struct live_rows *r, const struct panel_row *row, size_t *at,
                    bool *gone) {
    int order = 1;
    while (*at < r->n_sent && (order = compare_keys(&r->sent[*at], row)) < 0) {
        *gone = true;
        ++*at;
    }
    if (*at == r->n_sent || order > 0) {
        return true;
    }
    const struct panel_row *sent = &r->sent[(*at)++];
    return sent->n_others != row->n_others || memcmp(&sent->sum, &row->sum, sizeof row->sum) != 0;
}

static void remember(struct live_rows *r, const struct panel_rows *shown, uint64_t generation) {
    if (shown->n > r->cap_sent) {
        r->cap_sent = shown->n + shown->n / 2;
        r->sent = mem_realloc(r->sent, r->cap_sent * sizeof *r->sent);
    }
    if (shown->n > 0) {
        memcpy(r->sent, shown->at, shown->n * sizeof *r->sent);
    }
    r->n_sent = shown->n;
    r->too_many = shown->too_many;
    r->generation = generation;
}

static void end_rows(struct buf *out, bool too_many) {
    buf_put_str(out, "],\"too_many\":");
    json_bool(out, too_many);
    buf_put_char(out, '}');
}

bool live_rows_update(struct live_rows *r, const struct panel_book *book, size_t panel, bool anew) {
    const struct panel_rows *shown = panel_book_shown(book, panel);
    uint64_t generation = panel_book_generation(book);
    bool all = anew || r->generation != generation || r->too_many != shown->too_many;
    size_t at = 0, n_different = 0;
    buf_clear(&r->change);
    buf_put_str(&r->change, "{\"all\":false,\"rows\":[");
    for (size_t i = 0; !all && i < shown->n; i++) {
        if (differs(r, &shown->at[i], &at, &all)) {
            buf_put_str(&r->change, n_different++ > 0 ? "," : "");
            put_row(&r->change, book, &panels[panel], &shown->at[i]);
        }
    }
    all = all || at < r->n_sent || (n_different > 1 && n_different == shown->n);
    if (!all && n_different == 0) {
        buf_clear(&r->change);
        return false;
    }
    end_rows(&r->change, false);
    buf_clear(&r->all);
    buf_put_str(&r->all, "{\"all\":true,\"rows\":[");
    for (size_t i = 0; i < shown->n; i++) {
        buf_put_str(&r->all, i > 0 ? "," : "");
        put_row(&r->all, book, &panels[panel], &shown->at[i]);
    }
    end_rows(&r->all, shown->too_many);
    if (all) {
        buf_clear(&r->change);
        buf_put_text(&r->change, buf_text(&r->all));
    }
    remember(r, shown, generation);
    return true;
}
