// SPDX-License-Identifier: MIT
// Messages of a log as an Arrow batch of value, offset and timestamp, for tests and measurements.
#pragma once
#include "base/buf.h"
#include <salestide/arrow.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct message_batch {
    int64_t n, cap;
    int64_t *offsets, *stamps; // of the log
    int32_t *ends;             // n + 1, of values
    uint8_t *valid;            // bits: a tombstone has none
    int64_t n_nulls;
    struct buf values;
    // What is handed over borrows from all this; released tells that it was given back.
    int released;
    struct ArrowSchema schemas[4], *schema_children[3];
    struct ArrowArray arrays[4], *array_children[3];
    const void *buffers[4][3];
};

static inline void message_batch_grow(struct message_batch *b) {
    b->cap = b->cap == 0 ? 64 : b->cap * 2;
    b->offsets = realloc(b->offsets, (size_t)b->cap * sizeof *b->offsets);
    b->stamps = realloc(b->stamps, (size_t)b->cap * sizeof *b->stamps);
    b->ends = realloc(b->ends, ((size_t)b->cap + 1) * sizeof *b->ends);
    b->valid = realloc(b->valid, (size_t)b->cap / 8);
    b->ends[0] = 0;
}

// `value` absent: a tombstone.
static inline void message_batch_add(struct message_batch *b, int64_t offset, int64_t stamp_ms,
                                     struct text value) {
    if (b->n == b->cap) {
        message_batch_grow(b);
    }
    uint8_t bit = (uint8_t)(1U << (b->n & 7));
    uint8_t *valid = &b->valid[b->n >> 3];
    *valid = (uint8_t)((b->n & 7) == 0 ? 0 : *valid);
    *valid = (uint8_t)(value.at != NULL ? *valid | bit : *valid);
    b->n_nulls += value.at == NULL;
    buf_put_text(&b->values, value);
    b->offsets[b->n] = offset;
    b->stamps[b->n] = stamp_ms;
    b->ends[++b->n] = (int32_t)b->values.len;
}

static inline void message_batch_clear(struct message_batch *b) {
    b->n = b->n_nulls = 0;
    buf_clear(&b->values);
}

static inline void message_batch_free(struct message_batch *b) {
    free(b->offsets);
    free(b->stamps);
    free(b->ends);
    free(b->valid);
    buf_free(&b->values);
    *b = (struct message_batch){0};
}

static inline void message_schema_released(struct ArrowSchema *schema) {
    ((struct message_batch *)schema->private_data)->released++;
    schema->release = NULL;
}
static inline void message_array_released(struct ArrowArray *array) {
    ((struct message_batch *)array->private_data)->released++;
    array->release = NULL;
}
static inline void message_schema_kept(struct ArrowSchema *schema) {
    schema->release = NULL;
}
static inline void message_array_kept(struct ArrowArray *array) {
    array->release = NULL;
}

// Both are to be given to a function that moves them.
static inline void message_batch_export(struct message_batch *b, struct ArrowSchema *schema,
                                        struct ArrowArray *array) {
    static const char *const names[] = {"value", "offset", "timestamp"};
    static const char *const formats[] = {"z", "l", "tsm:UTC"};
    const void *columns[3][3] = {{b->valid, b->ends, b->values.at != NULL ? b->values.at : ""},
                                 {NULL, b->offsets, NULL},
                                 {NULL, b->stamps, NULL}};
    b->released = 0;
    for (int i = 0; i < 3; i++) {
        b->schemas[i] = (struct ArrowSchema){.format = formats[i],
                                             .name = names[i],
                                             .flags = i == 0 ? ARROW_FLAG_NULLABLE : 0,
                                             .release = message_schema_kept};
        memcpy(b->buffers[i], columns[i], sizeof columns[i]);
        b->arrays[i] = (struct ArrowArray){.length = b->n,
                                           .null_count = i == 0 ? b->n_nulls : 0,
                                           .n_buffers = i == 0 ? 3 : 2,
                                           .buffers = b->buffers[i],
                                           .release = message_array_kept};
        b->schema_children[i] = &b->schemas[i];
        b->array_children[i] = &b->arrays[i];
    }
    b->buffers[3][0] = NULL;
    *schema = (struct ArrowSchema){.format = "+s",
                                   .name = "",
                                   .n_children = 3,
                                   .children = b->schema_children,
                                   .release = message_schema_released,
                                   .private_data = b};
    *array = (struct ArrowArray){.length = b->n,
                                 .n_buffers = 1,
                                 .n_children = 3,
                                 .buffers = b->buffers[3],
                                 .children = b->array_children,
                                 .release = message_array_released,
                                 .private_data = b};
}
