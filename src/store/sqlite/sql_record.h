// SPDX-License-Identifier: MIT
// A row in SQLite's record format (https://www.sqlite.org/fileformat.html, "Record Format"): a
// header of types, then the values. For tables of few columns, whose header has one byte of length.
#pragma once
#include "base/buf.h"
#include "base/must.h"
#include <endian.h>
#include <stdint.h>
#include <string.h>

enum {
    RECORD_COLUMNS_MAX = 14, // 9 bytes for the type of each at most,
    RECORD_HEADER_MAX = 127, // so that the header's length is one byte
    RECORD_TYPE_ZERO = 8,    // the value 0 or 1 is the type's, since schema format 4
};
_Static_assert(1 + 9 * RECORD_COLUMNS_MAX <= RECORD_HEADER_MAX, "all types fit");

struct sql_record {
    unsigned char header[RECORD_HEADER_MAX]; // its length first
    size_t header_bytes;
    struct buf bytes; // room for the header, then the values. failed: memory was refused
};

// A row without columns; keeps the memory. There is always room for an integer in each column.
static inline void record_begin(struct sql_record *r) {
    r->header_bytes = 1;
    buf_clear(&r->bytes);
    if (buf_reserve(&r->bytes, RECORD_HEADER_MAX + RECORD_COLUMNS_MAX * sizeof(int64_t))) {
        r->bytes.len = RECORD_HEADER_MAX;
    } // else record_end tells it
}
static inline void record_type(struct sql_record *r, unsigned char type) {
    r->header[r->header_bytes++] = type;
}
// The next column. At most RECORD_COLUMNS_MAX.
static inline void record_null(struct sql_record *r) {
    record_type(r, 0);
}
// By how many bits a value has but for its sign: its type, and its bytes.
extern const unsigned char record_type_of_bits[64], record_bytes_of_bits[64];
static inline void record_i64(struct sql_record *r, int64_t v) {
    if (v == 0 || v == 1) {
        record_type(r, (unsigned char)(RECORD_TYPE_ZERO + v));
        return;
    }
    unsigned bits = 63U - (unsigned)__builtin_clzll((v < 0 ? ~(uint64_t)v : (uint64_t)v) | 1);
    record_type(r, record_type_of_bits[bits]);
    if (UNLIKELY(r->bytes.failed)) {
        return;
    }
    unsigned n = record_bytes_of_bits[bits];
    uint64_t most_first = htobe64((uint64_t)v << (64 - 8 * n));
    memcpy(r->bytes.at + r->bytes.len, &most_first, sizeof most_first);
    r->bytes.len += n;
}
void record_text(struct sql_record *r, struct text t); // absent: NULL
// After the last column: the whole row, until the next begins. False: memory was refused for one of
// the columns.
MUST_CHECK bool record_end(struct sql_record *r, struct text *row);
void record_free(struct sql_record *r);

// A variable-length integer of the same format, of a value that is not negative: 1 to 9 bytes, of
// which `out` has room for all. Returns how many.
size_t varint_put(unsigned char *out, uint64_t v);
