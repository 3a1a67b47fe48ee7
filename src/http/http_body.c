// SPDX-License-Identifier: MIT
// Bodies: grown by doubling from FIRST_STEP_BYTES, whatever length is announced; unpacked with
// zlib.
#include "http/http_body.h"

#include "base/mem.h"
#include <stdint.h>
#include <stdlib.h>
#include <zlib.h>

enum { FIRST_STEP_BYTES = 64 * 1024 };

// Makes room for n_bytes in all, if the budget allows it within limit_bytes.
static enum body_result http_body_grow(struct http_body *b, struct http_budget *budget,
                                       size_t limit_bytes, size_t n_bytes) {
    if (b->at == NULL && n_bytes <= BODY_SMALL_BYTES) {
        b->at = b->small;
        b->cap = BODY_SMALL_BYTES;
        return BODY_OK;
    }
    bool on_heap = b->at != NULL && b->at != b->small;
    size_t more = n_bytes - (on_heap ? b->cap : 0);
    if (!budget_take_within(budget, more, limit_bytes)) {
        return BODY_NO_BUDGET;
    }
    char *at = try_realloc(on_heap ? b->at : NULL, n_bytes);
    if (at == NULL) {
        budget_give(budget, more);
        return BODY_NO_BUDGET;
    }
    if (!on_heap && b->len > 0) {
        memcpy(at, b->small, b->len);
    }
    b->at = at;
    b->cap = n_bytes;
    return BODY_OK;
}

// How much to have when b->len + n_bytes are needed.
static size_t next_step(const struct http_body *b, size_t n_bytes, size_t expected_bytes) {
    size_t want = b->cap * 2 < FIRST_STEP_BYTES ? FIRST_STEP_BYTES : b->cap * 2;
    if (expected_bytes > 0 && want > expected_bytes) {
        want = expected_bytes;
    }
    return want < b->len + n_bytes ? b->len + n_bytes : want;
}

enum body_result body_append(struct http_body *b, struct http_budget *budget, const char *at,
                             size_t n_bytes, size_t expected_bytes) {
    if (n_bytes > b->cap - b->len) {
        enum body_result result = http_body_grow(b, budget, budget_for_uploads(budget),
                                                 next_step(b, n_bytes, expected_bytes));
        if (result != BODY_OK) {
            return result;
        }
    }
    memcpy(b->at + b->len, at, n_bytes);
    b->len += n_bytes;
    return BODY_OK;
}

// Inflates until the input is used up. `z` is initialized.
static enum body_result inflate_all(z_stream *z, size_t max_bytes, struct http_budget *budget,
                                    struct http_body *out) {
    for (;;) {
        if (out->len == out->cap) {
            if (out->cap >= max_bytes + 1) { // one byte more than allowed is known to be there
                return BODY_TOO_LARGE;
            }
            size_t want = out->cap < FIRST_STEP_BYTES ? FIRST_STEP_BYTES : out->cap * 2;
            enum body_result grown = http_body_grow(out, budget, budget->limit_bytes,
                                                    want > max_bytes + 1 ? max_bytes + 1 : want);
            if (grown != BODY_OK) {
                return grown;
            }
        }
        size_t room = out->cap - out->len;
        z->next_out = (unsigned char *)out->at + out->len;
        z->avail_out = room > UINT32_MAX ? UINT32_MAX : (unsigned)room;
        unsigned before = z->avail_out;
        int code = inflate(z, Z_NO_FLUSH);
        out->len += before - z->avail_out;
        if (out->len > max_bytes) {
            return BODY_TOO_LARGE;
        }
        if (code == Z_STREAM_END) {
            if (z->avail_in == 0) {
                return BODY_OK;
            }
            if (inflateReset(z) != Z_OK) { // another member follows
                return BODY_BROKEN;
            }
        } else if (code == Z_MEM_ERROR) {
            return BODY_NO_BUDGET;
        } else if (code != Z_OK && !(code == Z_BUF_ERROR && out->len == out->cap)) {
            return BODY_BROKEN; // not gzip, or cut off
        } else if (z->avail_in == 0 && z->avail_out > 0) {
            return BODY_BROKEN; // cut off
        }
    }
}

enum body_result body_gunzip(struct text packed, size_t max_bytes, struct http_budget *budget,
                             struct http_body *out) {
    if (packed.len == 0 || packed.len > UINT32_MAX) {
        return packed.len == 0 ? BODY_BROKEN : BODY_TOO_LARGE;
    }
    z_stream z = {.next_in = (unsigned char *)packed.at, .avail_in = (unsigned)packed.len};
    if (inflateInit2(&z, 15 + 16) != Z_OK) { // gzip wrapper only
        return BODY_NO_BUDGET;
    }
    enum body_result result = inflate_all(&z, max_bytes, budget, out);
    inflateEnd(&z);
    return result;
}

void body_clear(struct http_body *b, struct http_budget *budget) {
    if (b->at != NULL && b->at != b->small) {
        budget_give(budget, b->cap);
        free(b->at);
    }
    b->at = NULL;
    b->len = b->cap = 0;
}
