// SPDX-License-Identifier: MIT
// Waiting ids. A shop's integer ids nearly always increase: such an id extends the last extent or
// begins a new one behind it, and costs a comparison. Texts, and integers that come out of order,
// go to the hash map. Sorting merges the two, and folds neighbours of the map into extents as well.
#include "store/sqlite/waiting_ids.h"

#include "base/mem.h"
#include <assert.h>
#include <stdlib.h>

void waiting_prefetch(const struct waiting *w, int64_t slot) {
    if (w->map.n > 0) {
        id_map_prefetch(&w->map, slot);
    }
}

int64_t waiting_find(const struct waiting *w, int64_t slot) {
    size_t low = 0, high = w->n_up; // the last extent that begins at or before the slot
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (w->up[middle].key <= slot) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low > 0) {
        const struct extent *e = &w->up[low - 1];
        int64_t position = extent_position(slot, e->key, e->position, e->n);
        if (position != 0) {
            return position;
        }
    }
    return id_map_find(&w->map, slot);
}

bool waiting_increases(const struct waiting *w, int64_t slot) {
    const struct extent *last = w->n_up > 0 ? &w->up[w->n_up - 1] : NULL;
    return slot >= 0 && (last == NULL || slot - last->key >= last->n);
}

bool waiting_room_up(struct waiting *w) {
    if (w->n_up == w->cap_up) {
        size_t cap = w->cap_up > 0 ? w->cap_up * 2 : 64;
        struct extent *up = try_realloc(w->up, cap * sizeof *up);
        if (up == NULL) {
            return false;
        }
        w->up = up;
        w->cap_up = cap;
    }
    return true;
}

void waiting_add_up(struct waiting *w, const struct extent *e) {
    struct extent *last = w->n_up > 0 ? &w->up[w->n_up - 1] : NULL;
    w->n_up_ids += (size_t)e->n;
    if (last != NULL && extent_goes_on(last, e->key, e->position)) {
        last->n += e->n;
        return;
    }
    assert(w->n_up < w->cap_up);
    w->up[w->n_up++] = *e;
}

bool waiting_add(struct waiting *w, int64_t slot, int64_t position) {
    if (!waiting_increases(w, slot)) {
        return id_map_add(&w->map, slot, position);
    }
    if (!waiting_room_up(w)) {
        return false;
    }
    waiting_add_up(w, &(struct extent){slot, position, 1});
    return true;
}

static void fold(struct extent *out, size_t *n, struct extent next) {
    if (*n > 0 && extent_goes_on(&out[*n - 1], next.key, next.position)) {
        out[*n - 1].n += next.n;
    } else {
        out[(*n)++] = next;
    }
}

struct extent *waiting_sorted(const struct waiting *w, size_t *n) {
    struct id_entry *entries = id_map_sorted(&w->map);
    struct extent *out = try_alloc((w->n_up + w->map.n) * sizeof *out);
    if (entries == NULL || out == NULL) {
        free(entries);
        free(out);
        return NULL;
    }
    *n = 0;
    size_t up = 0, other = 0;
    while (up < w->n_up || other < w->map.n) {
        if (other == w->map.n || (up < w->n_up && w->up[up].key < entries[other].key)) {
            fold(out, n, w->up[up++]);
        } else {
            fold(out, n, (struct extent){entries[other].key, entries[other].position, 1});
            other++;
        }
    }
    free(entries);
    return out;
}

void waiting_renew(struct waiting *w, size_t n) {
    struct id_map map = w->map;
    free(w->up);
    if (n > 0) {
        id_map_renew(&map, n);
    } else {
        id_map_free(&map);
    }
    *w = (struct waiting){.map = map};
}

void waiting_free(struct waiting *w) {
    waiting_renew(w, 0);
}
