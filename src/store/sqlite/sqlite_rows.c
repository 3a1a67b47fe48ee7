// SPDX-License-Identifier: MIT
// Raw rows in and out. Items are kept as the canonical JSON text that order_set_items wrote.
#include "store/sqlite/sqlite_rows.h"

#include "store/raw_items.h"
#include <string.h>

void event_bind(sqlite3_stmt *insert, const struct order *o, int64_t position, int64_t group_id,
                int64_t arrival_ms) {
    sqlite3_bind_int64(insert, 1, position);
    sqlite_bind_ident(insert, 2, o->order_id);
    sqlite3_bind_int64(insert, 3, o->created_ms);
    sqlite_bind_ident(insert, 4, o->customer_id);
    sqlite_bind_ident(insert, 5, o->product_id);
    sqlite3_bind_int64(insert, 6, o->quantity);
    sqlite3_bind_int64(insert, 7, o->subtotal_e4);
    sqlite3_bind_int64(insert, 8, o->discount_e4);
    sqlite3_bind_int64(insert, 9, o->shipping_e4);
    sqlite3_bind_int64(insert, 10, o->tax_e4);
    sqlite3_bind_int64(insert, 11, o->total_e4);
    sqlite3_bind_int64(insert, 12, group_id);
    sqlite3_bind_int64(insert, 13, arrival_ms);
    sqlite_bind_text(insert, 14, o->items_json);
    sqlite3_bind_int(insert, 15, (int)o->kind);
    sqlite_bind_text(insert, 16, o->event_id.at != NULL ? o->event_id : TEXT_LIT(""));
}

static bool keep(struct arena *arena, struct text *t) {
    return t->at == NULL || arena_try_copy(arena, *t, t);
}

static bool keep_texts(struct order *o, struct arena *arena) {
    return keep(arena, &o->order_id.text) && keep(arena, &o->customer_id.text) &&
           keep(arena, &o->product_id.text) && keep(arena, &o->event_id) &&
           keep(arena, &o->source) && keep(arena, &o->state) && keep(arena, &o->items_json);
}

bool row_read(sqlite3_stmt *select, enum order_kind table_kind, struct arena *arena,
              struct stored_event *out) {
    struct order *o = &out->order;
    *out = (struct stored_event){.position = sqlite3_column_int64(select, 0),
                                 .arrival_ms = sqlite3_column_int64(select, 11)};
    o->order_id = sqlite_column_ident(select, 1);
    o->created_ms = sqlite3_column_int64(select, 2);
    o->customer_id = sqlite_column_ident(select, 3);
    o->product_id = sqlite_column_ident(select, 4);
    o->quantity = sqlite3_column_int64(select, 5);
    o->subtotal_e4 = sqlite3_column_int64(select, 6);
    o->discount_e4 = sqlite3_column_int64(select, 7);
    o->shipping_e4 = sqlite3_column_int64(select, 8);
    o->tax_e4 = sqlite3_column_int64(select, 9);
    o->total_e4 = sqlite3_column_int64(select, 10);
    o->items_json = sqlite_column_text(select, 12);
    o->source = sqlite_column_text(select, 13);
    o->state = sqlite_column_text(select, 14);
    struct text currency = sqlite_column_text(select, 15);
    memcpy(o->currency, currency.at, currency.len < 3 ? currency.len : 3);
    o->kind =
        table_kind == ORDER_PLACED ? ORDER_PLACED : (enum order_kind)sqlite3_column_int(select, 16);
    struct text event_id = table_kind == ORDER_PLACED ? TEXT_NONE : sqlite_column_text(select, 17);
    o->event_id = event_id.len > 0 ? event_id : TEXT_NONE;
    if (arena == NULL) {
        return true;
    }
    return keep_texts(o, arena) &&
           (o->items_json.at == NULL || raw_items_read(o, arena) == RAW_ITEMS_OK);
}
