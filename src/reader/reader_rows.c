// SPDX-License-Identifier: MIT
// Messages as rows, for the kernel. How it fails: memory is refused, or a batch would be too large.
#include "reader/reader.h"

#include "format/rejected_header.h"

enum { VALUE, OFFSET, TIMESTAMP, KEY, REJECTED };

const struct out_column_kind reader_columns[READER_COLUMNS] = {
    [VALUE] = {"value", "z", 0, true},
    [OFFSET] = {"offset", OUT_INT64, false},
    [TIMESTAMP] = {"timestamp", OUT_INT64, false},
    [KEY] = {"key", "z", 0, true},
    [REJECTED] = {"rejected", "z", 0, true},
};

static struct text bytes_of(const void *at, size_t n) {
    return at == NULL ? TEXT_NONE : n == 0 ? TEXT_LIT("") : (struct text){at, n};
}

// Of messages with a key it is not asked for: headers are unpacked when they are.
static struct text rejected_of(const rd_kafka_message_t *m) {
    rd_kafka_headers_t *headers;
    const void *value;
    size_t n;
    if (m->key != NULL || rd_kafka_message_headers(m, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR ||
        rd_kafka_header_get_last(headers, REJECTED_HEADER, &value, &n) !=
            RD_KAFKA_RESP_ERR_NO_ERROR) {
        return TEXT_NONE;
    }
    return bytes_of(value, n);
}

bool reader_put(struct salestide_reader *r, const rd_kafka_message_t *m) {
    struct out_table *t = &r->rows;
    if (!out_row_room(t)) {
        return false;
    }
    out_text(t, VALUE, bytes_of(m->payload, m->len));
    out_i64(t, OFFSET, m->offset);
    out_i64(t, TIMESTAMP, rd_kafka_message_timestamp(m, NULL));
    out_text(t, KEY, bytes_of(m->key, m->key_len));
    const struct text rejected = rejected_of(m);
    out_text(t, REJECTED, rejected);
    out_row_end(t);
    r->n_bytes += (int64_t)(m->len + m->key_len + rejected.len);
    return !t->failed;
}
