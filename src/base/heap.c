// SPDX-License-Identifier: MIT
// The handle's verbs, and the process's own heap behind NULL. The one file of the core that knows
// malloc.
#include "base/heap.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

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
