// SPDX-License-Identifier: MIT
// A log's messages out of Arrow columns.
//
// 1. messages_open finds the columns and checks what must hold of all their rows: offsets that fit
//    in a position, the partition that is wanted, nothing null that may not be.
// 2. messages_at puts one row together. Headers are looked at only where there is no key: a door
//    sends what it has rejected without one.
//
// How it fails: a line that names column and row.
#include "kernel/arrow_in.h"

#include "engine/store.h"
#include "format/order_json.h"
#include "format/rejected_header.h"

#define OFFSET_LIMIT (INT64_C(1) << POSITION_OFFSET_BITS)

static bool missing(struct error *err, const char *name, const char *what) {
    return error_set(err, ERROR_USAGE, "Arrow: there is no column %s: %s", name, what);
}

static bool no_nulls(const struct number_column *c, int64_t n, const char *name,
                     struct error *err) {
    return !c->present || !arrow_any_null(&c->nulls, n) ||
           error_set(err, ERROR_USAGE, "Arrow: %s: it has nulls and may have none", name);
}

static bool check_log_offsets(const struct messages *m, struct error *err) {
    uint64_t all = 0; // bits of any of them
    for (int64_t i = 0; i < m->n; i++) {
        all |= (uint64_t)arrow_load_i64(m->offset.at, i);
    }
    return all < (uint64_t)OFFSET_LIMIT ||
           error_set(err, ERROR_USAGE,
                     "Arrow: offset: one is negative, or 2^48 or more: no offset of a log");
}

static bool check_partitions(const struct messages *m, int32_t partition, struct error *err) {
    for (int64_t i = 0; m->partitions.present && i < m->n; i++) {
        int64_t p = arrow_load_i32(m->partitions.at, i);
        if (p < 0 || (partition >= 0 && p != partition)) {
            return error_set(err, ERROR_USAGE,
                             "Arrow: partition: row %lld is of partition %lld, expected %d: give a "
                             "task messages of one partition",
                             (long long)i, (long long)p, (int)partition);
        }
    }
    return true;
}

static bool open_headers(const struct arrow_table *t, struct messages *m, struct error *err) {
    if (!arrow_lists(t, "headers", &m->headers, err)) {
        return false;
    }
    if (!m->headers.present) {
        return true;
    }
    if (!m->key.present) {
        return missing(err, "key", "headers count for messages without a key");
    }
    if (!arrow_texts(&m->headers.inner, "key", &m->header_key, err) ||
        !arrow_texts(&m->headers.inner, "value", &m->header_value, err)) {
        return false;
    }
    return (m->header_key.present && m->header_value.present) ||
           missing(err, "key or value", "headers are structs of both");
}

bool messages_open(const struct ArrowSchema *schema, const struct ArrowArray *array,
                   int32_t partition, struct messages *out, struct error *err) {
    struct arrow_table t;
    *out = (struct messages){.partition = partition};
    if (!arrow_table_open(schema, array, &t, err)) {
        return false;
    }
    out->n = t.n_rows;
    if (!arrow_texts(&t, "value", &out->value, err) ||
        !arrow_numbers(&t, "offset", "l", "int64 ('l')", &out->offset, err) ||
        !arrow_numbers(&t, "timestamp", "lt", "a timestamp, or int64 milliseconds", &out->stamp,
                       err) ||
        !arrow_numbers(&t, "partition", "i", "int32 ('i')", &out->partitions, err) ||
        !arrow_texts(&t, "key", &out->key, err) || !open_headers(&t, out, err)) {
        return false;
    }
    if (!out->value.present) {
        return missing(err, "value", "it has the orders");
    }
    out->values_end =
        out->value.bytes != NULL
            ? out->value.bytes + arrow_load_offset(out->value.offsets, out->value.large, out->n)
            : NULL;
    if (!out->offset.present || !out->stamp.present) {
        return missing(err, out->offset.present ? "timestamp" : "offset",
                       "each message has both, offset and timestamp");
    }
    return no_nulls(&out->offset, out->n, "offset", err) &&
           no_nulls(&out->stamp, out->n, "timestamp", err) &&
           no_nulls(&out->partitions, out->n, "partition", err) && check_log_offsets(out, err) &&
           check_partitions(out, partition, err);
}

// --- One message

// The last header of that name, as a log's client gives it.
struct text messages_rejected(const struct messages *m, int64_t row) {
    if (arrow_is_null(&m->headers.nulls, row)) {
        return TEXT_NONE;
    }
    int64_t from = arrow_list_at(&m->headers, row);
    for (int64_t i = arrow_list_at(&m->headers, row + 1); i-- > from;) {
        if (text_equal(arrow_text_at(&m->header_key, i), TEXT_LIT(REJECTED_HEADER))) {
            return arrow_text_at(&m->header_value, i);
        }
    }
    return TEXT_NONE;
}
