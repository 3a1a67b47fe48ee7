// SPDX-License-Identifier: MIT
// A heap for tests: refuses the n-th allocation (or from then on), and knows what has not been
// given back. Include after cmocka.h.
#pragma once
#include "base/heap.h"
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct refusing_heap {
    struct mem_heap heap; // first: its user is this
    long n_asked;
    long refuse_at; // 1: the first; 0: none
    long n_live;
    bool hit; // something was refused
};

static bool heap_refuses(struct refusing_heap *h) {
    bool now = ++h->n_asked == h->refuse_at;
    h->hit = h->hit || now;
    return now;
}

static void *refusing_alloc(void *user, size_t n_bytes) {
    struct refusing_heap *h = user;
    if (heap_refuses(h)) {
        return NULL;
    }
    void *p = malloc(n_bytes);
    assert_non_null(p);
    memset(p, 0xA5, n_bytes); // nobody may count on zeros
    h->n_live++;
    return p;
}

static void *refusing_realloc(void *user, void *old, size_t n_bytes) {
    return heap_refuses(user) ? NULL : realloc(old, n_bytes);
}

static void refusing_free(void *user, void *p) {
    struct refusing_heap *h = user;
    h->n_live--;
    free(p);
}

static void refusing_heap_init(struct refusing_heap *h, long refuse_at) {
    *h = (struct refusing_heap){.heap = {refusing_alloc, refusing_realloc, refusing_free, h},
                                .refuse_at = refuse_at};
}

// Does the work again and again, each time with the next allocation refused, until none is left to
// refuse. The work answers false when it was told, in the right way, that memory is short; it gives
// back all that it has.
static void sweep_heap(bool (*work)(const struct mem_heap *heap), long at_least) {
    struct refusing_heap h;
    long n = 1;
    for (;; n++) {
        refusing_heap_init(&h, n);
        bool ok = work(&h.heap);
        assert_int_equal(h.n_live, 0);
        assert_int_equal(ok, !h.hit);
        if (!h.hit) {
            break;
        }
    }
    print_message("refused each of %ld allocations\n", n - 1);
    assert_in_range(n - 1, at_least, LONG_MAX);
}
