// SPDX-License-Identifier: MIT
// A shop: made of what the caller gives in memory, since the kernel reads no files of its own
// accord.
//
// 1. The options are checked; a structure that is shorter than it is known here is a caller's of
//    another version.
// 2. The zone is made from its bytes, customers from a CSV's, or row by row from columns.
//
// How it fails: a line that says what is wrong with what was given, or memory is refused. Arrow
// structs are released in every case.
#include "kernel/shop.h"

#include "kernel/arrow_columns.h"
#include "kernel/result.h"
#include "order/zone_tzif.h"
#include <inttypes.h>
#include <stdio.h>

enum { CHUNK_ROWS = 1024 };

// --- A new one

static bool is_currency(const char *c) {
    for (int i = 0; i < 3; i++) {
        if (c[i] < 'A' || c[i] > 'Z') {
            return false;
        }
    }
    return c[3] == '\0';
}

static int32_t check_options(const struct salestide_shop_options *o, struct salestide_error *err) {
    if (o == NULL || o->size_bytes < sizeof *o) {
        return kernel_answer(err, SALESTIDE_INVALID,
                             "shop: size_bytes is not that of this library's options: build "
                             "against its header");
    }
    if (o->currency == NULL || !is_currency(o->currency)) {
        return kernel_answer(err, SALESTIDE_INVALID,
                             "shop: currency '%s': expected three letters such as USD",
                             excerpt_of(text_of(o->currency)).text);
    }
    if (o->timezone == NULL || (o->tzif == NULL && o->tzif_bytes > 0) ||
        o->tzif_bytes > ZONE_FILE_MAX_BYTES) {
        return kernel_answer(err, SALESTIDE_INVALID,
                             "shop: give timezone and tzif, the bytes of its file (at most 256 "
                             "KiB): those of /usr/share/zoneinfo/NAME");
    }
    if (o->late_limit_ms < 0) {
        return kernel_answer(err, SALESTIDE_INVALID, "shop: late_limit_ms is negative");
    }
    return SALESTIDE_OK;
}

int32_t shop_new(const struct salestide_shop_options *options, const struct mem_heap *heap,
                 struct salestide_shop **out, struct salestide_error *err) {
    kernel_begin(err);
    if (out == NULL) {
        return kernel_answer(err, SALESTIDE_INVALID, "shop: there is no place for it");
    }
    *out = NULL;
    int32_t result = check_options(options, err);
    if (result != SALESTIDE_OK) {
        return result;
    }
    struct salestide_shop *shop = heap_zalloc(heap, 1, sizeof *shop);
    if (shop == NULL) {
        return kernel_no_memory(err);
    }
    struct error why;
    struct text tzif = {options->tzif, options->tzif_bytes};
    shop->heap = heap;
    shop->late_limit_ms = options->late_limit_ms;
    if (!zone_name_check(options->timezone, &why) ||
        !zone_from_bytes(options->timezone, "the bytes given", tzif, heap, &shop->zone, &why)) {
        heap_free(heap, shop);
        return kernel_failed(err, &why);
    }
    shop->kept = window_kept_new(heap);
    if (shop->kept == NULL) {
        salestide_shop_free(shop);
        return kernel_no_memory(err);
    }
    shop->rules.zone = shop->zone;
    memcpy(shop->rules.currency, options->currency, sizeof shop->rules.currency);
    *out = shop;
    return SALESTIDE_OK;
}

int32_t salestide_shop_new(const struct salestide_shop_options *options,
                           struct salestide_shop **out, struct salestide_error *err) {
    return shop_new(options, NULL, out, err);
}

void salestide_shop_free(struct salestide_shop *shop) {
    if (shop != NULL) {
        window_kept_free(shop->kept);
        customers_free(shop->customers);
        zone_free(shop->zone);
        heap_free(shop->heap, shop);
    }
}

// --- Customers

int32_t salestide_shop_customers_csv(struct salestide_shop *shop, const char *name,
                                     const void *bytes, size_t n_bytes,
                                     struct salestide_error *err) {
    kernel_begin(err);
    if (shop == NULL || (bytes == NULL && n_bytes > 0)) {
        return kernel_answer(err, SALESTIDE_INVALID, "customers: there is no shop, or no bytes");
    }
    struct error why;
    struct customers *customers;
    struct text csv = {n_bytes > 0 ? bytes : "", n_bytes};
    if (!customers_from_csv(name != NULL ? name : "customers", csv, shop->heap, &customers, &why)) {
        return kernel_failed(err, &why);
    }
    customers_free(shop->customers);
    shop->customers = customers;
    return SALESTIDE_OK;
}

