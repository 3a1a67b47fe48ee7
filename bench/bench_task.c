// SPDX-License-Identifier: MIT
// How long one order takes through a task of the kernel (include/salestide/arrow.h), on one core:
// batches of 10,000 messages as Arrow arrays, each order once, a new task every 100,000, which goes
// on where the one before ended. Without and with a window of identities, without and with rows
// given back. CPU time of the thread; the minimum and median over the tasks.
//
// bench_task [tasks [form, 0 to 3]]
#include "bench_orders.h"

#include "../tests/unit/message_batch.h"
#include <stdlib.h>

enum { BATCH = 10000, BATCHES = 10, MAX_TASKS = 99 }; // orders have numbers of seven digits
static const int64_t NOW_MS = INT64_C(1798761600000); // the end of 2026

static struct message_batch batches[BATCHES];

static void make_batches(void) {
    char order[512];
    int64_t offset = 0;
    for (int i = 0; i < BATCHES; i++) {
        for (int k = 0; k < BATCH; k++, offset++) {
            size_t len = make_order(order, (uint64_t)offset, false);
            message_batch_add(&batches[i], offset, NOW_MS + offset, (struct text){order, len});
        }
    }
}

static void must(int32_t result, const struct salestide_error *err) {
    if (result != SALESTIDE_OK) {
        fprintf(stderr, "bench_task: %s\n", err->text);
        exit(1);
    }
}

// The next orders of the partition: the same texts with identifiers and offsets that are new.
static void renumber(int64_t first) {
    int64_t number = first;
    for (int i = 0; i < BATCHES; i++) {
        struct message_batch *b = &batches[i];
        for (int k = 0; k < BATCH; k++, number++) {
            char *id = b->values.at + b->ends[k] + sizeof "{\"order_id\":" - 1;
            bool text = *id == '"';
            char digits[24];
            int n = snprintf(digits, sizeof digits, text ? "%07" PRId64 : "%08" PRId64,
                             text ? number : 10000000 + number);
            memcpy(text ? id + sizeof "\"ORD-2026-" - 1 : id, digits, (size_t)n);
            b->offsets[k] = number;
        }
    }
}

struct form {
    const char *name;
    bool window, rows;
};

static double one_task(const struct salestide_shop *shop, const struct form *form, int64_t from) {
    struct salestide_task_options options = {.size_bytes = sizeof options,
                                             .from = from,
                                             .now_ms = NOW_MS,
                                             .window_ms = 86400000,
                                             .window_max_bytes = 1 << 28,
                                             .topic_id = "bench",
                                             .window_dir =
                                                 form->window ? "build/bench/windows" : NULL};
    struct salestide_error err;
    struct salestide_task *task;
    renumber(from);
    double started_ns = now_ns();
    must(salestide_task_new(shop, &options, &task, &err), &err);
    for (int i = 0; i < BATCHES; i++) {
        struct ArrowSchema schema, out_schema;
        struct ArrowArray array, out;
        message_batch_export(&batches[i], &schema, &array);
        must(salestide_task_push(task, &schema, &array, form->rows ? &out_schema : NULL,
                                 form->rows ? &out : NULL, &err),
             &err);
        if (form->rows) {
            out_schema.release(&out_schema);
            out.release(&out);
        }
    }
    const void *bytes;
    size_t n_bytes;
    must(salestide_task_tally(task, from + BATCH * BATCHES, &bytes, &n_bytes, &err), &err);
    salestide_task_free(task);
    return (now_ns() - started_ns) / (BATCH * BATCHES);
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv) {
    int tasks = argc > 1 ? atoi(argv[1]) : 30;
    if (tasks < 1 || tasks > MAX_TASKS) {
        fprintf(stderr, "usage: bench_task [tasks, 1 to %d [form, 0 to 3]]\n", MAX_TASKS);
        return 2;
    }
    static const struct form forms[] = {{"no window", false, false},
                                        {"no window, rows", false, true},
                                        {"window", true, false},
                                        {"window, rows", true, true}};
    const struct salestide_shop_options options = {
        .size_bytes = sizeof options, .currency = "USD", .timezone = "UTC"};
    struct salestide_shop *shop;
    struct salestide_error err;
    must(salestide_shop_new(&options, &shop, &err), &err);
    make_batches();
    size_t n = sizeof forms / sizeof *forms, only = argc > 2 ? (size_t)atoi(argv[2]) : n;
    for (size_t i = only < n ? only : 0; i < (only < n ? only + 1 : n); i++) {
        static double ns[MAX_TASKS];
        (void)one_task(shop, &forms[i], 0); // warms up
        for (int k = 0; k < tasks; k++) {
            ns[k] = one_task(shop, &forms[i], (k + 1) * (int64_t)BATCH * BATCHES);
        }
        qsort(ns, (size_t)tasks, sizeof *ns, by_value);
        printf("%-16s min %6.1f ns, median %6.1f ns an order, %5.2f M orders/s\n", forms[i].name,
               ns[0], ns[tasks / 2], 1e3 / ns[tasks / 2]);
    }
    salestide_shop_free(shop);
    for (int i = 0; i < BATCHES; i++) {
        message_batch_free(&batches[i]);
    }
    return 0;
}
