// SPDX-License-Identifier: MIT
// Types and values as SQLite itself would choose them, the shortest, so that a row is byte for byte
// what an INSERT of the same values makes.
#include "store/sqlite/sql_record.h"

#include <string.h>

enum { TYPE_TEXT = 13 }; // and twice its length

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

// Types 1 to 6 have 1, 2, 3, 4, 6 and 8 bytes; the index is of the highest bit that is set.
const unsigned char record_type_of_bits[64] = {
    1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3, 4, 4, 4, 4, 4, 4, 4, 4, 5,
    5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6};
const unsigned char record_bytes_of_bits[64] = {
    1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3, 4, 4, 4, 4, 4, 4, 4, 4, 6,
    6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8};

void record_text(struct sql_record *r, struct text t) {
    if (t.at == NULL) {
        record_null(r);
        return;
    }
    r->header_bytes += varint_put(r->header + r->header_bytes, TYPE_TEXT + 2 * (uint64_t)t.len);
    if (buf_reserve(&r->bytes, t.len + RECORD_COLUMNS_MAX * sizeof(int64_t))) {
        memcpy(r->bytes.at + r->bytes.len, t.at, t.len);
        r->bytes.len += t.len;
    }
}

bool record_end(struct sql_record *r, struct text *row) {
    if (r->bytes.failed) {
        return false;
    }
    size_t n = r->header_bytes;
    char *at = r->bytes.at + RECORD_HEADER_MAX - n; // to the values' beginning
    r->header[0] = (unsigned char)n;
    memcpy(at, r->header, length_unseen(n));
    *row = (struct text){at, n + r->bytes.len - RECORD_HEADER_MAX};
    return true;
}

void record_free(struct sql_record *r) {
    buf_free(&r->bytes);
}
