// SPDX-License-Identifier: MIT
// Arrow arrays of others, as they come in: columns by name, everything about them checked before it
// is used. Any values in the structs are safe; that a buffer is as long as the interface wants it
// for what its array says of itself is the producer's promise. What is read borrows from the arrays
// until they are released. Nothing is allocated; one thread at a time.
#pragma once
#include "base/error.h"
#include "base/must.h"
#include "base/text.h"
#include <salestide/arrow.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

// The most rows of a batch, and bytes of a column of texts within it.
#define ARROW_ROWS_MAX INT64_C(0x7FFFFFFF)
#define ARROW_BYTES_MAX INT64_C(0x7FFFFFFF)

// Releases what is there and not released yet, and marks it so. NULL is fine.
void arrow_release(struct ArrowSchema *schema, struct ArrowArray *array);
// What was to be filled and could not be: marked released. NULL is fine.
void arrow_clear(struct ArrowSchema *schema, struct ArrowArray *array);

// The rows of a struct array whose children are columns.
struct arrow_table {
    const struct ArrowSchema *schema;
    const struct ArrowArray *array;
    int64_t from, n_rows; // of the children's rows
};

struct arrow_nulls {
    const uint8_t *bits; // NULL: no row is null
    int64_t from;        // the first row's bit
};
struct text_column { // utf8, binary, and both of them large
    bool present, large;
    struct arrow_nulls nulls;
    const char *offsets, *bytes; // offsets from the first row on, perhaps not aligned
};
struct number_column { // integers, and timestamps as integers
    bool present;
    char format; // c, s, i, l; C, S, I, L: unsigned; t: a timestamp of 64 bits
    char unit;   // of a timestamp: s, m, u or n
    struct arrow_nulls nulls;
    const char *at; // from the first row on, perhaps not aligned
};
struct list_column { // of structs; also large
    bool present, large;
    struct arrow_nulls nulls;
    const char *offsets;
    int64_t first;            // what the first offset is
    struct arrow_table inner; // all structs of the rows
};

MUST_CHECK bool arrow_table_open(const struct ArrowSchema *schema, const struct ArrowArray *array,
                                 struct arrow_table *out, struct error *err);
// The format of a column, as its schema has it; NULL: there is no such column.
const char *arrow_format(const struct arrow_table *t, const char *name);
// One column. Where there is none, out->present is false. `formats`: characters of
// number_column.format that are wanted; `expected`: the same for people. False: it is of another
// type, comes twice, or something about it is wrong; `err` names it.
MUST_CHECK bool arrow_texts(const struct arrow_table *t, const char *name, struct text_column *out,
                            struct error *err);
MUST_CHECK bool arrow_numbers(const struct arrow_table *t, const char *name, const char *formats,
                              const char *expected, struct number_column *out, struct error *err);
MUST_CHECK bool arrow_lists(const struct arrow_table *t, const char *name, struct list_column *out,
                            struct error *err);
// Of n rows.
bool arrow_any_null(const struct arrow_nulls *nulls, int64_t n);

// --- Rows

static inline bool arrow_is_null(const struct arrow_nulls *nulls, int64_t i) {
    int64_t at = nulls->from + i;
    return nulls->bits != NULL && (nulls->bits[at >> 3] >> (at & 7) & 1) == 0;
}
static inline int64_t arrow_load_i32(const char *at, int64_t i) {
    int32_t v;
    memcpy(&v, at + i * 4, sizeof v);
    return v;
}
static inline int64_t arrow_load_i64(const char *at, int64_t i) {
    int64_t v;
    memcpy(&v, at + i * 8, sizeof v);
    return v;
}
static inline int64_t arrow_load_offset(const char *at, bool large, int64_t i) {
    return large ? arrow_load_i64(at, i) : arrow_load_i32(at, i);
}
// Absent where the row is null, and only there.
static inline struct text arrow_text_at(const struct text_column *c, int64_t i) {
    if (arrow_is_null(&c->nulls, i)) {
        return TEXT_NONE;
    }
    int64_t from = arrow_load_offset(c->offsets, c->large, i);
    int64_t to = arrow_load_offset(c->offsets, c->large, i + 1);
    return to == from ? TEXT_LIT("") : (struct text){c->bytes + from, (size_t)(to - from)};
}
// The structs of row i are those from here up to that of row i + 1.
static inline int64_t arrow_list_at(const struct list_column *c, int64_t i) {
    return arrow_load_offset(c->offsets, c->large, i) - c->first;
}
// Signed, up to 64 bits (formats c s i l t). Whether the row is null is not looked at.
int64_t arrow_signed_at(const struct number_column *c, int64_t i);
// Unsigned (formats C S I L).
uint64_t arrow_unsigned_at(const struct number_column *c, int64_t i);
