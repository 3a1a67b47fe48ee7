// SPDX-License-Identifier: MIT
// Ids that wait in memory to be written into the index: increasing integers as extents, all
// others in a hash map. A zeroed struct is valid and empty. Not thread-safe.
#pragma once
#include "store/sqlite/id_map.h"

// The ids key .. key + n - 1 at the positions position .. position + n - 1.
struct extent {
    int64_t key, position, n;
};

// True when an id, or an extent that begins with it, goes on where `e` ends. Texts never fold: two
// hashes side by side mean nothing.
static inline bool extent_goes_on(const struct extent *e, int64_t key, int64_t position) {
    return key >= 0 && e->key >= 0 && key - e->key == e->n && position - e->position == e->n;
}

struct waiting {
    struct extent *up; // ascending by key
    size_t n_up, cap_up, n_up_ids;
    struct id_map map;
};

static inline size_t waiting_count(const struct waiting *w) {
    return w->n_up_ids + w->map.n;
}
void waiting_prefetch(const struct waiting *w, int64_t slot);
// 0 when it is not there.
int64_t waiting_find(const struct waiting *w, int64_t slot);
// True for an integer behind all that are extents, so that it begins or continues one.
bool waiting_increases(const struct waiting *w, int64_t slot);
// Room for one extent more. False when memory is refused.
MUST_CHECK bool waiting_room_up(struct waiting *w);
// Ids that increase; for one that does not go on where the last one ends there is room.
void waiting_add_up(struct waiting *w, const struct extent *e);
// Adds a slot that is not there. False when memory is refused.
MUST_CHECK bool waiting_add(struct waiting *w, int64_t slot, int64_t position);
// Empties it, and gives it room for n ids that do not increase, in the memory it has where that is
// of the size (id_map_renew).
void waiting_renew(struct waiting *w, size_t n);
// All ids as extents sorted by key, an array of *n that the caller frees; NULL when memory is
// refused.
MUST_CHECK struct extent *waiting_sorted(const struct waiting *w, size_t *n);
void waiting_free(struct waiting *w);

// Position of `slot` in the extent (key, position, n), 0 when it is outside.
static inline int64_t extent_position(int64_t slot, int64_t key, int64_t position, int64_t n) {
    // Unsigned: the distance of two int64 may not fit in one.
    uint64_t distance = (uint64_t)slot - (uint64_t)key;
    return slot >= key && distance < (uint64_t)n ? position + (int64_t)distance : 0;
}
