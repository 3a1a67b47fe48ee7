// SPDX-License-Identifier: MIT
// Memory as a parameter: where the core's objects get theirs from. Every allocation of the core
// (src/order, src/format, src/sums, src/window and what they use of src/base) goes through such a
// handle, may be refused, and is checked: the core runs inside other programs and never ends one.
//
// A handle is borrowed by each object made with it and must outlive them all. NULL stands for the
// process's own, malloc; so a zeroed struct arena or struct buf is complete. A handle's functions
// are called by whichever thread uses the object.
#pragma once
#include "base/must.h"
#include <stdbool.h>
#include <stddef.h>

struct mem_heap {
    // As malloc, realloc and free, but never of 0 bytes. NULL: refused; then `old` is as it was.
    void *(*alloc)(void *user, size_t n_bytes);
    void *(*realloc)(void *user, void *old, size_t n_bytes);
    void (*free)(void *user, void *p); // p is never NULL
    void *user;
};

// NULL when memory is refused. Not zeroed; 0 bytes are one byte.
MUST_CHECK void *heap_alloc(const struct mem_heap *h, size_t n_bytes);
MUST_CHECK void *heap_realloc(const struct mem_heap *h, void *old, size_t n_bytes);
// A zeroed array; NULL too when its size is no size_t.
MUST_CHECK void *heap_zalloc(const struct mem_heap *h, size_t n, size_t size_bytes);
void heap_free(const struct mem_heap *h, void *p); // NULL is fine

// A zeroed array that may be large, is touched here and there, and is replaced as a whole: of the
// process's own heap it is mapped alone, in huge pages where there are some, so that what is given
// back leaves no hole that nothing else fills. NULL as heap_zalloc.
MUST_CHECK void *heap_map(const struct mem_heap *h, size_t n, size_t size_bytes);
void heap_unmap(const struct mem_heap *h, void *p, size_t n, size_t size_bytes); // as it was asked
// The first n_done elements of such an array are not wanted any more: their memory may go before
// the rest does, and they may be anything afterwards.
void heap_unmap_front(const struct mem_heap *h, void *p, size_t n, size_t size_bytes,
                      size_t n_done);

// The same of the process's own heap, for all other rooms; what they give is freed with free().
MUST_CHECK void *try_alloc(size_t n_bytes);
MUST_CHECK void *try_realloc(void *old, size_t n_bytes);

// For tests only: called before each allocation from the process's own heap that may fail (one
// thread at a time); true makes it fail. NULL switches the hook off.
typedef bool (*mem_fail_hook)(void *user, size_t n_bytes);
void mem_set_fail_hook(mem_fail_hook hook, void *user);
