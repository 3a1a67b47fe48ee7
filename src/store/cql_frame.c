// SPDX-License-Identifier: MIT
// Reads frames of the CQL native protocol v4. Source: "CQL BINARY PROTOCOL v4",
// doc/native_protocol_v4.spec of Apache Cassandra. All integers are big-endian.
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
#include "store/cql_frame.h"

enum {
    ANSWER_VERSION = 0x84,
    FLAG_COMPRESSED = 0x01,
    FLAG_TRACING = 0x02,
    FLAG_PAYLOAD = 0x04,
    FLAG_WARNINGS = 0x08,
    TRACING_ID_BYTES = 16,
    META_GLOBAL_TABLE = 1,
    META_MORE_PAGES = 2,
    META_NO_COLUMNS = 4,
    TYPE_DEPTH_MAX = 16, // list<frozen<map<...>>>: far beyond what anybody declares
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

// --- ERROR

bool cql_error_read(struct text body, struct cql_error *out) {
    struct cql_in in = cql_in_of(body);
    *out = (struct cql_error){.code = cql_get_i32(&in), .message = cql_get_string(&in)};
    if (!in.bad && out->code == CQL_UNPREPARED) {
        out->unprepared_id = cql_get_string(&in);
    }
    return !in.bad;
}

const char *cql_error_name(int32_t code) {
    static const struct {
        int32_t code;
        const char *name;
    } names[] = {
        {CQL_SERVER_ERROR, "SERVER_ERROR"},
        {CQL_PROTOCOL_ERROR, "PROTOCOL_ERROR"},
        {CQL_AUTH_ERROR, "BAD_CREDENTIALS"},
        {CQL_UNAVAILABLE, "UNAVAILABLE"},
        {CQL_OVERLOADED, "OVERLOADED"},
        {CQL_IS_BOOTSTRAPPING, "IS_BOOTSTRAPPING"},
        {CQL_WRITE_TIMEOUT, "WRITE_TIMEOUT"},
        {CQL_READ_TIMEOUT, "READ_TIMEOUT"},
        {CQL_READ_FAILURE, "READ_FAILURE"},
        {CQL_WRITE_FAILURE, "WRITE_FAILURE"},
        {CQL_SYNTAX_ERROR, "SYNTAX_ERROR"},
        {CQL_UNAUTHORIZED, "UNAUTHORIZED"},
        {CQL_INVALID, "INVALID"},
        {CQL_CONFIG_ERROR, "CONFIG_ERROR"},
        {CQL_ALREADY_EXISTS, "ALREADY_EXISTS"},
        {CQL_UNPREPARED, "UNPREPARED"},
    };
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (names[i].code == code) {
            return names[i].name;
        }
    }
    return "an unknown error";
}

// --- RESULT

// NOLINTNEXTLINE(misc-no-recursion): bounded by depth_left
static uint16_t get_type(struct cql_in *in, int depth_left) {
    uint16_t id = cql_get_u16(in);
    size_t n_types = 0;
    bool named = false;
    if (depth_left == 0) {
        in->bad = true;
    }
    if (in->bad) {
        return 0;
    }
    switch (id) {
    case CQL_CUSTOM:
        (void)cql_get_string(in);
        break;
    case CQL_LIST:
    case CQL_SET:
        n_types = 1;
        break;
    case CQL_MAP:
        n_types = 2;
        break;
    case CQL_UDT:
        (void)cql_get_string(in);
        (void)cql_get_string(in);
        n_types = cql_get_u16(in);
        named = true;
        break;
    case CQL_TUPLE:
        n_types = cql_get_u16(in);
        break;
    default:
        break;
    }
    for (size_t i = 0; i < n_types && !in->bad; i++) {
        if (named) {
            (void)cql_get_string(in);
        }
        (void)get_type(in, depth_left - 1);
    }
    return id;
}

static void get_table(struct cql_in *in) {
    (void)cql_get_string(in);
    (void)cql_get_string(in);
}

static void get_columns(struct cql_in *in, int32_t flags, struct cql_columns *out) {
    if (flags & META_GLOBAL_TABLE) {
        get_table(in);
    }
    for (size_t i = 0; i < out->n && !in->bad; i++) {
        if (!(flags & META_GLOBAL_TABLE)) {
            get_table(in);
        }
        out->of[i].name = cql_get_string(in);
        out->of[i].type = get_type(in, TYPE_DEPTH_MAX);
    }
}

