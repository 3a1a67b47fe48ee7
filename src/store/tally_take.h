// SPDX-License-Identifier: MIT
// Taking numbers and texts from a tally's bytes. For tally_read.c and tally_events.c alone.
//
// Failure is sticky: what is taken after one is 0 or absent, and looked at no more than is
// harmless; the first is what `err` tells. Nothing is ever read outside the bytes.
#pragma once
#include "store/tally.h"
#include "store/tally_format.h"

struct tally_bytes {
    const char *at;
    size_t n_left;
    struct arena *arena; // of texts and arrays
    struct error *err;
    bool failed;
};

// The latest instants there can be: of arrivals 9999-12-31, of orders 2200-12-31.
#define TALLY_ARRIVAL_LAST_MS INT64_C(253402300799999)
#define TALLY_CREATED_LAST_MS INT64_C(7289654399999)

void tally_fail(struct tally_bytes *b, const char *what);
void tally_no_memory(struct tally_bytes *b);
// Unless it holds, the tally is refused for `what`.
static inline void tally_want(struct tally_bytes *b, bool holds, const char *what) {
    if (UNLIKELY(!holds)) {
        tally_fail(b, what);
    }
}

uint64_t tally_take_number(struct tally_bytes *b, size_t n_bytes); // at most 8
static inline int64_t tally_take_i64(struct tally_bytes *b) {
    return (int64_t)tally_take_number(b, 8);
}
static inline int32_t tally_take_i32(struct tally_bytes *b) {
    return (int32_t)tally_take_number(b, 4);
}
// A number that lies in these bounds, both included.
int64_t tally_take_in(struct tally_bytes *b, int64_t least, int64_t most, const char *what);
// How many of something follow, each of which takes at least so many bytes.
size_t tally_take_count(struct tally_bytes *b, size_t least_bytes, const char *what);
// Room for n of something in the arena, zeroed; NULL when n is 0 or it has failed.
void *tally_room(struct tally_bytes *b, size_t n, size_t size_bytes);
// A copy of the text, absent or any bytes, but no more than so many.
struct text tally_take_text(struct tally_bytes *b, size_t most_bytes, const char *what);
// Likewise, absent or UTF-8 of 1 to so many characters.
struct text tally_take_words(struct tally_bytes *b, size_t most, const char *what);
// Absent, a number, or a text of so many characters that is no number.
struct ident tally_take_ident(struct tally_bytes *b, size_t most, const char *what);
void tally_take_currency(struct tally_bytes *b, char out[static 4]);

// --- tally_events.c: sections of `t`, whose move and summary are known.
void tally_take_rejected(struct tally_bytes *b, struct tally *t);
void tally_take_recent(struct tally_bytes *b, struct tally *t);
void tally_take_changes(struct tally_bytes *b, struct tally *t);
void tally_take_adjustments(struct tally_bytes *b, struct tally *t);
void tally_take_gross(struct tally_bytes *b, struct tally *t);
