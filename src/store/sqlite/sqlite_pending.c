// SPDX-License-Identifier: MIT
// Copies of orders, and the same as rows in the order of order_rows' columns (sqlite_schema.c).
#include "store/sqlite/sqlite_pending.h"

#include "base/mem.h"
#include <stdlib.h>

static void record_ident(struct sql_record *r, struct ident i) {
    if (i.num >= 0) {
        record_i64(r, i.num);
    } else {
        record_text(r, i.text);
    }
}

static void put_columns(struct sql_record *r, const struct pending_order *row, int64_t group_id) {
    const struct order *o = &row->order;
    record_begin(r);
    record_null(r); // reserved: the position is the row's number
    record_ident(r, o->order_id);
    record_i64(r, o->created_ms);
    record_ident(r, o->customer_id);
    record_ident(r, o->product_id);
    record_i64(r, o->quantity);
    record_i64(r, o->subtotal_e4);
    record_i64(r, o->discount_e4);
    record_i64(r, o->shipping_e4);
    record_i64(r, o->tax_e4);
    record_i64(r, o->total_e4);
    record_i64(r, group_id);
    record_i64(r, row->arrival_ms);
    record_text(r, o->items_json);
}

bool pending_put(const struct pending_orders *p, struct cube *cube, struct rows_source *source) {
    for (size_t i = 0; i < p->n; i++) {
        put_columns(&source->row, &p->at[i], cube_group(cube, p->at[i].group)->store_id);
        if (!rows_source_add(source)) {
            return false;
        }
    }
    return rows_source_end(source);
}

static bool keep_text(struct arena *arena, struct text *t) {
    return t->at == NULL || arena_try_copy(arena, *t, t);
}

bool pending_copy(struct pending_order *out, struct arena *texts, const struct order *from,
                  const struct cube_dim *group, int64_t arrival_ms) {
    *out = (struct pending_order){*from, arrival_ms, group->number};
    struct order *o = &out->order;
    o->source = group->source;
    o->state = group->state;
    o->items = NULL; // items_json says it all
    o->n_items = 0;
    return keep_text(texts, &o->order_id.text) && keep_text(texts, &o->customer_id.text) &&
           keep_text(texts, &o->product_id.text) && keep_text(texts, &o->event_id) &&
           keep_text(texts, &o->items_json);
}

bool pending_add(struct pending_orders *p, const struct order *from, const struct cube_dim *group,
                 int64_t arrival_ms) {
    if (p->n == p->cap) {
        size_t cap = p->cap > 0 ? p->cap * 2 : 64;
        struct pending_order *at = try_realloc(p->at, cap * sizeof *at);
        if (at == NULL) {
            return false;
        }
        p->at = at;
        p->cap = cap;
    }
    bool kept = pending_copy(&p->at[p->n], &p->texts, from, group, arrival_ms);
    p->n += kept;
    return kept;
}

void pending_clear(struct pending_orders *p) {
    p->n = 0;
    arena_reset(&p->texts);
}

void pending_free(struct pending_orders *p) {
    arena_free(&p->texts);
    free(p->at);
    *p = (struct pending_orders){0};
}
