// SPDX-License-Identifier: MIT
// The memory that all requests in flight may hold together. Any thread.
#pragma once
#include "base/must.h"
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct http_budget {
    atomic_size_t used_bytes;
    size_t limit_bytes;
};

MUST_CHECK static inline bool budget_take_within(struct http_budget *b, size_t n_bytes,
                                                 size_t limit_bytes) {
    size_t before = atomic_fetch_add_explicit(&b->used_bytes, n_bytes, memory_order_relaxed);
    if (n_bytes > limit_bytes || before > limit_bytes - n_bytes) {
        atomic_fetch_sub_explicit(&b->used_bytes, n_bytes, memory_order_relaxed);
        return false;
    }
    return true;
}

MUST_CHECK static inline bool budget_take(struct http_budget *b, size_t n_bytes) {
    return budget_take_within(b, n_bytes, b->limit_bytes);
}

// Bodies that still come in may take three quarters: the last one is for requests that are
// complete, so that uploads which stop halfway keep nobody else out.
static inline size_t budget_for_uploads(const struct http_budget *b) {
    return b->limit_bytes - b->limit_bytes / 4;
}

static inline void budget_give(struct http_budget *b, size_t n_bytes) {
    atomic_fetch_sub_explicit(&b->used_bytes, n_bytes, memory_order_relaxed);
}

static inline size_t budget_left(struct http_budget *b) {
    size_t used = atomic_load_explicit(&b->used_bytes, memory_order_relaxed);
    return used < b->limit_bytes ? b->limit_bytes - used : 0;
}

static inline size_t budget_used(struct http_budget *b) {
    return atomic_load_explicit(&b->used_bytes, memory_order_relaxed);
}
