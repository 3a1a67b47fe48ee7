// SPDX-License-Identifier: MIT
// Orders as rows of columns: each row is put whole, a message that is no order with nulls for all
// that an order has.
//
// How it fails: memory is refused, or a column would not fit behind offsets of 32 bits. Both leave
// rows that can only be freed.
#include "kernel/order_rows.h"

#include "kernel/arrow_out.h"

enum {
    ROW_POSITION,
    ROW_OFFSET,
    ROW_PARTITION,
    ROW_ARRIVAL,
    ROW_EVENT,
    ROW_EVENT_ID,
    ROW_ORDER_ID,
    ROW_CREATED_AT,
    ROW_CUSTOMER_ID,
    ROW_PRODUCT_ID,
    ROW_QUANTITY,
    ROW_SUBTOTAL,
    ROW_DISCOUNT,
    ROW_SHIPPING,
    ROW_TAX,
    ROW_TOTAL,
    ROW_CURRENCY,
    ROW_SOURCE,
    ROW_STATE,
    ROW_ITEMS,
    ROW_WARNINGS,
    ROW_VERDICT,
    ROW_CODE,
    ROW_FIELD,
    ROW_MESSAGE,
    ROW_EPOCH_US,
    ROW_COLUMNS,
};

static const struct out_column_kind kinds[ROW_COLUMNS] = {
    [ROW_POSITION] = {"position", OUT_INT64, false},
    [ROW_OFFSET] = {"offset", OUT_INT64, false},
    [ROW_PARTITION] = {"partition", OUT_INT32, true},
    [ROW_ARRIVAL] = {"arrival", OUT_INSTANT, false},
    [ROW_EVENT] = {"event", OUT_UTF8, true},
    [ROW_EVENT_ID] = {"event_id", OUT_UTF8, true},
    [ROW_ORDER_ID] = {"order_id", OUT_UTF8, true},
    [ROW_CREATED_AT] = {"created_at", OUT_INSTANT, true},
    [ROW_CUSTOMER_ID] = {"customer_id", OUT_UTF8, true},
    [ROW_PRODUCT_ID] = {"product_id", OUT_UTF8, true},
    [ROW_QUANTITY] = {"quantity", OUT_INT64, true},
    [ROW_SUBTOTAL] = {"subtotal", OUT_MONEY, true},
    [ROW_DISCOUNT] = {"discount", OUT_MONEY, true},
    [ROW_SHIPPING] = {"shipping", OUT_MONEY, true},
    [ROW_TAX] = {"tax", OUT_MONEY, true},
    [ROW_TOTAL] = {"total", OUT_MONEY, true},
    [ROW_CURRENCY] = {"currency", OUT_UTF8, true},
    [ROW_SOURCE] = {"source", OUT_UTF8, true},
    [ROW_STATE] = {"state", OUT_UTF8, true},
    [ROW_ITEMS] = {"items", OUT_UTF8, true},
    [ROW_WARNINGS] = {"warnings", OUT_INT32, true},
    [ROW_VERDICT] = {"verdict", OUT_UTF8, false},
    [ROW_CODE] = {"code", OUT_UTF8, true},
    [ROW_FIELD] = {"field", OUT_UTF8, true},
    [ROW_MESSAGE] = {"message", OUT_UTF8, true},
    [ROW_EPOCH_US] = {"epoch_us", OUT_INT64, false},
};

struct order_rows {
    struct out_table table;
};

struct order_rows *order_rows_new(const struct mem_heap *heap) {
    struct order_rows *rows = heap_zalloc(heap, 1, sizeof *rows);
    if (rows != NULL && !out_table_init(&rows->table, kinds, ROW_COLUMNS, heap)) {
        heap_free(heap, rows);
        return NULL;
    }
    return rows;
}

void order_rows_free(struct order_rows *rows) {
    if (rows != NULL) {
        const struct mem_heap *heap = rows->table.heap;
        out_table_free(&rows->table);
        heap_free(heap, rows);
    }
}

void order_rows_expect(struct order_rows *rows, size_t n) {
    rows->table.expected_rows = n < (size_t)ARROW_ROWS_MAX ? (int64_t)n : ARROW_ROWS_MAX;
}

static void put_ident(struct out_table *t, int64_t column, struct ident id) {
    char digits[24];
    out_text(t, column, ident_present(id) ? ident_text(id, digits) : TEXT_NONE);
}

static void put_order(struct out_table *t, const struct order *o) {
    out_text(t, ROW_EVENT, text_of(order_kind_name(o->kind)));
    out_text(t, ROW_EVENT_ID, o->event_id);
    put_ident(t, ROW_ORDER_ID, o->order_id);
    out_i64(t, ROW_CREATED_AT, o->created_ms * 1000);
    put_ident(t, ROW_CUSTOMER_ID, o->customer_id);
    put_ident(t, ROW_PRODUCT_ID, o->product_id);
    out_i64(t, ROW_QUANTITY, o->quantity);
    out_money(t, ROW_SUBTOTAL, o->subtotal_e4);
    out_money(t, ROW_DISCOUNT, o->discount_e4);
    out_money(t, ROW_SHIPPING, o->shipping_e4);
    out_money(t, ROW_TAX, o->tax_e4);
    out_money(t, ROW_TOTAL, o->total_e4);
    out_text(t, ROW_CURRENCY, text_of(o->currency));
    out_text(t, ROW_SOURCE, o->source);
    out_text(t, ROW_STATE, o->state);
    out_text(t, ROW_ITEMS, o->items_json);
    out_i32(t, ROW_WARNINGS, (int32_t)o->warnings);
}

static void put_no_order(struct out_table *t) {
    for (int64_t column = ROW_EVENT; column <= ROW_WARNINGS; column++) {
        out_null(t, column);
    }
}

bool order_rows_add(struct order_rows *rows, const struct message *m, int64_t position,
                    const struct order *o, const char *verdict, const struct rejection *why,
                    int64_t arrival_ms, int64_t epoch_us) {
    struct out_table *t = &rows->table;
    if (!out_row_room(t)) {
        return false;
    }
    out_i64(t, ROW_POSITION, position);
    out_i64(t, ROW_OFFSET, m->offset);
    if (m->partition >= 0) {
        out_i32(t, ROW_PARTITION, m->partition);
    } else {
        out_null(t, ROW_PARTITION);
    }
    out_i64(t, ROW_ARRIVAL, arrival_ms * 1000);
    if (o != NULL) {
        put_order(t, o);
    } else {
        put_no_order(t);
    }
    out_text(t, ROW_VERDICT, text_of(verdict));
    out_text(t, ROW_CODE, text_of(why != NULL ? why->code : NULL));
    out_text(t, ROW_FIELD, text_of(why != NULL ? why->field : NULL));
    out_text(t, ROW_MESSAGE, text_of(why != NULL ? why->message : NULL));
    out_i64(t, ROW_EPOCH_US, epoch_us);
    out_row_end(t);
    return !t->failed;
}

const char *order_rows_problem(const struct order_rows *rows) {
    return rows->table.too_large
               ? "the rows of this batch would take 2 GiB in one column: give smaller batches"
               : NULL;
}

size_t order_rows_count(const struct order_rows *rows) {
    return (size_t)rows->table.n_rows;
}

bool order_rows_export(struct order_rows *rows, struct ArrowSchema *schema,
                       struct ArrowArray *array) {
    return out_table_export(&rows->table, schema, array);
}
