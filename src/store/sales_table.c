// SPDX-License-Identifier: MIT
#include "store/sales_table.h"

#include "base/heap.h"
#include "store/sales_query.h"
#include <stdlib.h>
#include <string.h>

// Thousands of rows are common, and each step moves all of them.
enum { FIRST_ROWS = 64, GROWTH = 4 };

static uint32_t hash_of(const struct sales_row *key) {
    return (uint32_t)sales_row_hash(key);
}

static bool is_of(const struct sales_table *t, const struct sales_slot *slot,
                  const struct sales_row *key, uint32_t hash) {
    return slot->hash == hash && sales_row_compare(&t->rows[slot->number - 1].row, key) == 0;
}

static struct sales_slot *find_slot(const struct sales_table *t, const struct sales_row *key,
                                    uint32_t hash) {
    size_t mask = 2 * t->cap - 1, i = hash & mask;
    while (t->slots[i].number != 0 && !is_of(t, &t->slots[i], key, hash)) {
        i = (i + 1) & mask;
    }
    return &t->slots[i];
}

// Of a key that is not there.
static void put_slot(struct sales_slot *slots, size_t mask, struct sales_slot slot) {
    size_t i = slot.hash & mask;
    while (slots[i].number != 0) {
        i = (i + 1) & mask;
    }
    slots[i] = slot;
}

static void fill_slots(struct sales_table *t) {
    memset(t->slots, 0, 2 * t->cap * sizeof *t->slots);
    for (size_t i = 0; i < t->n; i++) {
        put_slot(t->slots, 2 * t->cap - 1,
                 (struct sales_slot){(uint32_t)i + 1, hash_of(&t->rows[i].row)});
    }
}

static bool grow(struct sales_table *t) {
    size_t cap = t->cap > 0 ? GROWTH * t->cap : FIRST_ROWS;
    struct sales_answer_row *rows = try_realloc(t->rows, cap * sizeof *rows);
    if (rows == NULL) {
        return false;
    }
    t->rows = rows;
    struct sales_slot *slots = try_alloc(2 * cap * sizeof *slots);
    if (slots == NULL) {
        return false;
    }
    memset(slots, 0, 2 * cap * sizeof *slots);
    for (size_t i = 0; i < 2 * t->cap; i++) {
        if (t->slots[i].number != 0) {
            put_slot(slots, 2 * cap - 1, t->slots[i]);
        }
    }
    free(t->slots);
    t->slots = slots;
    t->cap = cap;
    return true;
}

struct sales_answer_row *sales_table_row(struct sales_table *t, struct arena *texts,
                                         const struct sales_row *key) {
    if (t->n == t->cap && !grow(t)) {
        return NULL;
    }
    uint32_t hash = hash_of(key);
    struct sales_slot *slot = find_slot(t, key, hash);
    if (slot->number == 0) {
        struct sales_answer_row *row = &t->rows[t->n];
        *row = (struct sales_answer_row){.row = *key};
        row->row.sum = (struct measures){0};
        if (!sales_row_keep(texts, &row->row)) {
            return NULL;
        }
        *slot = (struct sales_slot){(uint32_t)++t->n, hash};
    }
    return &t->rows[slot->number - 1];
}

struct sales_answer_row *sales_table_known(const struct sales_table *t,
                                           const struct sales_row *key) {
    return &t->rows[find_slot(t, key, hash_of(key))->number - 1];
}

void sales_table_drop_empty(struct sales_table *t, size_t first) {
    size_t n = first;
    for (size_t i = first; i < t->n; i++) {
        if (!sales_sum_is_zero(&t->rows[i].before)) {
            t->rows[n++] = t->rows[i];
        }
    }
    if (n < t->n) {
        t->n = n;
        fill_slots(t);
    }
}

void sales_table_free(struct sales_table *t) {
    free(t->rows);
    free(t->slots);
}
