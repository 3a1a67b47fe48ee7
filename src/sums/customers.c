// SPDX-License-Identifier: MIT
// The customers of a shop, read once and then never changed.
//
// The happy path: a row's texts pass the rules of order.h; the pair (source, state) gets a number,
// since a million customers share a few hundred pairs; the customer's id and that number go into an
// open-addressing table: 12 bytes a slot, 16 to 32 a customer, plus the text of identifiers that
// are not numbers.
//
// How it fails: a row is wrong, or memory is refused. The error names the row.
#include "sums/customers.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/hash.h"
#include "sums/customers_internal.h"
#include <stdio.h>

enum { FIRST_SLOTS = 1024, CUSTOMERS_MAX = 500 * 1000 * 1000 };

struct customers {
    const struct mem_heap *heap;
    int64_t *keys;     // >= 0: the integer; else -1 - offset of the text in id_texts
    uint32_t *pair_of; // 1 + index into pairs; 0: the slot is free
    size_t n_slots;    // a power of two
    size_t count;
    struct buf id_texts; // length (1 byte: at most ORDER_ID_MAX), bytes

    struct customer *pairs;
    uint32_t *pair_slots; // 1 + index into pairs; 0: free
    size_t n_pairs, n_pair_slots;
    struct arena pair_texts;
};

struct customers *customers_new(const struct mem_heap *heap) {
    struct customers *c = heap_zalloc(heap, 1, sizeof *c);
    if (c != NULL) {
        c->heap = c->id_texts.heap = c->pair_texts.heap = heap;
    }
    return c;
}

void customers_free(struct customers *c) {
    if (c == NULL) {
        return;
    }
    heap_free(c->heap, c->keys);
    heap_free(c->heap, c->pair_of);
    heap_free(c->heap, c->pairs);
    heap_free(c->heap, c->pair_slots);
    buf_free(&c->id_texts);
    arena_free(&c->pair_texts);
    heap_free(c->heap, c);
}

size_t customers_count(const struct customers *c) {
    return c != NULL ? c->count : 0;
}

// --- Pairs of source and state

static uint64_t pair_hash(const struct customer *pair) {
    return hash_text(pair->state, hash_text(pair->source, 0));
}

static bool same_pair(const struct customer *a, const struct customer *b) {
    return text_equal(a->source, b->source) && text_equal(a->state, b->state);
}

static uint32_t *find_pair_slot(struct customers *c, const struct customer *pair) {
    size_t mask = c->n_pair_slots - 1;
    size_t i = pair_hash(pair) & mask;
    while (c->pair_slots[i] != 0 && !same_pair(&c->pairs[c->pair_slots[i] - 1], pair)) {
        i = (i + 1) & mask;
    }
    return &c->pair_slots[i];
}

static bool grow_pairs(struct customers *c) {
    size_t n = c->n_pair_slots == 0 ? FIRST_SLOTS : c->n_pair_slots * 2;
    struct customer *pairs = heap_realloc(c->heap, c->pairs, n / 2 * sizeof *pairs);
    if (pairs == NULL) {
        return false;
    }
    c->pairs = pairs;
    uint32_t *slots = heap_zalloc(c->heap, n, sizeof *slots);
    if (slots == NULL) {
        return false;
    }
    heap_free(c->heap, c->pair_slots);
    c->pair_slots = slots;
    c->n_pair_slots = n;
    for (size_t i = 0; i < c->n_pairs; i++) {
        *find_pair_slot(c, &c->pairs[i]) = (uint32_t)i + 1;
    }
    return true;
}

static bool copy_optional(struct customers *c, struct text from, struct text *to) {
    *to = TEXT_NONE;
    return from.at == NULL || arena_try_copy(&c->pair_texts, from, to);
}

// The pair's number, 1 + index. 0: memory is refused.
static uint32_t pair_number(struct customers *c, const struct customer *pair) {
    if (c->n_pairs * 2 >= c->n_pair_slots && !grow_pairs(c)) {
        return 0;
    }
    uint32_t *slot = find_pair_slot(c, pair);
    if (*slot == 0) {
        struct customer *fresh = &c->pairs[c->n_pairs];
        if (!copy_optional(c, pair->source, &fresh->source) ||
            !copy_optional(c, pair->state, &fresh->state)) {
            return 0;
        }
        *slot = (uint32_t)++c->n_pairs;
    }
    return *slot;
}

// --- Customers

static uint64_t id_hash(struct ident id) {
    return id.num >= 0 ? hash_u64((uint64_t)id.num) : hash_text(id.text, 0);
}

static struct ident key_ident(const struct customers *c, int64_t key) {
    if (key >= 0) {
        return (struct ident){key, {NULL, 0}};
    }
    const char *at = c->id_texts.at + (-1 - key);
    return (struct ident){-1, {at + 1, (unsigned char)at[0]}};
}

// The slot of this customer, or the free one where it belongs.
static size_t find_slot(const struct customers *c, struct ident id) {
    size_t mask = c->n_slots - 1;
    size_t i = id_hash(id) & mask;
    while (c->pair_of[i] != 0 && !ident_equal(key_ident(c, c->keys[i]), id)) {
        i = (i + 1) & mask;
    }
    return i;
}

