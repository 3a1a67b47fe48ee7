// SPDX-License-Identifier: MIT
#include "store/sales_table.h"

#include "base/heap.h"
#include "store/sales_query.h"
#include <stdlib.h>
#include <string.h>

// Thousands of rows are common, and each step moves and hashes all of them again.
enum { FIRST_ROWS = 64, GROWTH = 4 };

static uint32_t *find_slot(const struct sales_table *t, const struct sales_row *key) {
    size_t mask = 2 * t->cap - 1;
    size_t i = (size_t)sales_row_hash(key) & mask;
    while (t->slots[i] != 0 && sales_row_compare(&t->rows[t->slots[i] - 1].row, key) != 0) {
        i = (i + 1) & mask;
    }
    return &t->slots[i];
}

static void fill_slots(struct sales_table *t) {
    memset(t->slots, 0, 2 * t->cap * sizeof *t->slots);
    for (size_t i = 0; i < t->n; i++) {
        *find_slot(t, &t->rows[i].row) = (uint32_t)i + 1;
    }
}

static bool grow(struct sales_table *t) {
    size_t cap = t->cap > 0 ? GROWTH * t->cap : FIRST_ROWS;
    struct sales_answer_row *rows = try_realloc(t->rows, cap * sizeof *rows);
    if (rows == NULL) {
        return false;
    }
    t->rows = rows;
    uint32_t *slots = try_realloc(t->slots, 2 * cap * sizeof *slots);
    if (slots == NULL) {
        return false;
    }
    t->slots = slots;
    t->cap = cap;
    fill_slots(t);
    return true;
}

struct sales_answer_row *sales_table_row(struct sales_table *t, struct arena *texts,
                                         const struct sales_row *key) {
    if (t->n == t->cap && !grow(t)) {
        return NULL;
    }
    uint32_t *slot = find_slot(t, key);
    if (*slot == 0) {
        struct sales_answer_row *row = &t->rows[t->n];
        *row = (struct sales_answer_row){.row = *key};
        row->row.sum = (struct measures){0};
        if (!sales_row_keep(texts, &row->row)) {
            return NULL;
        }
        *slot = (uint32_t)++t->n;
    }
    return &t->rows[*slot - 1];
}

struct sales_answer_row *sales_table_known(const struct sales_table *t,
                                           const struct sales_row *key) {
    return &t->rows[*find_slot(t, key) - 1];
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
