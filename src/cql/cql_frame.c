// SPDX-License-Identifier: MIT
// Reads frames of the CQL native protocol v4; their bodies are read in cql_result.c. Source: "CQL
// BINARY PROTOCOL v4", doc/native_protocol_v4.spec of Apache Cassandra. All integers are
// big-endian.
//
// A frame, both ways:
//     offset 0  1 byte   version: 0x04 request, 0x84 answer
//            1  1 byte   flags: 0x01 compressed (never asked for, so refused), 0x02 tracing,
//                        0x04 custom payload, 0x08 warnings
//            2  2 bytes  stream: the request's number, which its answer repeats; -1: an event
//            4  1 byte   opcode
//            5  4 bytes  length of the body, at most 256 MiB
//            9  body
// An answer's body begins with what its flags announce, in this order:
//     0x02  16 bytes     tracing id
//     0x08  [string list]  warnings: 2 bytes n, n [string]
//     0x04  [bytes map]    custom payload: 2 bytes n, n times ([string] key, [bytes] value)
// The spec fixes tracing before warnings; Cassandra (Message.ProtocolEncoder) puts warnings before
// the payload.
//
// Notations:
//     [string], [short bytes]   2 bytes n, n bytes        [long string]  4 bytes n, n bytes
//     [bytes]                   4 bytes n, n bytes; n < 0: null
//     [value]                   as [bytes]; n = -2: not set
//
// Requests (cql_write.c builds them):
//     OPTIONS        empty                                              → SUPPORTED
//     STARTUP        2 bytes n, n times ([string] name, [string] value) → READY | AUTHENTICATE
//     AUTH_RESPONSE  [bytes] of "\0user\0password" (SASL PLAIN)         → AUTH_SUCCESS
//     PREPARE        [long string] statement                            → RESULT prepared
//     QUERY          [long string] statement, parameters                → RESULT
//     EXECUTE        [short bytes] id, parameters                       → RESULT
//   parameters:
//     2 bytes   consistency: 1 ONE, 4 QUORUM, 5 ALL, 6 LOCAL_QUORUM, 10 LOCAL_ONE, ...
//     1 byte    flags: 0x01 values, 0x04 page size, 0x08 paging state, 0x20 default timestamp
//     values          2 bytes n, n [value]
//     page size       4 bytes, rows
//     paging state    [bytes], as the page before gave it
//     timestamp       8 bytes, microseconds
//
// Answers to any request may be ERROR:
//     4 bytes code, [string] message; UNPREPARED goes on with [short bytes] id
// RESULT: 4 bytes kind, then
//     1 void            nothing
//     2 rows            metadata, 4 bytes n rows, n * columns [bytes]
//       metadata        4 bytes flags (1 one table for all, 2 more pages, 4 no columns follow),
//                       4 bytes n columns, [bytes] paging state if flag 2; unless flag 4: if flag 1
//                       [string] keyspace [string] table; for each column, unless flag 1 keyspace
//                       and table, [string] name, type
//       type            2 bytes id; 0 custom: [string]; 0x20 list, 0x22 set: type; 0x21 map: two
//                       types; 0x30 UDT: [string] [string], 2 bytes n, n times ([string], type);
//                       0x31 tuple: 2 bytes n, n types; others nothing
//     3 set keyspace    [string]
//     4 prepared        [short bytes] id, 4 bytes flags, 4 bytes n values, 4 bytes n key columns,
//                       2 bytes each, then as metadata from "unless flag 4"; metadata of the rows
//     5 schema change   [string] change, [string] target, more strings
// A body may end in more than is written here; that is ignored.
//
// How it fails: a length that lies (beyond the frame, beyond a bound, negative where there must be
// one) makes the whole frame BAD; nothing outside the input is ever read.
#include "cql/cql_frame.h"

enum {
    ANSWER_VERSION = 0x84,
    FLAG_COMPRESSED = 0x01,
    FLAG_TRACING = 0x02,
    FLAG_PAYLOAD = 0x04,
    FLAG_WARNINGS = 0x08,
    TRACING_ID_BYTES = 16,
};

// --- Values

