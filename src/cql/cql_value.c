// SPDX-License-Identifier: MIT
// Forms of values (section 6 of the protocol's description), each behind its 4 bytes of length:
//     tinyint, smallint, int, bigint   1, 2, 4, 8 bytes, two's complement
//     timestamp    8 bytes, milliseconds since 1970         date     4 bytes, days + 2^31, unsigned
//     float, double  4, 8 bytes, IEEE 754                   text, ascii, blob   the bytes
//     varint       two's complement of as many bytes as needed (at least one)
//     decimal      4 bytes scale, then a varint: varint * 10^-scale
#include "cql/cql_value.h"

#include "cql/cql_write.h"

// Room for one value of n_bytes; NULL when memory was refused (out->failed stays set).
static unsigned char *value_room(struct cql_values *v, size_t n_bytes) {
    v->n++;
    if (!buf_reserve(v->out, 4 + n_bytes)) {
        return NULL;
    }
    unsigned char *at = (unsigned char *)v->out->at + v->out->len;
    v->out->len += 4 + n_bytes;
    cql_store_i32(at, (int32_t)n_bytes);
    return at + 4;
}

// A value that is only a length below zero: -1 null, -2 not set.
static void put_nothing(struct cql_values *v, int32_t length) {
    unsigned char *at = value_room(v, 0);
    if (at != NULL) {
        cql_store_i32(at - 4, length);
    }
}

void cql_put_null(struct cql_values *v) {
    put_nothing(v, -1);
}

void cql_put_unset(struct cql_values *v) {
    put_nothing(v, -2);
}

void cql_put_text(struct cql_values *v, struct text t) {
    if (t.at == NULL) {
        cql_put_null(v);
        return;
    }
    unsigned char *at = value_room(v, t.len);
    if (at != NULL && t.len > 0) {
        memcpy(at, t.at, t.len);
    }
}

void cql_put_i64(struct cql_values *v, int64_t value) {
    unsigned char *at = value_room(v, 8);
    if (at != NULL) {
        cql_store_i64(at, value);
    }
}

void cql_put_i32(struct cql_values *v, int32_t value) {
    unsigned char *at = value_room(v, 4);
    if (at != NULL) {
        cql_store_i32(at, value);
    }
}

void cql_put_i16(struct cql_values *v, int16_t value) {
    unsigned char *at = value_room(v, 2);
    if (at != NULL) {
        cql_store_u16(at, (uint16_t)value);
    }
}

void cql_put_i8(struct cql_values *v, int8_t value) {
    unsigned char *at = value_room(v, 1);
    if (at != NULL) {
        *at = (unsigned char)value;
    }
}

void cql_put_date(struct cql_values *v, int32_t day) {
    cql_put_i32(v, (int32_t)((uint32_t)day ^ UINT32_C(0x80000000)));
}

// Bytes that two's complement needs: the sign must be in the highest bit.
static size_t varint_bytes(int64_t value) {
    uint64_t magnitude = (uint64_t)(value < 0 ? ~value : value);
    size_t bits = magnitude == 0 ? 1 : (size_t)(65 - __builtin_clzll(magnitude));
    return (bits + 7) / 8;
}

static void store_varint(unsigned char *at, int64_t value, size_t n_bytes) {
    unsigned char all[8];
    cql_store_i64(all, value);
    memcpy(at, all + 8 - n_bytes, n_bytes);
}

void cql_put_varint(struct cql_values *v, int64_t value) {
    size_t n = varint_bytes(value);
    unsigned char *at = value_room(v, n);
    if (at != NULL) {
        store_varint(at, value, n);
    }
}

void cql_put_decimal_e4(struct cql_values *v, int64_t value_e4) {
    size_t n = varint_bytes(value_e4);
    unsigned char *at = value_room(v, 4 + n);
    if (at != NULL) {
        cql_store_i32(at, 4);
        store_varint(at + 4, value_e4, n);
    }
}

void cql_put_double(struct cql_values *v, double value) {
    int64_t bits;
    memcpy(&bits, &value, sizeof bits);
    cql_put_i64(v, bits);
}

void cql_put_float(struct cql_values *v, float value) {
    int32_t bits;
    memcpy(&bits, &value, sizeof bits);
    cql_put_i32(v, bits);
}

// --- Reading

// Two's complement of n bytes; a longer one only when the bytes in front are all sign.
static bool read_signed(struct text t, int64_t *out) {
    if (t.at == NULL || t.len == 0) {
        return false;
    }
    signed char sign = (signed char)t.at[0] < 0 ? -1 : 0;
    while (t.len > 8) {
        if ((signed char)t.at[0] != sign) {
            return false;
        }
        t.at++;
        t.len--;
    }
    if (((signed char)t.at[0] < 0 ? -1 : 0) != sign) {
        return false; // 2^63 and more: the ninth byte was the sign alone
    }
    uint64_t v = (uint64_t)(int64_t)sign;
    for (size_t i = 0; i < t.len; i++) {
        v = v << 8 | (unsigned char)t.at[i];
    }
    *out = (int64_t)v;
    return true;
}

bool cql_cell_int(struct text cell, int64_t *out) {
    return read_signed(cell, out);
}

bool cql_cell_date(struct text cell, int32_t *day) {
    int64_t v;
    if (cell.len != 4 || !read_signed(cell, &v)) {
        return false;
    }
    *day = (int32_t)((uint32_t)v ^ UINT32_C(0x80000000));
    return true;
}

bool cql_cell_double(struct text cell, double *out) {
    struct cql_in in = cql_in_of(cell);
    if (cell.at != NULL && cell.len == 8) {
        int64_t bits = cql_get_i64(&in);
        memcpy(out, &bits, sizeof *out);
        return true;
    }
    if (cell.at != NULL && cell.len == 4) {
        int32_t bits = cql_get_i32(&in);
        float f;
        memcpy(&f, &bits, sizeof f);
        *out = f;
        return true;
    }
    return false;
}

// Divides by ten, `steps` times, and rounds the whole once, half to even.
static int64_t divide_by_tens(int64_t v, int64_t steps, bool *exact) {
    int64_t last = 0;    // the highest digit dropped
    bool beyond = false; // something other than zero below it
    for (; steps > 0 && (v != 0 || last != 0); steps--) {
        beyond = beyond || last != 0;
        last = v % 10;
        v /= 10;
    }
    *exact = !beyond && last == 0;
    int64_t size = last < 0 ? -last : last, sign = last < 0 ? -1 : 1;
    bool up = size > 5 || (size == 5 && (beyond || v % 2 != 0));
    return up ? v + sign : v;
}

bool cql_cell_decimal_e4(struct text cell, int64_t *out_e4, bool *exact) {
    *exact = true;
    if (cell.at == NULL || cell.len < 5) {
        return false;
    }
    struct cql_in in = cql_in_of(cell);
    int64_t shift = 4 - (int64_t)cql_get_i32(&in); // value_e4 = unscaled * 10^shift
    int64_t v;
    if (!read_signed((struct text){(const char *)in.at, in.left}, &v)) {
        return false;
    }
    if (v == 0) {
        shift = 0;
    }
    for (; shift > 0; shift--) {
        if (__builtin_mul_overflow(v, INT64_C(10), &v)) {
            return false;
        }
    }
    *out_e4 = shift < 0 ? divide_by_tens(v, -shift, exact) : v;
    return true;
}
