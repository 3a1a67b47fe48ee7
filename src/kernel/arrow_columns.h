// SPDX-License-Identifier: MIT
// Arrow arrays of others, as they come in: columns by name, everything about them checked before it
// is used. What is read borrows from the arrays until they are released.
#pragma once
#include "base/error.h"
#include "base/must.h"
#include "base/text.h"
#include <salestide/arrow.h>
#include <stdbool.h>
#include <stdint.h>

// Releases both, where they are there and not released yet, and marks them so.
void arrow_release(struct ArrowSchema *schema, struct ArrowArray *array);

// --- Columns. The most rows of a batch, and bytes of a column of texts.
#define ARROW_ROWS_MAX INT64_C(0x7FFFFFFF)
#define ARROW_BYTES_MAX INT64_C(0x7FFFFFFF)

// Which rows are null: bit `from` + i of `bits`; NULL: none is.
struct arrow_nulls {
    const uint8_t *bits;
    int64_t from;
};
static inline bool arrow_is_null(const struct arrow_nulls *n, int64_t i) {
    int64_t at = n->from + i;
    return n->bits != NULL && (n->bits[at >> 3] >> (at & 7) & 1) == 0;
}

struct text_column { // utf8, binary, and both of them large
    bool present, large;
    struct arrow_nulls nulls;
    const char *offsets, *bytes; // offsets from the first row on, perhaps not aligned
};
struct number_column { // integers, and timestamps as integers
    bool present, is_signed;
    uint8_t n_bytes; // of one: 1, 2, 4 or 8
    struct arrow_nulls nulls;
    const char *at; // from the first row on, perhaps not aligned
    char unit;      // of a timestamp: s, m, u or n; 0: it is none
};

// A struct array's children by name. Any values in the structs are safe; the buffers are trusted to
// be as long as the interface says.
struct arrow_table {
    const struct ArrowSchema *schema;
    const struct ArrowArray *array;
    int64_t n_rows, from; // the first row among the children's
};
MUST_CHECK bool arrow_table_open(const struct ArrowSchema *schema, const struct ArrowArray *array,
                                 struct arrow_table *out, struct error *err);
// A column that is not there has present == false. False: it is of another type, it comes twice, or
// something about it is wrong.
MUST_CHECK bool arrow_texts(const struct arrow_table *t, const char *name, struct text_column *out,
                            struct error *err);
MUST_CHECK bool arrow_integers(const struct arrow_table *t, const char *name,
                               struct number_column *out, struct error *err);
MUST_CHECK bool arrow_timestamps(const struct arrow_table *t, const char *name,
                                 struct number_column *out, struct error *err);
// Rows within structs within a list: `inner` is the table of the structs, row i has those from
// arrow_list_at(i) up to arrow_list_at(i + 1).
struct list_column {
    bool present, large;
    struct arrow_nulls nulls;
    const char *offsets;
    struct arrow_table inner;
};
MUST_CHECK bool arrow_lists(const struct arrow_table *t, const char *name, struct list_column *out,
                            struct error *err);
// Absent where the row is null; never absent otherwise.
struct text arrow_text_at(const struct text_column *c, int64_t i);
int64_t arrow_number_at(const struct number_column *c, int64_t i); // unsigned 64 bits: as they are
int64_t arrow_list_at(const struct list_column *c, int64_t i);
