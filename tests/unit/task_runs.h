// SPDX-License-Identifier: MIT
// Tasks of the kernel over the log of task_world.h, and what they have committed: run one, kill it,
// lose its commit. Include after cmocka.h.
#pragma once
#include "message_batch.h"
#include "store/tally.h"
#include "task_world.h"
#include <ftw.h>
#include <unistd.h>

static const char customers[] = "customer_id,source,state\n1,WEB,NY\n2,WEB,\n3,,TX\n49,SHOP,WA\n";

static struct salestide_shop *open_shop(const struct mem_heap *heap) {
    const struct salestide_shop_options options = {.size_bytes = sizeof options,
                                                   .currency = "USD",
                                                   .timezone = "UTC",
                                                   .late_limit_ms = 86400000};
    struct salestide_shop *shop = NULL;
    struct salestide_error err;
    int32_t result = shop_new(&options, heap, &shop, &err);
    if (result == SALESTIDE_OK) {
        result = salestide_shop_customers_csv(shop, "customers.csv", customers,
                                              sizeof customers - 1, &err);
    }
    if (result != SALESTIDE_OK) {
        assert_int_equal(result, SALESTIDE_NO_MEMORY);
        salestide_shop_free(shop);
        return NULL;
    }
    return shop;
}

static struct task_world *open_world(uint64_t seed) {
    struct task_world *w = calloc(1, sizeof *w);
    w->dice = seed;
    w->shop = open_shop(NULL);
    w->cube = cube_new(w->shop->zone, NULL);
    // Not far from where it is refused.
    w->gross_e4[currency_number("JPY")] =
        INT64_MAX - (INT64_C(1) << 60) - INT64_C(11000000000000000);
    w->window = (struct id_window_start){0, 0};
    fill_task_log(w);
    return w;
}

static void close_world(struct task_world *w) {
    cube_free(w->cube);
    salestide_shop_free(w->shop);
    arena_free(&w->texts);
    arena_free(&w->kept);
    free(w);
}

// --- What tasks have committed

struct tasks {
    struct task_world *w;
    char directory[64];
    bool has_raw;
    struct cube *cube;
    struct arena arena; // of the last tally, and all before
    struct tally last;
    struct store_counts counts;
    struct rejected_event rejected[LOG_MESSAGES];
    size_t n_rejected;
    int64_t gross_e4[N_CURRENCIES];
    int64_t refused[LOG_MESSAGES];
    size_t n_refused;
    struct id_window_start window;
    int64_t next_offset; // -1: new
    int32_t minute_floor, hour_floor;
    int64_t n_history, n_rows;
};

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw) {
    UNUSED(st);
    UNUSED(type);
    UNUSED(ftw);
    return remove(path);
}

