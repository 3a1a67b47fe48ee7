// SPDX-License-Identifier: MIT
// A log's messages out of a batch of Arrow columns (include/salestide/arrow.h says which).
#pragma once
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
void messages_at(const struct messages *m, size_t i, struct message *out);
