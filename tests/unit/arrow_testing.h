// SPDX-License-Identifier: MIT
// Arrow arrays as a producer makes them, for tests: columns with values of 64 bits, texts, or lists
// of headers, put together with what the test wants to be odd about them. Every release is counted.
// Include after cmocka.h.
#pragma once
#include <salestide/arrow.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static int n_live_schemas, n_live_arrays; // made and not released

static inline void release_test_schema(struct ArrowSchema *s) {
    assert_non_null(s->release);
    for (int64_t i = 0; s->children != NULL && i < (int64_t)(intptr_t)s->private_data; i++) {
        if (s->children[i] != NULL && s->children[i]->release != NULL) {
            s->children[i]->release(s->children[i]);
        }
        free(s->children[i]);
    }
    free(s->children);
    s->release = NULL;
    n_live_schemas--;
}

struct test_array {
    int64_t n_children; // as they were made, whatever the array says now
    void *buffers[3];   // likewise; freed with it
};
static inline void release_test_array(struct ArrowArray *a) {
    assert_non_null(a->release);
    struct test_array *own = a->private_data;
    for (int64_t i = 0; i < own->n_children; i++) {
        if (a->children[i] != NULL && a->children[i]->release != NULL) {
            a->children[i]->release(a->children[i]);
        }
        free(a->children[i]);
    }
    for (int i = 0; i < 3; i++) {
        free(own->buffers[i]);
    }
    free(a->children);
    free((void *)(uintptr_t)a->buffers);
    free(own);
    a->release = NULL;
    n_live_arrays--;
}

// An array and its schema, still without children.
struct batch {
    struct ArrowSchema schema;
    struct ArrowArray array;
};

static inline void *copy_of(const void *bytes, size_t n_bytes) {
    void *copy = malloc(n_bytes > 0 ? n_bytes : 1);
    assert_non_null(copy);
    if (n_bytes > 0) {
        memcpy(copy, bytes, n_bytes);
    }
    return copy;
}

static inline void begin_array(struct batch *b, const char *format, const char *name, int64_t n,
                               int n_buffers) {
    struct test_array *own = calloc(1, sizeof *own);
    assert_non_null(own);
    b->schema = (struct ArrowSchema){.format = format,
                                     .name = name,
                                     .flags = ARROW_FLAG_NULLABLE,
                                     .release = release_test_schema};
    b->array = (struct ArrowArray){.length = n,
                                   .n_buffers = n_buffers,
                                   .buffers = calloc(3, sizeof(void *)),
                                   .release = release_test_array,
                                   .private_data = own};
    assert_non_null(b->array.buffers);
    n_live_schemas++;
    n_live_arrays++;
}

static inline void set_buffer(struct ArrowArray *a, int i, const void *bytes, size_t n_bytes) {
    struct test_array *own = a->private_data;
    free(own->buffers[i]);
    own->buffers[i] = bytes != NULL ? copy_of(bytes, n_bytes) : NULL;
    a->buffers[i] = own->buffers[i];
}

// Moves a column in as the last child.
static inline struct ArrowArray *add_child(struct batch *b, const struct batch *child) {
    struct test_array *own = b->array.private_data;
    int64_t n = own->n_children++;
    b->schema.children = realloc(b->schema.children, (size_t)(n + 1) * sizeof(void *));
    b->array.children = realloc(b->array.children, (size_t)(n + 1) * sizeof(void *));
    assert_true(b->schema.children != NULL && b->array.children != NULL);
    b->schema.children[n] = copy_of(&child->schema, sizeof child->schema);
    b->array.children[n] = copy_of(&child->array, sizeof child->array);
    b->schema.n_children = b->array.n_children = n + 1;
    b->schema.private_data = (void *)(intptr_t)(n + 1);
    return b->array.children[n];
}

static inline void begin_batch(struct batch *b, int64_t n) {
    begin_array(b, "+s", "", n, 1);
}

static inline struct ArrowArray *add_numbers(struct batch *b, const char *format, const char *name,
                                             const void *values, size_t n_bytes, int64_t n) {
    struct batch child;
    begin_array(&child, format, name, n, 2);
    set_buffer(&child.array, 1, values, (size_t)n * n_bytes);
    return add_child(b, &child);
}

