// SPDX-License-Identifier: MIT
// Open addressing with linear probing, at most 5/8 full, 16 bytes a slot.
#include "store/sqlite/id_map.h"

#include "base/hash.h"
#include "base/mem.h"
#include <stdlib.h>
#include <string.h>

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

// In huge pages: a place is looked at before it is written, so the kernel maps a page of zeros
// first and replaces it then, which the other cores have to be told. With small pages that held up
// the batch with which a large map began for half a second.
static struct id_entry *try_slots(size_t n_slots) {
    return heap_map(NULL, n_slots, sizeof(struct id_entry));
}

static void give_slots(struct id_map *m) {
    heap_unmap(NULL, m->slots, m->slots != NULL ? m->mask + 1 : 0, sizeof *m->slots);
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
    give_slots(m);
    *m = bigger;
    return true;
}

void id_map_free(struct id_map *m) {
    give_slots(m);
    *m = (struct id_map){0};
}

void id_map_renew(struct id_map *m, size_t n) {
    size_t n_slots = FIRST_SLOTS;
    while (n_slots * 5 / 8 < n) {
        n_slots *= 2;
    }
    if (m->slots == NULL || m->mask + 1 != n_slots) {
        id_map_free(m);
        m->slots = try_slots(n_slots);
        m->mask = m->slots != NULL ? n_slots - 1 : 0;
    }
    if (m->slots != NULL) {
        memset(m->slots, 0, n_slots * sizeof *m->slots);
    }
    m->n = 0;
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
