// SPDX-License-Identifier: MIT
// Requests as bytes. The layouts are in cql_frame.c. Fails only when memory is refused: then
// buf.failed is set and nothing of the buffer may be sent.
#include "cql/cql_write.h"

#include <strings.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "cql_store_* swaps bytes: this file knows little-endian machines only"
#endif

enum {
    REQUEST_VERSION = 0x04,
    WITH_VALUES = 0x01,
    WITH_PAGE_SIZE = 0x04,
    WITH_PAGING_STATE = 0x08,
    WITH_TIMESTAMP = 0x20,
};

bool cql_consistency_of(struct text name, enum cql_consistency *out) {
    static const struct {
        const char *name;
        enum cql_consistency value;
    } names[] = {
        {"ANY", CQL_ANY},
        {"ONE", CQL_ONE},
        {"TWO", CQL_TWO},
        {"THREE", CQL_THREE},
        {"QUORUM", CQL_QUORUM},
        {"ALL", CQL_ALL},
        {"LOCAL_QUORUM", CQL_LOCAL_QUORUM},
        {"EACH_QUORUM", CQL_EACH_QUORUM},
        {"LOCAL_ONE", CQL_LOCAL_ONE},
    };
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (strlen(names[i].name) == name.len &&
            strncasecmp(names[i].name, name.at, name.len) == 0) {
            *out = names[i].value;
            return true;
        }
    }
    return false;
}

static void put_u16(struct buf *b, size_t v) {
    unsigned char bytes[2];
    cql_store_u16(bytes, (uint16_t)v);
    buf_put(b, bytes, sizeof bytes);
}

static void put_i32(struct buf *b, int32_t v) {
    unsigned char bytes[4];
    cql_store_i32(bytes, v);
    buf_put(b, bytes, sizeof bytes);
}

static void put_string(struct buf *b, struct text t) {
    put_u16(b, t.len);
    buf_put_text(b, t);
}

void cql_write_long_string(struct buf *b, struct text t) {
    put_i32(b, (int32_t)t.len);
    buf_put_text(b, t);
}

void cql_write_header(struct buf *b, uint8_t opcode, uint16_t stream, size_t body_bytes) {
    unsigned char h[CQL_HEADER_BYTES] = {REQUEST_VERSION, 0};
    cql_store_u16(h + 2, stream);
    h[4] = opcode;
    cql_store_i32(h + 5, (int32_t)body_bytes);
    buf_put(b, h, sizeof h);
}

void cql_write_options(struct buf *b, uint16_t stream) {
    cql_write_header(b, CQL_OPTIONS, stream, 0);
}

void cql_write_startup(struct buf *b, uint16_t stream) {
    static const char *const pairs[][2] = {
        {"CQL_VERSION", "3.0.0"},
        {"DRIVER_NAME", "salestide"},
        {"DRIVER_VERSION", SALESTIDE_VERSION},
    };
    size_t n_bytes = 2;
    for (size_t i = 0; i < COUNT_OF(pairs); i++) {
        n_bytes += 4 + strlen(pairs[i][0]) + strlen(pairs[i][1]);
    }
    cql_write_header(b, CQL_STARTUP, stream, n_bytes);
    put_u16(b, COUNT_OF(pairs));
    for (size_t i = 0; i < COUNT_OF(pairs); i++) {
        put_string(b, text_of(pairs[i][0]));
        put_string(b, text_of(pairs[i][1]));
    }
}

void cql_write_auth_plain(struct buf *b, uint16_t stream, struct text user, struct text password) {
    size_t n_bytes = 2 + user.len + password.len;
    cql_write_header(b, CQL_AUTH_RESPONSE, stream, 4 + n_bytes);
    put_i32(b, (int32_t)n_bytes);
    buf_put_char(b, '\0');
    buf_put_text(b, user);
    buf_put_char(b, '\0');
    buf_put_text(b, password);
}

void cql_write_parameters_begin(struct buf *b, const struct cql_parameters *p, uint16_t n_values) {
    unsigned char bytes[5];
    cql_store_u16(bytes, (uint16_t)p->consistency);
    bytes[2] =
        (unsigned char)((n_values > 0 ? WITH_VALUES : 0) | (p->page_rows > 0 ? WITH_PAGE_SIZE : 0) |
                        (p->paging_state.at != NULL ? WITH_PAGING_STATE : 0) |
                        (p->timestamp_us > 0 ? WITH_TIMESTAMP : 0));
    cql_store_u16(bytes + 3, n_values);
    buf_put(b, bytes, n_values > 0 ? 5 : 3);
}

void cql_write_parameters_end(struct buf *b, const struct cql_parameters *p) {
    if (p->page_rows > 0) {
        put_i32(b, p->page_rows);
    }
    if (p->paging_state.at != NULL) {
        cql_write_long_string(b, p->paging_state);
    }
    if (p->timestamp_us > 0) {
        unsigned char bytes[8];
        cql_store_i64(bytes, p->timestamp_us);
        buf_put(b, bytes, sizeof bytes);
    }
}