// NULL in `texts`: null.
static inline void make_texts(struct batch *child, const char *format, const char *name,
                              const char *const *texts, int64_t n) {
    bool large = format[0] == 'Z' || format[0] == 'U';
    size_t total = 0;
    int32_t *narrow = calloc((size_t)n + 1, sizeof *narrow);
    int64_t *wide = calloc((size_t)n + 1, sizeof *wide);
    uint8_t *valid = calloc((size_t)n / 8 + 1, 1);
    assert_true(narrow != NULL && wide != NULL && valid != NULL);
    begin_array(child, format, name, n, 3);
    for (int64_t i = 0; i < n; i++) {
        total += texts[i] != NULL ? strlen(texts[i]) : 0;
        narrow[i + 1] = (int32_t)total;
        wide[i + 1] = (int64_t)total;
        valid[i / 8] = (uint8_t)(valid[i / 8] | (texts[i] != NULL) << i % 8);
        child->array.null_count += texts[i] == NULL;
    }
    char *bytes = malloc(total + 1);
    assert_non_null(bytes);
    for (int64_t i = 0; i < n; i++) {
        if (texts[i] != NULL) {
            memcpy(bytes + wide[i], texts[i], strlen(texts[i]));
        }
    }
    set_buffer(&child->array, 0, child->array.null_count > 0 ? valid : NULL, (size_t)n / 8 + 1);
    set_buffer(&child->array, 1, large ? (void *)wide : (void *)narrow,
               ((size_t)n + 1) * (large ? 8 : 4));
    set_buffer(&child->array, 2, bytes, total);
    free(narrow);
    free(wide);
    free(valid);
    free(bytes);
}

static inline struct ArrowArray *add_texts(struct batch *b, const char *format, const char *name,
                                           const char *const *texts, int64_t n) {
    struct batch child;
    make_texts(&child, format, name, texts, n);
    return add_child(b, &child);
}

// Row i has ends[i] - ends[i - 1] headers.
static inline struct ArrowArray *add_headers(struct batch *b, const int32_t *ends, int64_t n,
                                             const char *const *keys, const char *const *values) {
    struct batch list, item;
    int32_t *offsets = calloc((size_t)n + 1, sizeof *offsets);
    assert_non_null(offsets);
    memcpy(offsets + 1, ends, (size_t)n * sizeof *ends);
    begin_array(&list, "+l", "headers", n, 2);
    set_buffer(&list.array, 1, offsets, ((size_t)n + 1) * sizeof *offsets);
    begin_array(&item, "+s", "item", offsets[n], 1);
    add_texts(&item, "u", "key", keys, offsets[n]);
    add_texts(&item, "z", "value", values, offsets[n]);
    add_child(&list, &item);
    free(offsets);
    return add_child(b, &list);
}

// value, offset (100, 101, ...) and timestamp (ms) of n texts.
static inline void make_messages(struct batch *b, const char *const *values, int64_t n) {
    int64_t *numbers = calloc((size_t)n + 1, sizeof *numbers);
    assert_non_null(numbers);
    begin_batch(b, n);
    add_texts(b, "z", "value", values, n);
    for (int64_t i = 0; i < n; i++) {
        numbers[i] = 100 + i;
    }
    add_numbers(b, "l", "offset", numbers, 8, n);
    for (int64_t i = 0; i < n; i++) {
        numbers[i] = INT64_C(1795000000000) + i;
    }
    add_numbers(b, "tsm:UTC", "timestamp", numbers, 8, n);
    free(numbers);
}

// --- What came out

static inline struct ArrowArray *out_child(const struct batch *b, const char *name) {
    for (int64_t i = 0; i < b->schema.n_children; i++) {
        if (strcmp(b->schema.children[i]->name, name) == 0) {
            return b->array.children[i];
        }
    }
    fail_msg("no column %s", name);
    return NULL;
}

static inline bool out_is_null(const struct ArrowArray *a, int64_t i) {
    const uint8_t *valid = a->buffers[0];
    return valid != NULL && (valid[i / 8] >> i % 8 & 1) == 0;
}

static inline int64_t out_number(const struct batch *b, const char *name, int64_t i) {
    const struct ArrowArray *a = out_child(b, name);
    assert_false(out_is_null(a, i));
    return ((const int64_t *)a->buffers[1])[i];
}

// NULL: null. Valid until the next call.
static inline const char *out_string(const struct batch *b, const char *name, int64_t i) {
    static char text[512];
    const struct ArrowArray *a = out_child(b, name);
    const int32_t *offsets = a->buffers[1];
    if (out_is_null(a, i)) {
        return NULL;
    }
    size_t len = (size_t)(offsets[i + 1] - offsets[i]);
    assert_true(len < sizeof text);
    if (len > 0) {
        memcpy(text, (const char *)a->buffers[2] + offsets[i], len);
    }
    text[len] = '\0';
    return text;
}

static inline void release_batch(struct batch *b) {
    b->schema.release(&b->schema);
    b->array.release(&b->array);
}