static bool get_count(struct cql_in *in, uint32_t *n) {
    int32_t v = cql_get_i32(in);
    if (in->bad || v < 0 || v > CQL_COLUMNS_MAX) {
        in->bad = true;
        return false;
    }
    *n = (uint32_t)v;
    return true;
}

static void get_rows(struct cql_in *in, struct cql_result *out) {
    int32_t flags = cql_get_i32(in);
    if (!get_count(in, &out->columns.n)) {
        return;
    }
    if (flags & META_MORE_PAGES) {
        out->paging_state = cql_get_bytes(in);
        in->bad = in->bad || out->paging_state.at == NULL; // a promise of more without its key
    }
    if (!(flags & META_NO_COLUMNS)) {
        get_columns(in, flags, &out->columns);
    }
    out->n_rows = cql_get_i32(in);
    if (in->bad || out->n_rows < 0 || (out->columns.n == 0 && out->n_rows > 0)) {
        in->bad = true;
        return;
    }
    out->cells = *in;
    for (int64_t i = (int64_t)out->n_rows * out->columns.n; i > 0 && !in->bad; i--) {
        (void)cql_get_bytes(in);
    }
}

static void get_prepared(struct cql_in *in, struct cql_result *out) {
    out->id = cql_get_string(in);
    int32_t flags = cql_get_i32(in);
    if (!get_count(in, &out->columns.n)) {
        return;
    }
    int32_t n_keys = cql_get_i32(in);
    if (in->bad || n_keys < 0 || n_keys > CQL_COLUMNS_MAX || out->id.len == 0 ||
        out->id.len > CQL_ID_MAX_BYTES) {
        in->bad = true;
        return;
    }
    (void)cql_get_raw(in, (size_t)n_keys * 2);
    get_columns(in, flags, &out->columns);
}

bool cql_result_read(struct text body, struct cql_result *out) {
    struct cql_in in = cql_in_of(body);
    // Not all of it: the columns are large, and of most results there are none.
    out->kind = (enum cql_result_kind)cql_get_i32(&in);
    out->columns.n = 0;
    out->n_rows = 0;
    out->paging_state = out->id = TEXT_NONE;
    out->cells = (struct cql_in){0};
    switch (out->kind) {
    case CQL_RESULT_VOID:
        break;
    case CQL_RESULT_ROWS:
        get_rows(&in, out);
        break;
    case CQL_RESULT_SET_KEYSPACE:
        (void)cql_get_string(&in);
        break;
    case CQL_RESULT_PREPARED:
        get_prepared(&in, out);
        break;
    case CQL_RESULT_SCHEMA_CHANGE:
        (void)cql_get_string(&in);
        (void)cql_get_string(&in);
        break;
    default:
        in.bad = true;
    }
    return !in.bad;
}

bool cql_row_next(struct cql_result *r, struct text cells[static CQL_COLUMNS_MAX]) {
    if (r->n_rows <= 0) {
        return false;
    }
    r->n_rows--;
    for (size_t i = 0; i < r->columns.n; i++) {
        cells[i] = cql_get_bytes(&r->cells);
    }
    return true;
}

// --- SUPPORTED: 2 bytes n, n times ([string] option, 2 bytes m, m [string])

static bool ends_in(struct text t, struct text end) {
    return t.len >= end.len && memcmp(t.at + t.len - end.len, end.at, end.len) == 0;
}

bool cql_supported_read(struct text body, struct text option, struct text wanted, bool *named,
                        bool *found) {
    struct cql_in in = cql_in_of(body);
    *named = *found = false;
    size_t n = cql_get_u16(&in);
    for (size_t i = 0; i < n && !in.bad; i++) {
        bool this_one = text_equal(cql_get_string(&in), option);
        *named = *named || (this_one && !in.bad);
        size_t n_values = cql_get_u16(&in);
        for (size_t k = 0; k < n_values && !in.bad; k++) {
            struct text value = cql_get_string(&in);
            *found = *found || (this_one && !in.bad && ends_in(value, wanted));
        }
    }
    return !in.bad;
}