static void forget_windows(struct tasks *t) {
    nftw(t->directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static struct tasks *open_tasks(struct task_world *w) {
    struct tasks *t = calloc(1, sizeof *t);
    t->w = w;
    snprintf(t->directory, sizeof t->directory, "/tmp/salestide-task-XXXXXX");
    assert_non_null(mkdtemp(t->directory));
    t->cube = cube_new(w->shop->zone, NULL);
    memcpy(t->gross_e4, w->gross_e4, sizeof t->gross_e4);
    t->next_offset = -1;
    return t;
}

static void close_tasks(struct tasks *t) {
    forget_windows(t);
    cube_free(t->cube);
    arena_free(&t->arena);
    free(t);
}

static void commit_tally(struct tasks *t, const void *bytes, size_t n_bytes) {
    struct error err;
    struct tally tally;
    assert_true(tally_read((struct text){bytes, n_bytes}, &t->arena, t->cube, &tally, &err));
    assert_int_equal(tally.move.from, t->next_offset);
    assert_true(tally.move.window.offset >= t->window.offset); // never back
    t->last = tally;
    t->next_offset = tally.move.to;
    t->window = tally.move.window;
    t->minute_floor = tally.minute_floor;
    t->hour_floor = tally.hour_floor;
    t->counts.received += tally.summary.counts.received;
    t->counts.accepted += tally.summary.counts.accepted;
    t->counts.duplicate += tally.summary.counts.duplicate;
    t->counts.rejected += tally.summary.counts.rejected;
    t->counts.skipped += tally.summary.counts.skipped;
    for (int i = 0; i < ORDER_WARNING_KINDS; i++) {
        t->counts.warnings[i] += tally.summary.counts.warnings[i];
    }
    for (size_t i = 0; i < tally.n_rejected; i++) {
        t->rejected[t->n_rejected++] = tally.rejected[i];
        if (tally.rejected[i].refused) {
            t->refused[t->n_refused++] = log_position_offset(tally.rejected[i].position);
        }
    }
    for (size_t i = 0; i < tally.n_gross; i++) {
        t->gross_e4[tally.gross[i].currency] += tally.gross[i].delta_e4;
    }
    // Whoever commits looks their orders up; here none is found.
    assert_true(t->has_raw || tally.n_adjustments == 0);
    for (size_t i = 0; i < tally.n_adjustments; i++) {
        uint32_t group;
        assert_int_not_equal(tally.adjustments[i].order.kind, ORDER_PLACED);
        assert_int_equal(cube_add(t->cube, &tally.adjustments[i].order, tally.minute_floor,
                                  tally.hour_floor, &group),
                         CUBE_OK);
    }
}

// --- One task

static int first_from(const struct task_world *w, int64_t offset) {
    int i = 0;
    while (i < LOG_MESSAGES && w->log[i].offset < offset) {
        i++;
    }
    return i;
}

static void take_rows(struct tasks *t, struct ArrowSchema *schema, struct ArrowArray *rows) {
    assert_non_null(rows->release);
    t->n_rows += rows->length;
    rows->release(rows);
    schema->release(schema);
}

static int32_t push(struct tasks *t, struct salestide_task *task, int from, int to, bool rows,
                    struct salestide_error *err) {
    struct message_batch batch = {0};
    struct ArrowSchema schema, out_schema;
    struct ArrowArray array, out;
    for (int i = from; i < to; i++) {
        const struct logged *m = &t->w->log[i];
        message_batch_add(&batch, m->offset, m->stamp_ms, m->value);
    }
    if (batch.cap == 0) {
        message_batch_grow(&batch);
    }
    message_batch_export(&batch, &schema, &array);
    int32_t result = salestide_task_push(task, &schema, &array, rows ? &out_schema : NULL,
                                         rows ? &out : NULL, err);
    assert_int_equal(batch.released, 2);
    assert_true(schema.release == NULL && array.release == NULL);
    if (rows && result == SALESTIDE_OK) {
        take_rows(t, &out_schema, &out);
    } else if (rows) {
        assert_true(out_schema.release == NULL && out.release == NULL);
    }
    message_batch_free(&batch);
    return result;
}

static void write_gross(const struct tasks *t, char *out, size_t out_bytes) {
    size_t n = (size_t)snprintf(out, out_bytes, "{");
    for (int32_t i = 0; i < N_CURRENCIES; i++) {
        char name[4];
        if (t->gross_e4[i] != 0) {
            currency_name(i, name);
            n += (size_t)snprintf(out + n, out_bytes - n, "%s\"%s\":\"%" PRId64 "\"",
                                  n > 1 ? "," : "", name, t->gross_e4[i]);
        }
    }
    snprintf(out + n, out_bytes - n, "}");
}

static int32_t new_task(struct tasks *t, const struct salestide_shop *shop, bool window,
                        struct salestide_task **out, struct salestide_error *err) {
    char gross[400];
    write_gross(t, gross, sizeof gross);
    const struct salestide_task_options options = {.size_bytes = sizeof options,
                                                   .partition = PARTITION,
                                                   .lane = LANE,
                                                   .from = t->next_offset,
                                                   .epoch_us = 7,
                                                   .now_ms = TASK_NOW_MS,
                                                   .minute_floor = t->minute_floor,
                                                   .hour_floor = t->hour_floor,
                                                   .gross_json = gross,
                                                   .has_raw = t->has_raw,
                                                   .window_dir = window ? t->directory : NULL,
                                                   .topic_id = "topic",
                                                   .window_ms = TASK_WINDOW_MS,
                                                   .window_offset = t->window.offset,
                                                   .window_time_ms = t->window.time_ms,
                                                   .window_max_bytes = TASK_WINDOW_BYTES,
                                                   .refused = t->refused,
                                                   .n_refused = t->n_refused};
    return salestide_task_new(shop, &options, out, err);
}

// How a task goes.
enum fate { FATE_COMMITTED, FATE_KILLED, FATE_LOST_COMMIT };

// Messages number from .. to, in batches of any size.
static void run_task(struct tasks *t, int from, int to, enum fate fate) {
    struct task_world *w = t->w;
    struct salestide_task *task;
    struct salestide_error err;
    int32_t result = new_task(t, w->shop, true, &task, &err);
    assert_true(result == SALESTIDE_OK || result == SALESTIDE_HISTORY);
    int at = result == SALESTIDE_HISTORY ? first_from(w, t->window.offset)
             : from > 0                  ? from - (int)toss(w, (uint64_t)(from < 50 ? from : 50))
                                         : 0; // a replay of what was committed
    t->n_history += result == SALESTIDE_HISTORY;
    while (at < to) {
        int next = at + 1 + (int)toss(w, 700);
        next = next < to ? next : to;
        if (fate == FATE_KILLED && toss(w, 3) == 0) {
            break;
        }
        assert_int_equal(push(t, task, at, next, toss(w, 2) == 0, &err), SALESTIDE_OK);
        at = next;
    }
    const void *bytes;
    size_t n_bytes;
    int64_t end = to < LOG_MESSAGES ? w->log[to].offset : w->log[to - 1].offset + 1;
    if (fate != FATE_KILLED) {
        assert_int_equal(salestide_task_tally(task, end, &bytes, &n_bytes, &err), SALESTIDE_OK);
    }
    if (fate == FATE_COMMITTED) {
        commit_tally(t, bytes, n_bytes);
    }
    salestide_task_free(task);
}
