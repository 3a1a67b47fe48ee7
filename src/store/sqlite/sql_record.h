// SPDX-License-Identifier: MIT
// A row in SQLite's record format (https://www.sqlite.org/fileformat.html, "Record Format"): a
// header of types, then the values. For tables of few columns, whose header has one byte of length.
#pragma once
#include "base/buf.h"
#include "base/must.h"
#include <stdint.h>

enum {
    RECORD_COLUMNS_MAX = 14, // so that the header is shorter than 128 bytes: 9 for each type at most
    RECORD_HEADER_MAX = 1 + 9 * RECORD_COLUMNS_MAX,
};
_Static_assert(RECORD_HEADER_MAX < 128, "its length is one byte");

struct sql_record {
    unsigned char header[RECORD_HEADER_MAX + 1]; // its length first
    size_t header_bytes;
    struct buf values; // failed: memory was refused
};

void record_begin(struct sql_record *r); // a row without columns; keeps the memory
// The next column. At most RECORD_COLUMNS_MAX.
void record_null(struct sql_record *r);
void record_i64(struct sql_record *r, int64_t v);
void record_text(struct sql_record *r, struct text t); // absent: NULL
// After the last column. False: memory was refused for one of them.
MUST_CHECK bool record_end(struct sql_record *r);
static inline size_t record_bytes(const struct sql_record *r) {
    return r->header_bytes + r->values.len;
}
void record_free(struct sql_record *r);

// A variable-length integer of the same format, of a value that is not negative: 1 to 9 bytes, of
// which `out` has room for all. Returns how many.
size_t varint_put(unsigned char *out, uint64_t v);
