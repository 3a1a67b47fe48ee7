// SPDX-License-Identifier: MIT
// Reads the bodies of answers: ERROR, RESULT, SUPPORTED. Their layouts are in cql_frame.c.
//
// A RESULT is looked through to its end before anything of it is handed out: a cell that is longer
// than the body, a count that is negative or too large, types nested without end make it no result.
#include "cql/cql_frame.h"

enum {
    META_GLOBAL_TABLE = 1,
    META_MORE_PAGES = 2,
    META_NO_COLUMNS = 4,
    TYPE_DEPTH_MAX = 16, // list<frozen<map<...>>>: far beyond what anybody declares
};

// --- ERROR

bool cql_error_read(struct text body, struct cql_error *out) {
    struct cql_in in = cql_in_of(body);
    *out = (struct cql_error){.code = cql_get_i32(&in), .message = cql_get_string(&in)};
    if (!in.bad && out->code == CQL_UNPREPARED) {
        out->unprepared_id = cql_get_string(&in);
    }
    return !in.bad;
}

const char *cql_message_line(struct text message, char out[static CQL_MESSAGE_MAX_BYTES + 1]) {
    size_t n = message.len < CQL_MESSAGE_MAX_BYTES ? message.len : CQL_MESSAGE_MAX_BYTES;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)message.at[i];
        out[i] = c < 0x20 || c == 0x7F ? ' ' : (char)c;
    }
    // Cut between two characters; what is no UTF-8 at all is shown as far as it is ASCII.
    size_t cut = n;
    while (cut > 0 && cut + 3 > n && !text_is_utf8((struct text){out, cut})) {
        cut--;
    }
    bool valid = text_is_utf8((struct text){out, cut});
    n = valid ? cut : n;
    for (size_t i = 0; i < n && !valid; i++) {
        out[i] = (unsigned char)out[i] >= 0x80 ? '?' : out[i];
    }
    out[n] = '\0';
    return out;
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
