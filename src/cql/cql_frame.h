// SPDX-License-Identifier: MIT
// Frames of the CQL native protocol, version 4: reading what a server sent. Pure functions over
// (base, length): no state, no allocation, any thread. Everything handed out borrows the input.
// The layout is written down in cql_frame.c.
#pragma once
#include "base/must.h"
#include "base/text.h"
#include <stdint.h>

enum {
    CQL_HEADER_BYTES = 9,
    CQL_BODY_MAX_BYTES = 256 << 20, // of the protocol; a reader should set its own, lower bound
    CQL_COLUMNS_MAX = 128,          // of one result or of one statement's values
    CQL_ID_MAX_BYTES = 256,         // of a prepared statement's id; Cassandra's have 16
};

enum cql_opcode {
    CQL_ERROR = 0x00,
    CQL_STARTUP = 0x01,
    CQL_READY = 0x02,
    CQL_AUTHENTICATE = 0x03,
    CQL_OPTIONS = 0x05,
    CQL_SUPPORTED = 0x06,
    CQL_QUERY = 0x07,
    CQL_RESULT = 0x08,
    CQL_PREPARE = 0x09,
    CQL_EXECUTE = 0x0A,
    CQL_EVENT = 0x0C,
    CQL_AUTH_CHALLENGE = 0x0E,
    CQL_AUTH_RESPONSE = 0x0F,
    CQL_AUTH_SUCCESS = 0x10,
};

enum cql_error_code {
    CQL_SERVER_ERROR = 0x0000,
    CQL_PROTOCOL_ERROR = 0x000A,
    CQL_AUTH_ERROR = 0x0100,
    CQL_UNAVAILABLE = 0x1000,
    CQL_OVERLOADED = 0x1001,
    CQL_IS_BOOTSTRAPPING = 0x1002,
    CQL_WRITE_TIMEOUT = 0x1100,
    CQL_READ_TIMEOUT = 0x1200,
    CQL_READ_FAILURE = 0x1300,
    CQL_WRITE_FAILURE = 0x1500,
    CQL_SYNTAX_ERROR = 0x2000,
    CQL_UNAUTHORIZED = 0x2100,
    CQL_INVALID = 0x2200,
    CQL_CONFIG_ERROR = 0x2300,
    CQL_ALREADY_EXISTS = 0x2400,
    CQL_UNPREPARED = 0x2500,
};

// Types of columns and values, as the protocol numbers them.
enum cql_type {
    CQL_CUSTOM = 0x00,
    CQL_ASCII = 0x01,
    CQL_BIGINT = 0x02,
    CQL_BLOB = 0x03,
    CQL_BOOLEAN = 0x04,
    CQL_COUNTER = 0x05,
    CQL_DECIMAL = 0x06,
    CQL_DOUBLE = 0x07,
    CQL_FLOAT = 0x08,
    CQL_INT = 0x09,
    CQL_TIMESTAMP = 0x0B,
    CQL_UUID = 0x0C,
    CQL_TEXT = 0x0D,
    CQL_VARINT = 0x0E,
    CQL_TIMEUUID = 0x0F,
    CQL_INET = 0x10,
    CQL_DATE = 0x11,
    CQL_TIME = 0x12,
    CQL_SMALLINT = 0x13,
    CQL_TINYINT = 0x14,
    CQL_LIST = 0x20,
    CQL_MAP = 0x21,
    CQL_SET = 0x22,
    CQL_UDT = 0x30,
    CQL_TUPLE = 0x31,
};

// --- Reading values one after the other. Failure is sticky: many gets, one check of `bad`. A get
// --- past the end gives 0 or TEXT_NONE.

struct cql_in {
    const unsigned char *at;
    size_t left;
    bool bad;
};
static inline struct cql_in cql_in_of(struct text t) {
    return (struct cql_in){(const unsigned char *)t.at, t.len, false};
}
uint8_t cql_get_u8(struct cql_in *in);
uint16_t cql_get_u16(struct cql_in *in);
int32_t cql_get_i32(struct cql_in *in);
int64_t cql_get_i64(struct cql_in *in);
struct text cql_get_string(struct cql_in *in); // [string] and [short bytes]
struct text cql_get_bytes(struct cql_in *in);  // [bytes]; at == NULL: null
struct text cql_get_raw(struct cql_in *in, size_t n_bytes);

// --- Frames

enum cql_read {
    CQL_READ_OK,
    CQL_READ_MORE, // the input ends inside the frame
    CQL_READ_BAD,  // not a frame that this client can get: the connection is of no more use
};

struct cql_frame {
    uint8_t opcode;
    int16_t stream;       // -1: an event; otherwise what the request had
    struct text warning;  // the first of the server's warnings; absent without
    struct text body;     // behind tracing id, warnings and custom payload
    size_t n_bytes;       // of the frame with its header (OK), or needed at least (MORE)
    const char *problem;  // of BAD: why, static
    uint8_t version_seen; // of BAD: the server's protocol version, when that is the problem
};
// Looks at the frame that begins at `base`. A body above body_max_bytes is BAD.
MUST_CHECK enum cql_read cql_frame_read(struct text input, size_t body_max_bytes,
                                        struct cql_frame *out);

// --- Bodies

struct cql_error {
    int32_t code; // enum cql_error_code
    struct text message;
    struct text unprepared_id; // of CQL_UNPREPARED
};
MUST_CHECK bool cql_error_read(struct text body, struct cql_error *out);
// A server's message as one line of UTF-8, cut to fit; returns `out`.
enum { CQL_MESSAGE_MAX_BYTES = 220 };
const char *cql_message_line(struct text message, char out[static CQL_MESSAGE_MAX_BYTES + 1]);
const char *cql_error_name(int32_t code); // "OVERLOADED", ...; static

enum cql_result_kind {
    CQL_RESULT_VOID = 1,
    CQL_RESULT_ROWS = 2,
    CQL_RESULT_SET_KEYSPACE = 3,
    CQL_RESULT_PREPARED = 4,
    CQL_RESULT_SCHEMA_CHANGE = 5,
};

struct cql_columns {
    uint32_t n;
    struct {
        struct text name; // absent when the server left the metadata out
        uint16_t type;    // enum cql_type; of a collection without its elements' types
    } of[CQL_COLUMNS_MAX];
};

struct cql_result {
    enum cql_result_kind kind;
    struct cql_columns columns; // of rows; of a prepared statement: its values
    // Rows. All cells have been looked at: cql_row_next never meets the end of the input.
    int32_t n_rows;
    struct text paging_state; // absent: this was the last page
    struct cql_in cells;      // where the next row begins
    // Prepared
    struct text id;
};
MUST_CHECK bool cql_result_read(struct text body, struct cql_result *out);
// The cells of the next row, absent where null. False after the last one.
MUST_CHECK bool cql_row_next(struct cql_result *r, struct text cells[static CQL_COLUMNS_MAX]);

// SUPPORTED: does the list of this option have an entry that ends in `wanted`? *named tells whether
// the option is there at all. False: not a proper body.
MUST_CHECK bool cql_supported_read(struct text body, struct text option, struct text wanted,
                                   bool *named, bool *found);
