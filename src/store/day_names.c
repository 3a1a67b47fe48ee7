// SPDX-License-Identifier: MIT
// Open addressing from names to numbers. How it fails: what is new gets no number without memory.
#include "store/day_names.h"

#include "base/heap.h"
#include "store/sales_query.h"
#include <stdlib.h>
#include <string.h>

enum { FIRST_NAMES = 256 };

int64_t day_names_bytes(const struct day_names *b) {
    return (int64_t)(b->cap * (sizeof *b->chunks[0] + 2 * sizeof *b->slots)) +
           (int64_t)b->texts.total_bytes;
}

void day_names_free(struct day_names *b) {
    arena_free(&b->texts);
    for (size_t i = 0; i < DAY_NAMES_CHUNKS; i++) {
        free(b->chunks[i]);
    }
    free(b->slots);
    *b = (struct day_names){0};
}

static uint32_t names_before(uint32_t chunk) {
    return chunk == 0 ? 0 : FIRST_NAMES << (chunk - 1);
}

static struct sales_row *place_of(const struct day_names *b, uint32_t number) {
    uint32_t chunk = 0;
    while (chunk + 1 < DAY_NAMES_CHUNKS && number >= names_before(chunk + 1)) {
        chunk++;
    }
    return &b->chunks[chunk][number - names_before(chunk)];
}

const struct sales_row *day_names_at(const struct day_names *b, uint32_t number) {
    return place_of(b, number);
}

static uint32_t *find_slot(const struct day_names *b, const struct sales_row *key) {
    size_t mask = 2 * (size_t)b->cap - 1;
    size_t i = (size_t)sales_row_hash(key) & mask;
    while (b->slots[i] != 0 && sales_row_compare(place_of(b, b->slots[i] - 1), key) != 0) {
        i = (i + 1) & mask;
    }
    return &b->slots[i];
}

static bool names_grow(struct day_names *b) {
    uint32_t chunk = 0;
    while (chunk < DAY_NAMES_CHUNKS && b->chunks[chunk] != NULL) {
        chunk++;
    }
    uint32_t more = chunk == 0 ? FIRST_NAMES : b->cap, cap = b->cap + more;
    struct sales_row *names = chunk < DAY_NAMES_CHUNKS ? try_alloc(more * sizeof *names) : NULL;
    uint32_t *slots = names != NULL ? try_realloc(b->slots, 2 * (size_t)cap * sizeof *slots) : NULL;
    if (slots == NULL) {
        free(names);
        return false;
    }
    memset(slots, 0, 2 * (size_t)cap * sizeof *slots);
    b->chunks[chunk] = names;
    b->slots = slots;
    b->cap = cap;
    for (uint32_t i = 0; i < b->n; i++) {
        *find_slot(b, place_of(b, i)) = i + 1;
    }
    return true;
}

uint32_t day_names_number(struct day_names *b, const struct sales_row *row, uint32_t before) {
    struct sales_row key = {.source = row->source,
                            .state = row->state,
                            .currency = row->currency,
                            .product_id = row->product_id};
    if (before > 0 && before < b->n && sales_row_compare(place_of(b, before), &key) == 0) {
        return before + 1;
    }
    if (b->n == b->cap && !names_grow(b)) {
        return 0;
    }
    uint32_t *slot = find_slot(b, &key);
    if (*slot == 0) {
        if (!sales_row_keep(&b->texts, &key)) {
            return 0;
        }
        *place_of(b, b->n) = key;
        *slot = ++b->n;
    }
    return *slot;
}
