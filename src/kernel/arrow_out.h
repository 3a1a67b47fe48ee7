// SPDX-License-Identifier: MIT
// Columns that grow row by row, and then become an Arrow struct array. Failure is sticky: many
// puts, one check of `failed` for each row. One owner at a time.
#pragma once
#include "base/heap.h"
#include "base/must.h"
#include "base/text.h"
#include <salestide/arrow.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct out_column_kind {
    const char *name, *format; // static
    uint8_t n_bytes;           // of a value; 0: utf8
    bool nullable;
};
#define OUT_UTF8 "u", 0
#define OUT_INT32 "i", 4
#define OUT_INT64 "l", 8
#define OUT_INSTANT "tsu:UTC", 8
#define OUT_MONEY "d:19,4", 16

struct out_column {
    char *fixed;    // values, or n + 1 offsets of 32 bits
    char *bytes;    // of texts
    uint8_t *valid; // bit by bit, where it is nullable
    int64_t n_bytes, cap_bytes, n_nulls;
};
struct out_table {
    const struct mem_heap *heap;
    const struct out_column_kind *kinds; // static
    struct out_column *columns;
    int64_t n_columns, n_rows, cap_rows;
    int64_t expected_rows; // how much is asked for at first; 0: not known
    bool failed;
    bool
        too_large; // it failed because a column of texts would have 2 GiB or more, or too many rows
};

// `kinds` are static. False: memory is refused; nothing is owned then. `heap` is borrowed, also by
// what is exported.
MUST_CHECK bool out_table_init(struct out_table *t, const struct out_column_kind *kinds,
                               int64_t n_columns, const struct mem_heap *heap);
void out_table_free(struct out_table *t); // a zeroed one is fine
// Makes room for one more row, whose values are put next, one for each column, in any order; then
// out_row_end. False: it has failed.
MUST_CHECK bool out_row_room(struct out_table *t);
static inline void out_row_end(struct out_table *t) {
    t->n_rows++;
}
// Hands all rows over: both structs are filled and the caller's. Each child owns its memory, so
// that it may be moved out. False: memory is refused; the structs are untouched, rows are as they
// were.
MUST_CHECK bool out_table_export(struct out_table *t, struct ArrowSchema *schema,
                                 struct ArrowArray *array);

// --- Values of the row that room was made for

// Room for n_bytes more; false: the table has failed.
MUST_CHECK bool out_text_room(struct out_table *t, struct out_column *c, size_t n_bytes);

static inline void out_mark(const struct out_table *t, int64_t column, bool is_valid) {
    struct out_column *c = &t->columns[column];
    if (t->kinds[column].nullable) {
        uint8_t *bits = &c->valid[t->n_rows >> 3];
        int at = (int)(t->n_rows & 7);
        *bits = (uint8_t)((at == 0 ? 0 : *bits) | (unsigned)is_valid << at);
    }
    c->n_nulls += !is_valid;
}
static inline void out_i64(const struct out_table *t, int64_t column, int64_t v) {
    out_mark(t, column, true);
    memcpy(t->columns[column].fixed + t->n_rows * 8, &v, sizeof v);
}
static inline void out_i32(const struct out_table *t, int64_t column, int32_t v) {
    out_mark(t, column, true);
    memcpy(t->columns[column].fixed + t->n_rows * 4, &v, sizeof v);
}
static inline void out_money(const struct out_table *t, int64_t column, int64_t e4) {
    const int64_t v[2] = {e4, e4 < 0 ? -1 : 0}; // 128 bits, the low ones first
    out_mark(t, column, true);
    memcpy(t->columns[column].fixed + t->n_rows * 16, v, sizeof v);
}
// Absent: null.
static inline void out_text(struct out_table *t, int64_t column, struct text text) {
    struct out_column *c = &t->columns[column];
    out_mark(t, column, text.at != NULL);
    if (text.at != NULL && text.len > 0) {
        if ((int64_t)text.len > c->cap_bytes - c->n_bytes && !out_text_room(t, c, text.len)) {
            return;
        }
        memcpy(c->bytes + c->n_bytes, text.at, text.len);
        c->n_bytes += (int64_t)text.len;
    }
    int32_t end = (int32_t)c->n_bytes;
    memcpy(c->fixed + (t->n_rows + 1) * 4, &end, sizeof end);
}
static inline void out_null(struct out_table *t, int64_t column) {
    static const char zeros[16];
    if (t->kinds[column].n_bytes == 0) {
        out_text(t, column, TEXT_NONE);
        return;
    }
    size_t n = t->kinds[column].n_bytes;
    out_mark(t, column, false);
    memcpy(t->columns[column].fixed + (size_t)t->n_rows * n, zeros, n);
}
