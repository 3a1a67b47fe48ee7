// SPDX-License-Identifier: MIT
// Growable buffer with a sticky failure flag.
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>

bool buf_reserve(struct buf *b, size_t n_bytes) {
    if (b->failed || n_bytes > SIZE_MAX / 4 || b->len > SIZE_MAX / 4) {
        b->failed = true;
        return false;
    }
    if (b->len + n_bytes <= b->cap) {
        return true;
    }
    size_t cap = b->cap ? b->cap : 256;
    while (cap < b->len + n_bytes) {
        cap *= 2;
    }
    char *at = heap_realloc(b->heap, b->at, cap);
    if (at == NULL) {
        b->failed = true;
        return false;
    }
    b->at = at;
    b->cap = cap;
    return true;
}

void buf_put(struct buf *b, const void *bytes, size_t n_bytes) {
    if (n_bytes > 0 && buf_reserve(b, n_bytes)) {
        memcpy(b->at + b->len, bytes, n_bytes);
        b->len += n_bytes;
    }
}

void buf_put_text(struct buf *b, struct text t) {
    buf_put(b, t.at, t.len);
}

void buf_put_str(struct buf *b, const char *zero_terminated) {
    buf_put(b, zero_terminated, strlen(zero_terminated));
}

void buf_put_char(struct buf *b, char c) {
    buf_put(b, &c, 1);
}

void buf_put_i64(struct buf *b, int64_t v) {
    char digits[24];
    char *at = digits + sizeof digits;
    uint64_t rest = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    do {
        *--at = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (v < 0) {
        *--at = '-';
    }
    buf_put(b, at, (size_t)(digits + sizeof digits - at));
}

void buf_printf(struct buf *b, const char *format, ...) {
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (n >= 0 && buf_reserve(b, (size_t)n + 1)) {
        vsnprintf(b->at + b->len, (size_t)n + 1, format, again);
        b->len += (size_t)n;
    }
    va_end(again);
}

static void put_json_byte(struct buf *b, unsigned char c) {
    switch (c) {
    case '"':
        buf_put(b, "\\\"", 2);
        return;
    case '\\':
        buf_put(b, "\\\\", 2);
        return;
    case '\n':
        buf_put(b, "\\n", 2);
        return;
    case '\r':
        buf_put(b, "\\r", 2);
        return;
    case '\t':
        buf_put(b, "\\t", 2);
        return;
    default:
        if (c < 0x20 || c == 0x7F) {
            buf_printf(b, "\\u%04x", c);
        } else {
            buf_put(b, &c, 1);
        }
    }
}

void buf_put_json(struct buf *b, struct text t) {
    buf_put_char(b, '"');
    bool valid = text_is_utf8(t);
    for (size_t i = 0; i < t.len; i++) {
        unsigned char c = (unsigned char)t.at[i];
        if (c >= 0x80 && !valid) {
            buf_put(b, "\xEF\xBF\xBD", 3);
        } else {
            put_json_byte(b, c);
        }
    }
    buf_put_char(b, '"');
}

void buf_clear(struct buf *b) {
    b->len = 0;
    b->failed = false;
}

void buf_free(struct buf *b) {
    heap_free(b->heap, b->at);
    *b = (struct buf){.heap = b->heap};
}
