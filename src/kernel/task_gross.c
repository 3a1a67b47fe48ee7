// SPDX-License-Identifier: MIT
// How it fails: what is no object of currencies and whole numbers from 0 up to 2^63 - 1 is told;
// memory is refused.
#include "kernel/task_gross.h"

#include "sums/currency.h"
#include <yyjson.h>

// --- The heap as the JSON library wants it

static void *json_alloc(void *ctx, size_t n_bytes) {
    return heap_alloc(ctx, n_bytes);
}
static void *json_realloc(void *ctx, void *old, size_t old_bytes, size_t n_bytes) {
    UNUSED(old_bytes);
    return heap_realloc(ctx, old, n_bytes);
}
static void json_free(void *ctx, void *p) {
    heap_free(ctx, p);
}

static bool read_sum(struct text digits, int64_t *out) {
    int64_t sum = 0;
    for (size_t i = 0; i < digits.len; i++) {
        int digit = digits.at[i] - '0';
        if (digit < 0 || digit > 9 || __builtin_mul_overflow(sum, 10, &sum) ||
            __builtin_add_overflow(sum, digit, &sum)) {
            return false;
        }
    }
    *out = sum;
    return digits.len > 0;
}

static bool read_members(yyjson_val *object, int64_t *gross_e4, struct error *err) {
    size_t i, n;
    yyjson_val *key, *value;
    if (!yyjson_is_obj(object)) {
        return error_set(err, ERROR_USAGE, "gross_json is no object");
    }
    yyjson_obj_foreach(object, i, n, key, value) {
        struct text name = {yyjson_get_str(key), yyjson_get_len(key)};
        struct text digits = {yyjson_get_str(value), yyjson_get_len(value)};
        if (!currency_is(name) || digits.at == NULL ||
            !read_sum(digits, &gross_e4[currency_number(name.at)])) {
            return error_set(err, ERROR_USAGE,
                             "gross_json: '%s' is no currency with a whole number as text, as in "
                             "{\"USD\":\"123\"}",
                             excerpt_of(name).text);
        }
    }
    return true;
}

bool task_gross_read(struct text json, const struct mem_heap *heap, int64_t *gross_e4,
                     struct error *err) {
    yyjson_alc allocator = {json_alloc, json_realloc, json_free, (void *)(uintptr_t)heap};
    yyjson_read_err why;
    // Without the flag for reading in place the text is only read.
    yyjson_doc *doc = yyjson_read_opts((char *)(uintptr_t)json.at, json.len, 0, &allocator, &why);
    if (doc == NULL) {
        return why.code == YYJSON_READ_ERROR_MEMORY_ALLOCATION
                   ? error_set(err, ERROR_RETRIABLE, "out of memory for gross sums")
                   : error_set(err, ERROR_USAGE, "gross_json is no JSON: %s", why.msg);
    }
    bool ok = read_members(yyjson_doc_get_root(doc), gross_e4, err);
    yyjson_doc_free(doc);
    return ok;
}
