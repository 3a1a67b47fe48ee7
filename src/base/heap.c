// SPDX-License-Identifier: MIT
// The handle's verbs, and the process's own heap behind NULL. The one file of the core that knows
// malloc.
#include "base/heap.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { MAP_FROM_BYTES = 2 << 20 }; // smaller ones stay with malloc: a huge page's size

static mem_fail_hook fail_hook;
static void *fail_hook_user;

void mem_set_fail_hook(mem_fail_hook hook, void *user) {
    fail_hook_user = user;
    fail_hook = hook;
}

void *try_alloc(size_t n_bytes) {
    if (fail_hook != NULL && fail_hook(fail_hook_user, n_bytes)) {
        return NULL;
    }
    return malloc(n_bytes ? n_bytes : 1);
}

void *try_realloc(void *old, size_t n_bytes) {
    if (fail_hook != NULL && fail_hook(fail_hook_user, n_bytes)) {
        return NULL;
    }
    return realloc(old, n_bytes ? n_bytes : 1);
}

static void *try_zalloc(size_t n, size_t size_bytes) {
    if (fail_hook != NULL && fail_hook(fail_hook_user, n * size_bytes)) {
        return NULL;
    }
    return calloc(n ? n : 1, size_bytes ? size_bytes : 1);
}

void *heap_alloc(const struct mem_heap *h, size_t n_bytes) {
    return h == NULL ? try_alloc(n_bytes) : h->alloc(h->user, n_bytes ? n_bytes : 1);
}

void *heap_realloc(const struct mem_heap *h, void *old, size_t n_bytes) {
    if (h == NULL) {
        return try_realloc(old, n_bytes);
    }
    return old == NULL ? heap_alloc(h, n_bytes) : h->realloc(h->user, old, n_bytes ? n_bytes : 1);
}

void *heap_zalloc(const struct mem_heap *h, size_t n, size_t size_bytes) {
    size_t n_bytes;
    if (__builtin_mul_overflow(n, size_bytes, &n_bytes)) {
        return NULL;
    }
    if (h == NULL) { // pages that are zero already stay untouched
        return try_zalloc(n, size_bytes);
    }
    void *p = heap_alloc(h, n_bytes);
    if (p != NULL) {
        memset(p, 0, n_bytes);
    }
    return p;
}

void heap_free(const struct mem_heap *h, void *p) {
    if (h == NULL) {
        free(p);
    } else if (p != NULL) {
        h->free(h->user, p);
    }
}

static bool is_mapped(const struct mem_heap *h, size_t n_bytes) {
    return h == NULL && n_bytes >= MAP_FROM_BYTES;
}

void *heap_map(const struct mem_heap *h, size_t n, size_t size_bytes) {
    size_t n_bytes;
    if (__builtin_mul_overflow(n, size_bytes, &n_bytes)) {
        return NULL;
    }
    if (!is_mapped(h, n_bytes)) {
        return heap_zalloc(h, n, size_bytes);
    }
    if (fail_hook != NULL && fail_hook(fail_hook_user, n_bytes)) {
        return NULL;
    }
    void *p = mmap(NULL, n_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) {
        return NULL;
    }
    (void)madvise(p, n_bytes, MADV_HUGEPAGE); // a wish: without it, it is slower
    return p;
}

void heap_unmap(const struct mem_heap *h, void *p, size_t n, size_t size_bytes) {
    if (p != NULL && is_mapped(h, n * size_bytes)) {
        (void)munmap(p, n * size_bytes);
    } else {
        heap_free(h, p);
    }
}

void heap_unmap_front(const struct mem_heap *h, void *p, size_t n, size_t size_bytes,
                      size_t n_done) {
    // Whole huge pages: giving up a part would break one up.
    const uintptr_t end = ((uintptr_t)p + n_done * size_bytes) / MAP_FROM_BYTES * MAP_FROM_BYTES;
    if (is_mapped(h, n * size_bytes) && end > (uintptr_t)p) {
        (void)madvise(p, end - (uintptr_t)p, MADV_DONTNEED);
    }
}
