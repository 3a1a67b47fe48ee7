// SPDX-License-Identifier: MIT
// Open addressing with linear probing, at most 5/8 full, 16 bytes a slot.
#include "store/sqlite/id_map.h"

#include "base/hash.h"
#include "base/mem.h"
#include <stdlib.h>

enum { FIRST_SLOTS = 1024 };

static size_t home(const struct id_map *m, int64_t key) {
    return (size_t)hash_u64((uint64_t)key) & m->mask;
}

void id_map_prefetch(const struct id_map *m, int64_t key) {
    if (m->slots != NULL) {
        __builtin_prefetch(&m->slots[home(m, key)], 1);
    }
}

int64_t id_map_find(const struct id_map *m, int64_t key) {
    if (m->slots == NULL) {
        return 0;
    }
    for (size_t i = home(m, key); m->slots[i].position != 0; i = (i + 1) & m->mask) {
        if (m->slots[i].key == key) {
            return m->slots[i].position;
        }
    }
    return 0;
}

static void id_map_put(struct id_map *m, int64_t key, int64_t position) {
    size_t i = home(m, key);
    while (m->slots[i].position != 0) {
        i = (i + 1) & m->mask;
    }
    m->slots[i] = (struct id_entry){key, position};
}

static struct id_entry *try_slots(size_t n_slots) {
    void *ask =
        try_alloc(0);  // so that a test's hook can refuse; calloc itself hands out zero pages
    if (ask == NULL) { // that are only touched as the map fills
        return NULL;
    }
    free(ask);
    return calloc(n_slots, sizeof(struct id_entry));
}

static bool id_map_grow(struct id_map *m) {
    size_t n_slots = m->slots == NULL ? FIRST_SLOTS : (m->mask + 1) * 2;
    struct id_map bigger = {.slots = try_slots(n_slots), .n = m->n, .mask = n_slots - 1};
    if (bigger.slots == NULL) {
        return false;
    }
    for (size_t i = 0; m->slots != NULL && i <= m->mask; i++) {
        if (m->slots[i].position != 0) {
            id_map_put(&bigger, m->slots[i].key, m->slots[i].position);
        }
    }
    free(m->slots);
    *m = bigger;
    return true;
}

void id_map_reserve(struct id_map *m, size_t n) {
    size_t n_slots = FIRST_SLOTS;
    while (n_slots * 5 / 8 < n) {
        n_slots *= 2;
    }
    struct id_entry *slots = m->n == 0 ? try_slots(n_slots) : NULL;
    if (slots != NULL) {
        free(m->slots);
        *m = (struct id_map){.slots = slots, .mask = n_slots - 1};
    }
}

bool id_map_add(struct id_map *m, int64_t key, int64_t position) {
    if ((m->slots == NULL || (m->n + 1) * 8 > (m->mask + 1) * 5) && !id_map_grow(m)) {
        return false;
    }
    id_map_put(m, key, position);
    m->n++;
    return true;
}

static uint64_t radix_key(int64_t key) {
    return (uint64_t)key ^ UINT64_C(1) << 63; // signed order as unsigned
}

// Least significant digit first, 11 bits a pass; passes in which all keys agree are skipped, which
// is most of them for increasing integers.
static void radix_sort(struct id_entry **entries, struct id_entry **spare, size_t n) {
    for (int shift = 0; shift < 64; shift += 11) {
        size_t count[2048] = {0};
        for (size_t i = 0; i < n; i++) {
            count[radix_key((*entries)[i].key) >> shift & 2047]++;
        }
        if (n > 0 && count[radix_key((*entries)[0].key) >> shift & 2047] == n) {
            continue;
        }
        size_t at = 0;
        for (size_t d = 0; d < 2048; d++) {
            size_t c = count[d];
            count[d] = at;
            at += c;
        }
        for (size_t i = 0; i < n; i++) {
            (*spare)[count[radix_key((*entries)[i].key) >> shift & 2047]++] = (*entries)[i];
        }
        struct id_entry *swap = *entries;
        *entries = *spare;
        *spare = swap;
    }
}

struct id_entry *id_map_sorted(const struct id_map *m) {
    struct id_entry *entries = try_alloc(m->n * sizeof *entries);
    struct id_entry *spare = try_alloc(m->n * sizeof *spare);
    if (entries == NULL || spare == NULL) {
        free(entries);
        free(spare);
        return NULL;
    }
    size_t n = 0;
    for (size_t i = 0; m->slots != NULL && i <= m->mask; i++) {
        if (m->slots[i].position != 0) {
            entries[n++] = m->slots[i];
        }
    }
    radix_sort(&entries, &spare, n);
    free(spare);
    return entries;
}

void id_map_free(struct id_map *m) {
    free(m->slots);
    *m = (struct id_map){0};
}
