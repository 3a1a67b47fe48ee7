// SPDX-License-Identifier: MIT
// Open addressing from names to numbers. How it fails: what is new gets no number without memory.
#include "store/day_names.h"

#include "base/heap.h"
#include "store/sales_query.h"
#include <stdlib.h>

enum { FIRST_NAMES = 256 };

int64_t day_names_bytes(const struct day_names *b) {
    return (int64_t)(b->cap * (sizeof *b->names + 2 * sizeof *b->slots)) +
           (int64_t)b->texts.total_bytes;
}

void day_names_free(struct day_names *b) {
    arena_free(&b->texts);
    free(b->names);
    free(b->slots);
    *b = (struct day_names){0};
}

static uint32_t *find_slot(const struct day_names *b, const struct sales_row *key) {
    size_t mask = 2 * (size_t)b->cap - 1;
    size_t i = (size_t)sales_row_hash(key) & mask;
    while (b->slots[i] != 0 && sales_row_compare(&b->names[b->slots[i] - 1], key) != 0) {
        i = (i + 1) & mask;
    }
    return &b->slots[i];
}

static bool book_grow(struct day_names *b) {
    uint32_t cap = b->cap > 0 ? 2 * b->cap : FIRST_NAMES;
    struct sales_row *names = try_realloc(b->names, cap * sizeof *names);
    b->names = names != NULL ? names : b->names;
    uint32_t *slots = try_realloc(b->slots, 2 * (size_t)cap * sizeof *slots);
    b->slots = slots != NULL ? slots : b->slots;
    if (names == NULL || slots == NULL) {
        return false;
    }
    memset(slots, 0, 2 * (size_t)cap * sizeof *slots);
    b->cap = cap;
    for (uint32_t i = 0; i < b->n; i++) {
        *find_slot(b, &names[i]) = i + 1;
    }
    return true;
}

uint32_t day_names_number(struct day_names *b, const struct sales_row *row) {
    struct sales_row key = {.source = row->source,
                            .state = row->state,
                            .currency = row->currency,
                            .product_id = row->product_id};
    if (b->n == b->cap && !book_grow(b)) {
        return 0;
    }
    uint32_t *slot = find_slot(b, &key);
    if (*slot == 0) {
        if (!sales_row_keep(&b->texts, &key)) {
            return 0;
        }
        b->names[b->n] = key;
        *slot = ++b->n;
    }
    return *slot;
}