const struct customer *customers_find(const struct customers *c, struct ident customer_id) {
    if (c == NULL || c->count == 0 || !ident_present(customer_id)) {
        return NULL;
    }
    uint32_t pair = c->pair_of[find_slot(c, customer_id)];
    return pair != 0 ? &c->pairs[pair - 1] : NULL;
}

static bool grow_slots(struct customers *c) {
    size_t old_n = c->n_slots;
    int64_t *old_keys = c->keys;
    uint32_t *old_pairs = c->pair_of;
    size_t n = old_n == 0 ? FIRST_SLOTS : old_n * 2;
    int64_t *keys = heap_alloc(c->heap, n * sizeof *keys);
    uint32_t *pair_of = heap_zalloc(c->heap, n, sizeof *pair_of);
    if (keys == NULL || pair_of == NULL) {
        heap_free(c->heap, keys);
        heap_free(c->heap, pair_of);
        return false;
    }
    c->keys = keys;
    c->pair_of = pair_of;
    c->n_slots = n;
    for (size_t i = 0; i < old_n; i++) {
        if (old_pairs[i] != 0) {
            size_t to = find_slot(c, key_ident(c, old_keys[i]));
            c->keys[to] = old_keys[i];
            c->pair_of[to] = old_pairs[i];
        }
    }
    heap_free(c->heap, old_keys);
    heap_free(c->heap, old_pairs);
    return true;
}

static bool add_customer(struct customers *c, struct ident id, const struct customer *pair) {
    if (c->count * 4 >= c->n_slots * 3 && !grow_slots(c)) {
        return false;
    }
    uint32_t number = pair_number(c, pair);
    if (number == 0) {
        return false;
    }
    size_t slot = find_slot(c, id);
    if (c->pair_of[slot] == 0) {
        c->keys[slot] = id.num;
        if (id.num < 0) {
            if (!buf_reserve(&c->id_texts, 1 + id.text.len)) {
                c->id_texts.failed = false; // what it holds is whole
                return false;
            }
            c->keys[slot] = -1 - (int64_t)c->id_texts.len;
            buf_put_char(&c->id_texts, (char)id.text.len);
            buf_put_text(&c->id_texts, id.text);
        }
        c->count++;
    }
    c->pair_of[slot] = number; // the last row of an id holds
    return true;
}

// --- Rows

static enum customer_row_result wrong_value(struct customer_row_problem *p, const char *field,
                                            const char *what) {
    snprintf(p->text, sizeof p->text, "%s: %s", field, what);
    return CUSTOMER_ROW_WRONG;
}

// Passes one row's texts through the rules of an order's fields.
static enum customer_row_result read_row_fields(const struct text texts[CUSTOMER_FIELDS],
                                                struct order *o, struct customer_row_problem *p) {
    static const struct order_rules rules = {.currency = "USD"};
    struct rejection why;
    struct order_builder b;
    order_begin(&b, &rules, o, &why);
    for (int f = 0; f < CUSTOMER_FIELDS; f++) {
        struct text value = text_trim(texts[f]);
        if (!text_is_utf8(value)) {
            char what[sizeof(struct excerpt) + 16];
            snprintf(what, sizeof what, "not UTF-8: '%s'", excerpt_of(value).text);
            return wrong_value(p, order_field_name(customer_fields[f]), what);
        }
        if (value.len > 0 && !order_set(&b, customer_fields[f], VALUE_TEXT, value)) {
            return wrong_value(p, why.field, why.message);
        }
    }
    if (!ident_present(o->customer_id)) {
        snprintf(p->text, sizeof p->text, "customer_id is empty");
        return CUSTOMER_ROW_WRONG;
    }
    return CUSTOMER_ROW_ADDED;
}

enum customer_row_result customers_add_row(struct customers *c,
                                           const struct text texts[CUSTOMER_FIELDS],
                                           struct customer_row_problem *p) {
    struct order o;
    enum customer_row_result result = read_row_fields(texts, &o, p);
    if (result != CUSTOMER_ROW_ADDED) {
        return result;
    }
    if (c->count >= CUSTOMERS_MAX) {
        snprintf(p->text, sizeof p->text, "more than 500 million customers");
        return CUSTOMER_ROW_WRONG;
    }
    struct customer pair = {o.source, o.state};
    return add_customer(c, o.customer_id, &pair) ? CUSTOMER_ROW_ADDED : CUSTOMER_ROW_NO_MEMORY;
}

static struct text row_text(const struct text *column, size_t row) {
    return column != NULL ? column[row] : TEXT_NONE;
}

bool customers_add(struct customers *c, const struct customer_rows *rows, struct error *err) {
    for (size_t i = 0; i < rows->n_rows; i++) {
        const struct text texts[CUSTOMER_FIELDS] = {
            row_text(rows->ids, i), row_text(rows->sources, i), row_text(rows->states, i)};
        struct customer_row_problem problem;
        switch (customers_add_row(c, texts, &problem)) {
        case CUSTOMER_ROW_ADDED:
            break;
        case CUSTOMER_ROW_WRONG:
            return error_set(err, ERROR_USAGE, "customers, row %zu: %s", rows->first_row + i,
                             problem.text);
        case CUSTOMER_ROW_NO_MEMORY:
            return error_set(err, ERROR_RETRIABLE, "customers, row %zu: out of memory",
                             rows->first_row + i);
        }
    }
    return true;
}
