// SPDX-License-Identifier: MIT
// A hash map from 64-bit keys to positions: the ids that are in no run of the index yet.
// A zeroed struct is a valid, empty map. Not thread-safe.
#pragma once
#include "base/must.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct id_entry {
    int64_t key;
    int64_t position; // >= 1; 0 marks an empty slot
};

struct id_map {
    struct id_entry *slots;
    size_t n, mask; // mask + 1 slots, a power of two; slots == NULL: none
};

void id_map_prefetch(const struct id_map *m, int64_t key);
// Position of the key, 0 when it is not there.
int64_t id_map_find(const struct id_map *m, int64_t key);
// Adds a key that is not there. False when memory is refused.
MUST_CHECK bool id_map_add(struct id_map *m, int64_t key, int64_t position);
// Empties the map and gives it room for n keys, so that adding them never stops to move the others.
// The memory it has is used again when it is of that size; it is written to once, so that adding
// need not wait for the kernel either. Without memory the map grows as it goes.
void id_map_renew(struct id_map *m, size_t n);
// All entries sorted by key, as an array the caller frees; NULL when memory is refused.
MUST_CHECK struct id_entry *id_map_sorted(const struct id_map *m);
void id_map_free(struct id_map *m);