struct customer_columns {
    struct text_column id_text, source, state;
    struct number_column id_number;
};
struct customer_chunk {
    struct text ids[CHUNK_ROWS], sources[CHUNK_ROWS], states[CHUNK_ROWS];
    char digits[CHUNK_ROWS][24];
};

static bool open_columns(const struct ArrowSchema *schema, const struct ArrowArray *array,
                         struct arrow_table *t, struct customer_columns *c, struct error *err) {
    *c = (struct customer_columns){0};
    if (!arrow_table_open(schema, array, t, err)) {
        return false;
    }
    const char *format = arrow_format(t, "customer_id");
    bool is_text = format != NULL && (format[0] == 'u' || format[0] == 'U');
    if (!(is_text ? arrow_texts(t, "customer_id", &c->id_text, err)
                  : arrow_numbers(t, "customer_id", "cCsSiIlL", "utf8, large_utf8 or an integer",
                                  &c->id_number, err)) ||
        !arrow_texts(t, "source", &c->source, err) || !arrow_texts(t, "state", &c->state, err)) {
        return false;
    }
    return c->id_text.present || c->id_number.present ||
           error_set(err, ERROR_USAGE,
                     "customers: there is no column customer_id, or there are two");
}

static struct text id_at(const struct customer_columns *c, int64_t row, char digits[static 24]) {
    const struct number_column *n = &c->id_number;
    if (c->id_text.present) {
        return arrow_text_at(&c->id_text, row);
    }
    if (arrow_is_null(&n->nulls, row)) {
        return TEXT_NONE;
    }
    int len = strchr("CSIL", n->format) != NULL
                  ? snprintf(digits, 24, "%" PRIu64, arrow_unsigned_at(n, row))
                  : snprintf(digits, 24, "%" PRId64, arrow_signed_at(n, row));
    return (struct text){digits, (size_t)len};
}

static bool add_chunk(struct salestide_shop *shop, const struct customer_columns *c,
                      struct customer_chunk *chunk, int64_t first, size_t n, struct error *err) {
    for (size_t i = 0; i < n; i++) {
        int64_t row = first + (int64_t)i;
        chunk->ids[i] = id_at(c, row, chunk->digits[i]);
        chunk->sources[i] = c->source.present ? arrow_text_at(&c->source, row) : TEXT_NONE;
        chunk->states[i] = c->state.present ? arrow_text_at(&c->state, row) : TEXT_NONE;
    }
    struct customer_rows rows = {.n_rows = n,
                                 .first_row = (size_t)first,
                                 .ids = chunk->ids,
                                 .sources = chunk->sources,
                                 .states = chunk->states};
    return customers_add(shop->customers, &rows, err);
}

static bool no_memory(struct error *err) {
    return error_set(err, ERROR_RETRIABLE, "customers: out of memory");
}

static bool add_all(struct salestide_shop *shop, const struct arrow_table *t,
                    const struct customer_columns *c, struct error *err) {
    if (shop->customers == NULL && (shop->customers = customers_new(shop->heap)) == NULL) {
        return no_memory(err);
    }
    struct customer_chunk *chunk = heap_alloc(shop->heap, sizeof *chunk);
    if (chunk == NULL) {
        return no_memory(err);
    }
    bool ok = true;
    for (int64_t row = 0; ok && row < t->n_rows; row += CHUNK_ROWS) {
        int64_t left = t->n_rows - row;
        ok = add_chunk(shop, c, chunk, row, left < CHUNK_ROWS ? (size_t)left : CHUNK_ROWS, err);
    }
    heap_free(shop->heap, chunk);
    return ok;
}

int32_t salestide_shop_customers(struct salestide_shop *shop, struct ArrowSchema *schema,
                                 struct ArrowArray *rows, struct salestide_error *err) {
    struct error why;
    struct arrow_table t;
    struct customer_columns columns;
    kernel_begin(err);
    bool ok = (shop != NULL || error_set(&why, ERROR_USAGE, "customers: there is no shop")) &&
              open_columns(schema, rows, &t, &columns, &why) && add_all(shop, &t, &columns, &why);
    arrow_release(schema, rows);
    return ok ? SALESTIDE_OK : kernel_failed(err, &why);
}
