// SPDX-License-Identifier: MIT
// Building requests of the CQL native protocol v4 into a struct buf (whose failure is sticky).
// Layouts: cql_frame.c. One owner at a time.
#pragma once
#include "base/buf.h"
#include "cql/cql_frame.h"

enum cql_consistency {
    CQL_ANY = 0,
    CQL_ONE = 1,
    CQL_TWO = 2,
    CQL_THREE = 3,
    CQL_QUORUM = 4,
    CQL_ALL = 5,
    CQL_LOCAL_QUORUM = 6,
    CQL_EACH_QUORUM = 7,
    CQL_LOCAL_ONE = 10,
};
// "LOCAL_QUORUM", in any case. False: there is none of that name.
MUST_CHECK bool cql_consistency_of(struct text name, enum cql_consistency *out);

// A frame's header; the body's length must be known.
void cql_write_header(struct buf *b, uint8_t opcode, uint16_t stream, size_t body_bytes);
// Whole frames.
void cql_write_options(struct buf *b, uint16_t stream);
void cql_write_startup(struct buf *b, uint16_t stream);
void cql_write_auth_plain(struct buf *b, uint16_t stream, struct text user, struct text password);
// Pieces of bodies.
void cql_write_long_string(struct buf *b, struct text t);

// The parameters of QUERY and EXECUTE: begin, the values (cql_value.h), end.
struct cql_parameters {
    enum cql_consistency consistency;
    int64_t timestamp_us;     // 0: the server's own
    int32_t page_rows;        // 0: all in one page
    struct text paging_state; // absent: the first page
};
void cql_write_parameters_begin(struct buf *b, const struct cql_parameters *p, uint16_t n_values);
void cql_write_parameters_end(struct buf *b, const struct cql_parameters *p);

static inline void cql_store_u16(unsigned char *at, uint16_t v) {
    v = __builtin_bswap16(v);
    memcpy(at, &v, sizeof v);
}
static inline void cql_store_i32(unsigned char *at, int32_t v) {
    uint32_t u = __builtin_bswap32((uint32_t)v);
    memcpy(at, &u, sizeof u);
}
static inline void cql_store_i64(unsigned char *at, int64_t v) {
    uint64_t u = __builtin_bswap64((uint64_t)v);
    memcpy(at, &u, sizeof u);
}
