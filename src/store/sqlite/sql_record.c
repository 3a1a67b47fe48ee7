// SPDX-License-Identifier: MIT
// Types and values as SQLite itself would choose them, the shortest, so that a row is byte for byte
// what an INSERT of the same values makes.
#include "store/sqlite/sql_record.h"

#include <endian.h>
#include <string.h>

enum {
    TYPE_NULL = 0,
    TYPE_ZERO = 8, // the value 0 or 1 is the type's, since schema format 4
    TYPE_TEXT = 13,
};

size_t varint_put(unsigned char *out, uint64_t v) {
    if (v < 0x80) {
        out[0] = (unsigned char)v;
        return 1;
    }
    if (v < 0x4000) {
        out[0] = (unsigned char)(v >> 7 | 0x80);
        out[1] = v & 0x7F;
        return 2;
    }
    unsigned char reversed[10];
    size_t n = 0;
    if (v >> 56 != 0) { // nine bytes, the last of them whole
        out[8] = (unsigned char)v;
        v >>= 8;
        for (n = 8; n > 0; n--, v >>= 7) {
            out[n - 1] = (unsigned char)(v | 0x80);
        }
        return 9;
    }
    for (; v != 0; v >>= 7) {
        reversed[n++] = (unsigned char)(v | 0x80);
    }
    reversed[0] &= 0x7F;
    for (size_t i = 0; i < n; i++) {
        out[i] = reversed[n - 1 - i];
    }
    return n;
}

void record_begin(struct sql_record *r) {
    r->header_bytes = 1;
    buf_clear(&r->values);
}

void record_null(struct sql_record *r) {
    r->header[r->header_bytes++] = TYPE_NULL;
}

// By how many bits a value has, but for its sign: its bytes. Types 1 to 6 have 1, 2, 3, 4, 6, 8.
static const unsigned char type_of_bits[65] = {
    1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3, 4, 4, 4, 4, 4, 4, 4, 4,
    5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6,
    6};
static const unsigned char bytes_of_type[] = {0, 1, 2, 3, 4, 6, 8};

void record_i64(struct sql_record *r, int64_t v) {
    if (v == 0 || v == 1) {
        r->header[r->header_bytes++] = (unsigned char)(TYPE_ZERO + v);
        return;
    }
    uint64_t size = v < 0 ? ~(uint64_t)v : (uint64_t)v;
    unsigned type = type_of_bits[size == 0 ? 0 : 64 - __builtin_clzll(size)];
    unsigned n = bytes_of_type[type];
    r->header[r->header_bytes++] = (unsigned char)type;
    if (!buf_reserve(&r->values, sizeof v)) {
        return;
    }
    uint64_t most_first = htobe64((uint64_t)v << (64 - 8 * n));
    memcpy(r->values.at + r->values.len, &most_first, sizeof most_first);
    r->values.len += n;
}

void record_text(struct sql_record *r, struct text t) {
    if (t.at == NULL) {
        record_null(r);
        return;
    }
    r->header_bytes += varint_put(r->header + r->header_bytes, TYPE_TEXT + 2 * (uint64_t)t.len);
    buf_put(&r->values, t.at, t.len);
}

bool record_end(struct sql_record *r) {
    r->header[0] = (unsigned char)r->header_bytes;
    return !r->values.failed;
}

void record_free(struct sql_record *r) {
    buf_free(&r->values);
}