struct text cql_get_raw(struct cql_in *in, size_t n_bytes) {
    if (in->bad || n_bytes > in->left) {
        in->bad = true;
        return TEXT_NONE;
    }
    struct text t = {(const char *)in->at, n_bytes};
    in->at += n_bytes;
    in->left -= n_bytes;
    return t;
}

static uint64_t get_big_endian(struct cql_in *in, size_t n_bytes) {
    struct text t = cql_get_raw(in, n_bytes);
    uint64_t v = 0;
    for (size_t i = 0; i < t.len; i++) {
        v = v << 8 | (unsigned char)t.at[i];
    }
    return v;
}

uint8_t cql_get_u8(struct cql_in *in) {
    return (uint8_t)get_big_endian(in, 1);
}

uint16_t cql_get_u16(struct cql_in *in) {
    return (uint16_t)get_big_endian(in, 2);
}

int32_t cql_get_i32(struct cql_in *in) {
    return (int32_t)(uint32_t)get_big_endian(in, 4);
}

int64_t cql_get_i64(struct cql_in *in) {
    return (int64_t)get_big_endian(in, 8);
}

struct text cql_get_string(struct cql_in *in) {
    size_t n = cql_get_u16(in);
    return cql_get_raw(in, n);
}

struct text cql_get_bytes(struct cql_in *in) {
    int32_t n = cql_get_i32(in);
    return in->bad || n < 0 ? TEXT_NONE : cql_get_raw(in, (size_t)n);
}

// --- Frames

static enum cql_read bad(struct cql_frame *f, const char *problem) {
    f->problem = problem;
    return CQL_READ_BAD;
}

// What the flags announce in front of the body proper.
static bool skip_prefix(struct cql_in *in, unsigned flags, struct text *warning) {
    if (flags & FLAG_TRACING) {
        (void)cql_get_raw(in, TRACING_ID_BYTES);
    }
    if (flags & FLAG_WARNINGS) {
        size_t n = cql_get_u16(in);
        for (size_t i = 0; i < n && !in->bad; i++) {
            struct text t = cql_get_string(in);
            if (i == 0) {
                *warning = t;
            }
        }
    }
    if (flags & FLAG_PAYLOAD) {
        size_t n = cql_get_u16(in);
        for (size_t i = 0; i < n && !in->bad; i++) {
            (void)cql_get_string(in);
            (void)cql_get_bytes(in);
        }
    }
    return !in->bad;
}

enum cql_read cql_frame_read(struct text input, size_t body_max_bytes, struct cql_frame *out) {
    *out = (struct cql_frame){.n_bytes = CQL_HEADER_BYTES};
    // The version decides first: what speaks another protocol need not have nine bytes.
    if (input.len > 0 && (unsigned char)input.at[0] != ANSWER_VERSION) {
        unsigned char version = (unsigned char)input.at[0];
        if ((version & 0x80) != 0 && (version & 0x7F) >= 1 && (version & 0x7F) <= 6) {
            out->version_seen = version & 0x7F;
            return bad(out, "the server does not speak version 4 of the CQL protocol");
        }
        return bad(out, "what came is not the CQL protocol");
    }
    if (input.len < CQL_HEADER_BYTES) {
        return CQL_READ_MORE;
    }
    struct cql_in in = cql_in_of(input);
    (void)cql_get_u8(&in);
    unsigned flags = cql_get_u8(&in);
    out->stream = (int16_t)cql_get_u16(&in);
    out->opcode = cql_get_u8(&in);
    uint32_t body_bytes = (uint32_t)cql_get_i32(&in);
    if (body_bytes > CQL_BODY_MAX_BYTES) {
        return bad(out, "a frame claims to be longer than the protocol's 256 MiB");
    }
    if (body_bytes > body_max_bytes) {
        return bad(out, "an answer is larger than this client takes");
    }
    if (flags & FLAG_COMPRESSED) {
        return bad(out, "a compressed frame came, which was not asked for");
    }
    out->n_bytes = CQL_HEADER_BYTES + (size_t)body_bytes;
    if (input.len < out->n_bytes) {
        return CQL_READ_MORE;
    }
    in.left = body_bytes;
    if (!skip_prefix(&in, flags, &out->warning)) {
        return bad(out, "warnings, payload or tracing id of a frame are longer than the frame");
    }
    out->body = (struct text){(const char *)in.at, in.left};
    return CQL_READ_OK;
}
