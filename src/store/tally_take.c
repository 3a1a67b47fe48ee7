// SPDX-License-Identifier: MIT
// A tally's bytes, one value at a time. Fails where tally_take.h says.
#include "store/tally_take.h"

#include "sums/currency.h"

static void end_here(struct tally_bytes *b) {
    b->failed = true;
    b->n_left = 0;
}

void tally_fail(struct tally_bytes *b, const char *what) {
    if (!b->failed) {
        error_set(b->err, ERROR_FATAL, "a tally is refused: %s", what);
    }
    end_here(b);
}

void tally_no_memory(struct tally_bytes *b) {
    if (!b->failed) {
        error_set(b->err, ERROR_RETRIABLE, "out of memory while reading a tally");
    }
    end_here(b);
}

static bool has(struct tally_bytes *b, size_t n_bytes) {
    tally_want(b, n_bytes <= b->n_left, "it ends in its middle");
    return !b->failed;
}

uint64_t tally_take_number(struct tally_bytes *b, size_t n_bytes) {
    uint64_t v = 0;
    if (!has(b, n_bytes)) {
        return 0;
    }
    for (size_t i = 0; i < n_bytes; i++) {
        v |= (uint64_t)(unsigned char)b->at[i] << (8 * i);
    }
    b->at += n_bytes;
    b->n_left -= n_bytes;
    return v;
}

int64_t tally_take_in(struct tally_bytes *b, int64_t least, int64_t most, const char *what) {
    int64_t v = tally_take_i64(b);
    tally_want(b, v >= least && v <= most, what);
    return b->failed ? least : v;
}

size_t tally_take_count(struct tally_bytes *b, size_t least_bytes, const char *what) {
    size_t n = (size_t)tally_take_number(b, 4);
    tally_want(b, n <= b->n_left / least_bytes, what);
    return b->failed ? 0 : n;
}

void *tally_room(struct tally_bytes *b, size_t n, size_t size_bytes) {
    size_t n_bytes;
    if (b->failed || n == 0) {
        return NULL;
    }
    void *room =
        __builtin_mul_overflow(n, size_bytes, &n_bytes) ? NULL : arena_try_alloc(b->arena, n_bytes);
    if (room == NULL) {
        tally_no_memory(b);
        return NULL;
    }
    return memset(room, 0, n_bytes);
}

struct text tally_take_text(struct tally_bytes *b, size_t most_bytes, const char *what) {
    size_t len = (size_t)tally_take_number(b, 4);
    if (b->failed || len == TALLY_ABSENT) {
        return TEXT_NONE;
    }
    tally_want(b, len <= most_bytes, what);
    struct text there = {b->at, len}, copy;
    if (!has(b, len)) {
        return TEXT_NONE;
    }
    if (!arena_try_copy(b->arena, there, &copy)) {
        tally_no_memory(b);
        return TEXT_NONE;
    }
    b->at += len;
    b->n_left -= len;
    return copy;
}

struct text tally_take_words(struct tally_bytes *b, size_t most, const char *what) {
    struct text t = tally_take_text(b, most * 4, what);
    if (t.at != NULL) {
        tally_want(b, t.len > 0 && text_is_utf8(t) && text_characters(t) <= most, what);
    }
    return b->failed ? TEXT_NONE : t;
}

struct ident tally_take_ident(struct tally_bytes *b, size_t most, const char *what) {
    struct ident id = {.num = tally_take_i64(b)};
    tally_want(b, id.num >= -1, what);
    if (b->failed || id.num >= 0) {
        return b->failed ? IDENT_NONE : id;
    }
    id.text = tally_take_words(b, most, what);
    if (id.text.at != NULL) {
        tally_want(b, ident_of_text(id.text).num < 0, what);
    }
    return id;
}

void tally_take_currency(struct tally_bytes *b, char out[static 4]) {
    memcpy(out, "XXX", 4);
    if (has(b, 3)) {
        tally_want(b, currency_is((struct text){b->at, 3}), "a currency is none");
    }
    if (!b->failed) {
        memcpy(out, b->at, 3);
        b->at += 3;
        b->n_left -= 3;
    }
}
