// SPDX-License-Identifier: MIT
// The cube's dictionaries: (source, state, currency) and (product, currency) to dense numbers.
//
// 1. A value is hashed and looked for in the slots.
// 2. If it is new, room is made first, then its texts are copied, then it gets the next number.
//
// Fails when memory is refused, before anything has changed.
#include "sums/cube_internal.h"

enum { FIRST_DIMS = 256, FIRST_SLOTS = 1024 };

// --- Slots

static const uint32_t no_slots[1] = {0};

void slots_init(struct slots *s) {
    *s = (struct slots){(uint32_t *)(uintptr_t)no_slots, 0}; // read only: nothing is put there
}

void slots_free(const struct mem_heap *heap, struct slots *s) {
    if (s->mask != 0) {
        heap_free(heap, s->at);
    }
    slots_init(s);
}

bool slots_renew(const struct mem_heap *heap, struct slots *s, uint32_t n_slots) {
    uint32_t *at = heap_zalloc(heap, n_slots, sizeof *at);
    if (at == NULL) {
        return false;
    }
    slots_free(heap, s);
    *s = (struct slots){at, n_slots - 1};
    return true;
}

// --- Dictionaries

void dims_init(struct dims *d, const struct mem_heap *heap) {
    *d = (struct dims){.texts.heap = heap};
    slots_init(&d->slots);
}

void dims_free(struct dims *d) {
    heap_free(d->texts.heap, d->at);
    heap_free(d->texts.heap, d->hashes);
    slots_free(d->texts.heap, &d->slots);
    arena_free(&d->texts);
    dims_init(d, d->texts.heap);
}

uint64_t group_hash(const struct cube_dim *group) {
    return hash_text(group->source, 1) ^ hash_u64(hash_text(group->state, 2)) ^
           hash_bytes(group->currency, 4, 3);
}

uint64_t product_hash(const struct cube_dim *product) {
    struct ident id = product->product_id;
    return (id.num >= 0 ? hash_u64((uint64_t)id.num) : hash_text(id.text, 4)) ^
           hash_bytes(product->currency, 4, 3);
}

static bool dim_equal(const struct cube_dim *a, const struct cube_dim *b) {
    return ident_equal(a->product_id, b->product_id) && text_equal(a->source, b->source) &&
           text_equal(a->state, b->state) && memcmp(a->currency, b->currency, 4) == 0;
}

bool dims_find(const struct dims *d, uint64_t hash, const struct cube_dim *value, uint32_t *index) {
    uint32_t i = (uint32_t)hash & d->slots.mask;
    for (; d->slots.at[i] != 0; i = (i + 1) & d->slots.mask) {
        *index = d->slots.at[i] - 1;
        if (d->hashes[*index] == hash && dim_equal(&d->at[*index], value)) {
            return true;
        }
    }
    return false;
}

static bool grow_values(struct dims *d) {
    uint32_t cap = d->cap > 0 ? d->cap * 2 : FIRST_DIMS;
    struct cube_dim *at = heap_realloc(d->texts.heap, d->at, cap * sizeof *at);
    if (at == NULL) {
        return false;
    }
    d->at = at;
    uint64_t *hashes = heap_realloc(d->texts.heap, d->hashes, cap * sizeof *hashes);
    if (hashes == NULL) {
        return false;
    }
    d->hashes = hashes;
    d->cap = cap;
    return true;
}

static bool grow_dim_slots(struct dims *d) {
    uint32_t n_slots = d->slots.mask == 0 ? FIRST_SLOTS : (d->slots.mask + 1) * 2;
    if (!slots_renew(d->texts.heap, &d->slots, n_slots)) {
        return false;
    }
    for (uint32_t i = 0; i < d->n; i++) {
        slots_put(&d->slots, d->hashes[i], i);
    }
    return true;
}

static bool keep_text(struct dims *d, struct text from, struct text *to) {
    *to = from;
    return from.at == NULL || arena_try_copy(&d->texts, from, to);
}

bool dims_add(struct dims *d, uint64_t hash, const struct cube_dim *value, uint32_t *index) {
    struct cube_dim fresh = *value;
    fresh.store_id = -1;
    if (d->n == CUBE_DIMS_LIMIT || (d->n == d->cap && !grow_values(d)) ||
        ((d->n + 1) * 2 > d->slots.mask && !grow_dim_slots(d)) ||
        !keep_text(d, value->source, &fresh.source) || !keep_text(d, value->state, &fresh.state) ||
        !keep_text(d, value->product_id.text, &fresh.product_id.text)) {
        return false;
    }
    *index = fresh.number = d->n++;
    d->at[*index] = fresh;
    d->hashes[*index] = hash;
    slots_put(&d->slots, hash, *index);
    return true;
}
