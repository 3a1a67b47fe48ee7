// SPDX-License-Identifier: MIT
// The identity of each message, for whoever looks for duplicates by other means than a task's
// window.
//
// 1. The batch is checked as a whole (arrow_in.c).
// 2. What is an order gets the digest that a window knows it by. All else (nothing in it, rejected
//    by a door, no order) gets what no other message has: it must not pass for a duplicate.
//
// How it fails: the batch is wrong, or memory is refused: nothing comes out then. What came in is
// released in every case.
#include "format/log_message.h"
#include "format/rejected_header.h"
#include "kernel/arrow_in.h"
#include "kernel/arrow_out.h"
#include "kernel/result.h"
#include "kernel/shop.h"
#include "order/order_digest.h"

enum {
    ARENA_MESSAGES = 1000, // as many at a time lie in the arena
    IDENTITY_BYTES = 16,
};

static const struct out_column_kind identity_kind[] = {{"identity", "z", 0, false}};

struct identities_work {
    const struct salestide_shop *shop;
    struct order_json *parser;
    struct out_table rows;
    struct arena arena;
};

// In the same order on every machine: identities are kept by others for long.
static void put_le(char *at, uint64_t v, int n_bytes) {
    for (int i = 0; i < n_bytes; i++) {
        at[i] = (char)(unsigned char)(v >> (8 * i));
    }
}

static void of_order(const struct order *o, char out[static IDENTITY_BYTES]) {
    struct order_identity id = order_identity_digest(o);
    put_le(out, id.high, 8);
    put_le(out + 8, id.low, 8);
}

static void of_place(const struct message *m, char out[static IDENTITY_BYTES]) {
    put_le(out, (uint64_t)m->offset, 8);
    put_le(out + 8, (uint32_t)m->partition, 4);
    put_le(out + 12, UINT32_MAX, 4);
}

// False when memory is refused.
static bool find_identity(struct identities_work *w, const struct message *m,
                          char out[static IDENTITY_BYTES]) {
    struct order order;
    struct rejection why;
    of_place(m, out);
    if (m->value.at == NULL || rejected_header_read(m->rejected, &why)) {
        return true;
    }
    switch (log_message_parse(w->parser, &w->shop->rules, m->value, m->value_there, &w->arena,
                              &order, &why)) {
    case ORDER_JSON_OK:
        of_order(&order, out);
        return true;
    case ORDER_JSON_REJECTED:
    case ORDER_JSON_BROKEN:
        return true;
    case ORDER_JSON_NO_MEMORY:
        break;
    }
    return false;
}

// A message has 16 bytes: fewer than 2^27 of them fit into one column.
static int32_t identities_failed(const struct identities_work *w, struct salestide_error *err) {
    return w->rows.too_large
               ? kernel_answer(err, SALESTIDE_INVALID,
                               "identities: those of this batch would take 2 GiB: give smaller "
                               "batches")
               : kernel_no_memory(err);
}

static int32_t identify_all(struct identities_work *w, const struct messages *messages,
                            struct salestide_error *err) {
    size_t n = messages_count(messages);
    for (size_t i = 0; i < n; i++) {
        struct message m;
        char identity[IDENTITY_BYTES];
        messages_at(messages, i, &m);
        if (!find_identity(w, &m, identity)) {
            return kernel_no_memory(err);
        }
        if (!out_row_room(&w->rows)) {
            return identities_failed(w, err);
        }
        out_text(&w->rows, 0, (struct text){identity, sizeof identity});
        out_row_end(&w->rows);
        if (i % ARENA_MESSAGES == ARENA_MESSAGES - 1) {
            arena_reset(&w->arena);
        }
    }
    return w->rows.failed ? identities_failed(w, err) : SALESTIDE_OK;
}

static int32_t identify_batch(struct identities_work *w, const struct ArrowSchema *schema,
                              const struct ArrowArray *array, struct salestide_error *err) {
    struct messages messages;
    struct error why;
    if (!messages_open(schema, array, -1, &messages, &why)) {
        return kernel_failed(err, &why);
    }
    w->parser = order_json_new(w->shop->heap);
    w->arena.heap = w->shop->heap;
    if (w->parser == NULL || !out_table_init(&w->rows, identity_kind, 1, w->shop->heap)) {
        return kernel_no_memory(err);
    }
    w->rows.expected_rows = messages.n;
    return identify_all(w, &messages, err);
}

int32_t salestide_identities(const struct salestide_shop *shop, struct ArrowSchema *in_schema,
                             struct ArrowArray *in, struct ArrowSchema *out_schema,
                             struct ArrowArray *out, struct salestide_error *err) {
    struct identities_work w = {.shop = shop};
    kernel_begin(err);
    int32_t result = shop != NULL && out_schema != NULL && out != NULL
                         ? identify_batch(&w, in_schema, in, err)
                         : kernel_answer(err, SALESTIDE_INVALID,
                                         "identities: there is no shop, or no place for rows");
    arrow_release(in_schema, in);
    if (result == SALESTIDE_OK && !out_table_export(&w.rows, out_schema, out)) {
        result = kernel_no_memory(err);
    }
    if (result != SALESTIDE_OK) {
        arrow_clear(out_schema, out);
    }
    out_table_free(&w.rows);
    order_json_free(w.parser);
    arena_free(&w.arena);
    return result;
}
