// SPDX-License-Identifier: MIT
// Bump allocator. Blocks form a list, newest first; a block is at least BLOCK_BYTES, larger when
// one allocation needs it. Fails only when the heap refuses; what was handed out stays valid then.
#include "base/arena.h"

#include <stdint.h>

enum { BLOCK_BYTES = 2 * 1024, ALIGNMENT = 16 };

struct arena_block {
    struct arena_block *next;
    size_t n_bytes;
    _Alignas(ALIGNMENT) char bytes[];
};

static bool arena_grow(struct arena *a, size_t n_bytes) {
    // Doubling keeps the number of blocks logarithmic for large batches.
    size_t want = a->total_bytes < BLOCK_BYTES ? BLOCK_BYTES : a->total_bytes;
    if (want > (size_t)4 * 1024 * 1024) {
        want = (size_t)4 * 1024 * 1024;
    }
    if (want < n_bytes) {
        want = n_bytes;
    }
    if (want > SIZE_MAX - sizeof(struct arena_block)) {
        return false;
    }
    struct arena_block *block = heap_alloc(a->heap, sizeof *block + want);
    if (block == NULL) {
        return false;
    }
    *block = (struct arena_block){.next = a->head, .n_bytes = want};
    a->head = block;
    a->free_at = block->bytes;
    a->free_bytes = want;
    a->total_bytes += want;
    return true;
}

char *arena_try_bytes(struct arena *a, size_t n_bytes) {
    if (a->free_bytes < n_bytes && !arena_grow(a, n_bytes)) {
        return NULL;
    }
    char *at = a->free_at;
    if (at == NULL) { // zero bytes of an empty arena: any non-NULL address will do
        static char nothing;
        return &nothing;
    }
    a->free_at += n_bytes;
    a->free_bytes -= n_bytes;
    return at;
}

void *arena_try_alloc(struct arena *a, size_t n_bytes) {
    if (n_bytes > SIZE_MAX / 2) {
        return NULL;
    }
    size_t skip = (size_t)(-(uintptr_t)a->free_at) % ALIGNMENT;
    if (a->free_bytes < skip + n_bytes) {
        if (!arena_grow(a, n_bytes)) {
            return NULL;
        }
        skip = 0; // a block starts aligned
    }
    a->free_at += skip;
    a->free_bytes -= skip;
    return arena_try_bytes(a, n_bytes);
}

void arena_give_back(struct arena *a, size_t n_bytes) {
    a->free_at -= n_bytes;
    a->free_bytes += n_bytes;
}

bool arena_try_copy(struct arena *a, struct text t, struct text *out) {
    char *copy = arena_try_bytes(a, t.len);
    if (copy == NULL) {
        return false;
    }
    if (t.len > 0) {
        memcpy(copy, t.at, t.len);
    }
    *out = (struct text){copy, t.len};
    return true;
}

void arena_reset(struct arena *a) {
    if (a->head == NULL) {
        return;
    }
    struct arena_block *old = a->head->next;
    while (old != NULL) {
        struct arena_block *next = old->next;
        heap_free(a->heap, old);
        old = next;
    }
    a->head->next = NULL;
    a->free_at = a->head->bytes;
    a->free_bytes = a->head->n_bytes;
    a->total_bytes = a->head->n_bytes;
}

void arena_free(struct arena *a) {
    struct arena_block *block = a->head;
    while (block != NULL) {
        struct arena_block *next = block->next;
        heap_free(a->heap, block);
        block = next;
    }
    *a = (struct arena){.heap = a->heap};
}
