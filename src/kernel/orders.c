// SPDX-License-Identifier: MIT
// Messages into orders: parsed and checked, source and state found, and nothing else.
//
// 1. The batch is checked as a whole (arrow_in.c).
// 2. Each message that has a value is parsed; what a door has rejected, or what is no order, is a
//    row with its reason.
// 3. Rows are written column by column into the buffers that are handed over.
//
// How it fails: the batch is wrong, or memory is refused: nothing comes out then. What came in is
// released in every case, once it is not looked at any more.
#include "format/log_message.h"
#include "format/rejected_header.h"
#include "kernel/order_rows.h"
#include "kernel/result.h"
#include "kernel/shop.h"
#include "sums/origin.h"

enum { ARENA_MESSAGES = 1000 }; // as many at a time lie in the arena

struct orders_work {
    const struct salestide_shop *shop;
    struct order_json *parser;
    struct order_rows *rows;
    struct arena arena;
};

static int32_t rows_failed(const struct orders_work *w, struct salestide_error *err) {
    const char *problem = order_rows_problem(w->rows);
    return problem != NULL ? kernel_answer(err, SALESTIDE_INVALID, "orders: %s", problem)
                           : kernel_no_memory(err);
}

static int32_t take_message(struct orders_work *w, const struct message *m,
                            struct salestide_error *err) {
    struct order order;
    struct rejection why;
    int64_t arrival_ms = log_arrival_ms(m->stamp_ms);
    enum order_json_result result = ORDER_JSON_REJECTED;
    if (!rejected_header_read(m->rejected, &why)) {
        result = log_message_parse(w->parser, &w->shop->rules, m->value, m->value_there, &w->arena,
                                   &order, &why);
    }
    if (result == ORDER_JSON_NO_MEMORY) {
        return kernel_no_memory(err);
    }
    bool is_order = result == ORDER_JSON_OK;
    if (is_order) {
        order_mark_arrival(&order, arrival_ms, w->shop->late_limit_ms);
        origin_resolve(&order, NULL, w->shop->customers);
    }
    return order_rows_add(w->rows, m, m->offset, is_order ? &order : NULL,
                          is_order ? "new" : "rejected", is_order ? NULL : &why, arrival_ms, 0)
               ? SALESTIDE_OK
               : rows_failed(w, err);
}

static int32_t take_all(struct orders_work *w, const struct messages *messages,
                        struct salestide_error *err) {
    int32_t result = SALESTIDE_OK;
    size_t n = messages_count(messages);
    for (size_t i = 0; i < n && result == SALESTIDE_OK; i++) {
        struct message m;
        messages_at(messages, i, &m);
        if (m.value.at != NULL) {
            result = take_message(w, &m, err);
        }
        if (i % ARENA_MESSAGES == ARENA_MESSAGES - 1) {
            arena_reset(&w->arena);
        }
    }
    return result;
}

static int32_t read_batch(struct orders_work *w, const struct ArrowSchema *schema,
                          const struct ArrowArray *array, struct salestide_error *err) {
    struct messages messages;
    struct error why;
    if (!messages_open(schema, array, -1, &messages, &why)) {
        return kernel_failed(err, &why);
    }
    w->parser = order_json_new(w->shop->heap);
    w->rows = order_rows_new(w->shop->heap);
    w->arena.heap = w->shop->heap;
    if (w->parser == NULL || w->rows == NULL) {
        return kernel_no_memory(err);
    }
    order_rows_expect(w->rows, messages_count(&messages));
    return take_all(w, &messages, err);
}

int32_t salestide_orders(const struct salestide_shop *shop, struct ArrowSchema *in_schema,
                         struct ArrowArray *in, struct ArrowSchema *out_schema,
                         struct ArrowArray *out, struct salestide_error *err) {
    struct orders_work w = {.shop = shop};
    kernel_begin(err);
    int32_t result = shop != NULL && out_schema != NULL && out != NULL
                         ? read_batch(&w, in_schema, in, err)
                         : kernel_answer(err, SALESTIDE_INVALID,
                                         "orders: there is no shop, or no place for rows");
    arrow_release(in_schema, in);
    if (result == SALESTIDE_OK && !order_rows_export(w.rows, out_schema, out)) {
        result = kernel_no_memory(err);
    }
    if (result != SALESTIDE_OK) {
        arrow_clear(out_schema, out);
    }
    order_rows_free(w.rows);
    order_json_free(w.parser);
    arena_free(&w.arena);
    return result;
}
