// SPDX-License-Identifier: MIT
// A log's messages out of a batch of Arrow columns (include/salestide/arrow.h says which).
#pragma once
#include "format/order_json.h"
#include "kernel/arrow_columns.h"

struct message {
    int64_t offset;       // >= 0, fits in a position (POSITION_OFFSET_BITS)
    int64_t stamp_ms;     // as it came: log_arrival_ms holds it within bounds
    int32_t partition;    // -1: not known
    struct text value;    // absent: there is no order in it (null, or empty)
    bool value_there;     // as order_json_parse_there wants it, until the arrays are released
    struct text key;      // absent: none; may be empty
    struct text rejected; // the value of the header salestide-rejected; absent: none, or the
                          // message has a key
};

struct messages {
    int64_t n;
    int32_t partition; // of all of them, where there is no column
    struct text_column value, key;
    const char *values_end; // no byte of the column's is read from here on
    struct number_column offset, stamp, partitions;
    struct list_column headers;
    struct text_column header_key, header_value;
};

// Checks a batch as a whole; what is read later cannot fail. `partition`: what all messages must be
// of; -1: any. Borrows both until they are released (arrow_release: not done here). One thread at a
// time; nothing is allocated.
MUST_CHECK bool messages_open(const struct ArrowSchema *schema, const struct ArrowArray *array,
                              int32_t partition, struct messages *out, struct error *err);
static inline size_t messages_count(const struct messages *m) {
    return (size_t)m->n;
}
static inline int64_t arrow_floor_div(int64_t v, int64_t by) {
    return v / by - (v % by < 0);
}

static inline int64_t messages_stamp_ms(const struct number_column *c, int64_t i) {
    int64_t v = arrow_load_i64(c->at, i), ms;
    switch (c->unit) {
    case 's':
        return !__builtin_mul_overflow(v, 1000, &ms) ? ms : v < 0 ? INT64_MIN : INT64_MAX;
    case 'u':
        return arrow_floor_div(v, 1000);
    case 'n':
        return arrow_floor_div(v, 1000000);
    default: // milliseconds, said or not
        return v;
    }
}

// Of a row without a key.
struct text messages_rejected(const struct messages *m, int64_t row);

// Inline, since most of what a message could have is asked for by nobody.
__attribute__((always_inline)) static inline void messages_at(const struct messages *m, size_t i,
                                                              struct message *out) {
    int64_t row = (int64_t)i;
    out->offset = arrow_load_i64(m->offset.at, row);
    out->stamp_ms = messages_stamp_ms(&m->stamp, row);
    out->partition =
        m->partitions.present ? (int32_t)arrow_load_i32(m->partitions.at, row) : m->partition;
    out->value = arrow_text_at(&m->value, row);
    if (out->value.len == 0) {
        out->value = TEXT_NONE;
    }
    out->value_there = out->value.len > 0 &&
                       m->values_end - (out->value.at + out->value.len) >= ORDER_SCAN_PADDING;
    out->key = m->key.present ? arrow_text_at(&m->key, row) : TEXT_NONE;
    out->rejected =
        m->headers.present && out->key.at == NULL ? messages_rejected(m, row) : TEXT_NONE;
}
