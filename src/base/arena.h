// SPDX-License-Identifier: MIT
// A bump allocator: one pool per request or batch, freed once. Not thread-safe: one owner at a
// time.
#pragma once
#include "base/heap.h"
#include "base/must.h"
#include "base/text.h"
#include <stddef.h>

struct arena_block;
struct arena {
    struct arena_block *head;
    char *free_at;               // next free byte of the head block
    size_t free_bytes;           // left in the head block
    size_t total_bytes;          // of all blocks, for memory budgets
    const struct mem_heap *heap; // set it before the first allocation, or leave it NULL
};

// A zeroed struct arena is a valid, empty arena.
// 16-byte aligned, not zeroed; NULL when memory is refused.
MUST_CHECK void *arena_try_alloc(struct arena *a, size_t n_bytes);
// Unaligned room for text, for packing many small strings.
MUST_CHECK char *arena_try_bytes(struct arena *a, size_t n_bytes);
// The last n_bytes of the newest allocation, an arena_try_bytes, are not needed after all: for text
// whose length is known only when it is written.
void arena_give_back(struct arena *a, size_t n_bytes);
// Copies `t` into the arena. False when memory is refused.
MUST_CHECK bool arena_try_copy(struct arena *a, struct text t, struct text *out);
// Frees all but the newest block and forgets what is in it: cheap reuse for the next batch.
void arena_reset(struct arena *a);
// Frees everything; the arena is empty and valid afterwards, of the same heap.
void arena_free(struct arena *a);
