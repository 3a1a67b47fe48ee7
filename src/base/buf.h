// SPDX-License-Identifier: MIT
// A growable byte buffer for writing text and JSON. Failure is sticky: many puts, one check of
// `failed` at the end. A zeroed struct buf is a valid, empty buffer. One owner at a time.
#pragma once
#include "base/heap.h"
#include "base/must.h"
#include "base/text.h"
#include <stdint.h>

struct buf {
    char *at;
    size_t len;
    size_t cap;
    bool failed;                 // memory was refused; the content is incomplete
    const struct mem_heap *heap; // set it before the first put, or leave it NULL
};

void buf_put(struct buf *b, const void *bytes, size_t n_bytes);
void buf_put_text(struct buf *b, struct text t);
void buf_put_str(struct buf *b, const char *zero_terminated);
void buf_put_char(struct buf *b, char c);
void buf_put_i64(struct buf *b, int64_t v);
void buf_printf(struct buf *b, const char *format, ...) PRINTF_LIKE(2, 3);
// `t` as a JSON string with its quotes; bytes that are not valid UTF-8 become U+FFFD.
void buf_put_json(struct buf *b, struct text t);
// True when `b` has room for n_bytes more (they are not yet part of it).
MUST_CHECK bool buf_reserve(struct buf *b, size_t n_bytes);
void buf_clear(struct buf *b); // empty, keeps the memory
void buf_free(struct buf *b);  // empty and valid afterwards, of the same heap
static inline struct text buf_text(const struct buf *b) {
    return (struct text){b->at, b->len};
}
