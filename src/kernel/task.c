// SPDX-License-Identifier: MIT
// The public face of a task (include/salestide/arrow.h): arguments are checked, arrays opened and
// released, and the work is done by task_open.c, task_push.c, task_sums.c and task_tally.c.
//
// How it fails: each function says what is wrong; arrays are released in every case.
#include "kernel/task.h"

#include "kernel/result.h"

static int32_t said(struct salestide_error *err, enum salestide_result result,
                    const struct error *why) {
    return result == SALESTIDE_OK ? SALESTIDE_OK : kernel_answer(err, result, "%s", why->text);
}

// NULL: it can be used.
static const char *unusable(const struct salestide_task *t) {
    return t == NULL                  ? "there is no task"
           : t->state == TASK_TALLIED ? "the task's range has ended"
           : t->state == TASK_FAILED  ? "the task has failed before: it can only be freed"
                                      : NULL;
}

int32_t salestide_task_new(const struct salestide_shop *shop,
                           const struct salestide_task_options *options,
                           struct salestide_task **out, struct salestide_error *err) {
    kernel_begin(err);
    if (out != NULL) {
        *out = NULL;
    }
    if (shop == NULL || options == NULL || out == NULL ||
        options->size_bytes < sizeof options->size_bytes) {
        return kernel_answer(err, SALESTIDE_INVALID,
                             "a task needs a shop, options with their size_bytes, and out");
    }
    struct salestide_task_options known = {0};
    memcpy(&known, options,
           options->size_bytes < sizeof known ? options->size_bytes : sizeof known);
    struct salestide_task *t = heap_zalloc(shop->heap, 1, sizeof *t);
    if (t == NULL) {
        return kernel_no_memory(err);
    }
    t->heap = shop->heap;
    t->shop = shop;
    struct error why = {0};
    enum salestide_result result = task_open(t, &known, &why);
    if (result == SALESTIDE_OK || result == SALESTIDE_HISTORY) {
        *out = t;
        return result;
    }
    salestide_task_free(t);
    return said(err, result, &why);
}

void salestide_task_free(struct salestide_task *t) {
    if (t == NULL) {
        return;
    }
    const struct mem_heap *heap = t->heap;
    task_store_free(&t->store);
    task_recent_free(&t->recent);
    cube_free(t->cube);
    order_json_free(t->parser);
    submission_free(t->slice);
    buf_free(&t->tally);
    heap_free(heap, t);
}

// --- Batches

static enum salestide_result push_opened(struct salestide_task *t, const struct ArrowSchema *schema,
                                         const struct ArrowArray *array, struct order_rows *rows,
                                         struct error *why) {
    struct messages batch;
    if (!messages_open(schema, array, t->partition, &batch, why)) {
        t->state = TASK_FAILED;
        return SALESTIDE_INVALID;
    }
    return task_push(t, &batch, rows, why);
}

static enum salestide_result push_for_rows(struct salestide_task *t,
                                           const struct ArrowSchema *schema,
                                           const struct ArrowArray *array,
                                           struct ArrowSchema *out_schema, struct ArrowArray *out,
                                           struct error *why) {
    struct order_rows *rows = order_rows_new(t->heap);
    enum salestide_result result = SALESTIDE_NO_MEMORY;
    error_set(why, ERROR_RETRIABLE, "out of memory for rows");
    if (rows != NULL) {
        result = push_opened(t, schema, array, rows, why);
    }
    if (result == SALESTIDE_OK && !order_rows_export(rows, out_schema, out)) {
        error_set(why, ERROR_RETRIABLE, "out of memory for rows");
        result = SALESTIDE_NO_MEMORY;
    }
    t->state = result == SALESTIDE_OK ? t->state : TASK_FAILED;
    order_rows_free(rows);
    return result;
}

int32_t salestide_task_push(struct salestide_task *t, struct ArrowSchema *schema,
                            struct ArrowArray *array, struct ArrowSchema *out_schema,
                            struct ArrowArray *out, struct salestide_error *err) {
    kernel_begin(err);
    struct error why = {0};
    enum salestide_result result = SALESTIDE_INVALID;
    const char *problem = unusable(t);
    if (out_schema != NULL) {
        out_schema->release = NULL;
    }
    if (out != NULL) {
        out->release = NULL;
    }
    if (problem == NULL && (out_schema == NULL) != (out == NULL)) {
        problem = "rows need both out_schema and out";
    }
    if (problem != NULL) {
        error_set(&why, ERROR_USAGE, "%s", problem);
    } else if (out != NULL) {
        result = push_for_rows(t, schema, array, out_schema, out, &why);
    } else {
        result = push_opened(t, schema, array, NULL, &why);
    }
    arrow_release(schema, array);
    return said(err, result, &why);
}

// --- The end

int32_t salestide_task_tally(struct salestide_task *t, int64_t to, const void **bytes,
                             size_t *n_bytes, struct salestide_error *err) {
    kernel_begin(err);
    const char *problem = unusable(t);
    if (problem == NULL && (bytes == NULL || n_bytes == NULL)) {
        problem = "a tally needs bytes and n_bytes";
    }
    if (problem != NULL) {
        return kernel_answer(err, SALESTIDE_INVALID, "%s", problem);
    }
    struct error why = {0};
    *bytes = NULL;
    *n_bytes = 0;
    enum salestide_result result = task_tally(t, to, &why);
    if (result == SALESTIDE_OK) {
        *bytes = t->tally.at;
        *n_bytes = t->tally.len;
    }
    return said(err, result, &why);
}
