// SPDX-License-Identifier: MIT
// Tasks of the kernel against the native engine: the same log gives the same verdicts, sums and
// lists, however it is cut into tasks and batches, whatever is tried again, killed or forgotten.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "refusing_heap.h"
#include "task_runs.h"
#include <pthread.h>

// --- Are they the same?

static bool left_out(const struct cube_cell *cell, int32_t minute_floor, int32_t hour_floor) {
    static const struct measures nothing;
    return (cell->table == CUBE_MINUTE && cell->bucket < minute_floor) ||
           (cell->table == CUBE_HOUR && cell->bucket < hour_floor) ||
           memcmp(&cell->sum, &nothing, sizeof nothing) == 0;
}

static void assert_cells_within(struct cube *a, struct cube *b, int32_t minute_floor,
                                int32_t hour_floor) {
    for (size_t i = 0; i < cube_n_cells(a); i++) {
        const struct cube_cell *cell = &cube_cells(a)[i];
        if (left_out(cell, minute_floor, hour_floor)) {
            continue;
        }
        const struct cube_dim *dim =
            cell->table == CUBE_PRODUCT ? cube_product(a, cell->dim) : cube_group(a, cell->dim);
        const struct measures *sum = cube_find(b, cell->table, cell->bucket, dim);
        assert_non_null(sum);
        assert_memory_equal(sum, &cell->sum, sizeof *sum);
    }
}

static void assert_text(struct text a, struct text b) {
    assert_true(text_equal(a, b));
}

static void assert_same(const struct tasks *t) {
    const struct task_world *w = t->w;
    assert_int_equal(t->next_offset, w->next_offset);
    assert_memory_equal(&t->counts, &w->counts, sizeof w->counts);
    assert_cells_within(t->cube, w->cube, w->minute_floor, w->hour_floor);
    assert_cells_within(w->cube, t->cube, w->minute_floor, w->hour_floor);
    assert_int_equal(t->n_rejected, w->n_rejected);
    for (size_t i = 0; i < w->n_rejected; i++) {
        const struct rejected_event *a = &t->rejected[i], *b = &w->rejected[i];
        assert_int_equal(a->position, b->position);
        assert_int_equal(a->arrival_ms, b->arrival_ms);
        assert_int_equal(a->refused, b->refused);
        assert_int_equal(a->raw_bytes, b->raw_bytes);
        assert_text(a->code, b->code);
        assert_text(a->field, b->field);
        assert_text(a->message, b->message);
        assert_text(a->raw, b->raw);
    }
    assert_memory_equal(t->gross_e4, w->gross_e4, sizeof w->gross_e4);
    assert_int_equal(t->window.offset, w->window.offset);
    assert_int_equal(t->window.time_ms, w->window.time_ms);
    assert_int_equal(t->minute_floor, w->minute_floor);
    assert_int_equal(t->hour_floor, w->hour_floor);
}

static void assert_same_order(const struct stored_event *a, const struct stored_event *b) {
    assert_int_equal(a->position, b->position);
    assert_int_equal(a->arrival_ms, b->arrival_ms);
    assert_true(order_same_content(&a->order, &b->order));
    assert_int_equal(a->order.created_ms, b->order.created_ms);
    assert_int_equal(a->order.warnings, b->order.warnings);
    assert_text(a->order.source, b->order.source);
    assert_text(a->order.state, b->order.state);
}

// Of the last batch, when both had the same.
static void assert_same_batch(const struct tasks *t) {
    const struct task_world *w = t->w;
    const struct tally *last = &t->last;
    assert_int_equal(last->move.from, w->move.from);
    assert_int_equal(last->move.epoch_us, w->move.epoch_us);
    assert_int_equal(last->move.lane, w->move.lane);
    assert_int_equal(last->summary.minute_min, w->minute_min);
    assert_int_equal(last->summary.minute_max, w->minute_max);
    assert_int_equal(last->summary.oldest_arrival_ms, w->oldest_arrival_ms);
    assert_int_equal(last->n_recent, w->n_recent);
    for (size_t i = 0; i < w->n_recent; i++) {
        assert_same_order(&last->recent[i], &w->recent[i]);
    }
    assert_int_equal(last->n_changes, t->has_raw ? 0 : w->n_changes);
    for (size_t i = 0; i < last->n_changes; i++) {
        assert_same_order(&last->changes[i], &w->changes[i]);
        assert_int_equal(last->changes[i].order.kind, w->changes[i].order.kind);
    }
}

// --- Tests

// The end of a range lies before the next message: offsets may have holes. Native moves to right
// behind its last message.
static void native_up_to(struct native *n, int from, int to) {
    native_batch(n, from, to);
    n->w->next_offset = to < LOG_MESSAGES ? n->w->log[to].offset : n->w->next_offset;
}

static void each_range_gives_what_the_native_engine_gives(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 6; seed++) {
        struct task_world *w = open_world(seed);
        struct tasks *t = open_tasks(w);
        struct native native;
        t->has_raw = seed % 2 == 0;
        native_open(&native, w);
        for (int at = 0, next; at < LOG_MESSAGES; at = next) {
            next = at + 1 + (int)toss(w, 1500);
            next = next < LOG_MESSAGES ? next : LOG_MESSAGES;
            native_up_to(&native, at, next);
            run_task(t, at, next, FATE_COMMITTED);
            w->move.from = t->last.move.from; // the holes at its end are a matter of taste
            assert_same(t);
            assert_same_batch(t);
        }
        assert_true(w->n_refused > 50 && w->counts.duplicate > 100 && w->counts.accepted > 1000);
        native_close(&native);
        close_tasks(t);
        close_world(w);
    }
}

static void any_cut_with_retries_kills_and_lost_windows_gives_the_same(void **state) {
    (void)state;
    int64_t n_history = 0, n_known = 0;
    for (uint64_t seed = 50; seed < 62; seed++) {
        struct task_world *w = open_world(seed);
        struct tasks *t = open_tasks(w);
        struct native native;
        t->has_raw = seed % 2 == 0;
        native_open(&native, w);
        for (int at = 0, next; at < LOG_MESSAGES; at = next) {
            next = at + 1 + (int)toss(w, 2000);
            next = next < LOG_MESSAGES ? next : LOG_MESSAGES;
            native_up_to(&native, at, next);
        }
        int n = 0;
        for (int at = 0, next; at < LOG_MESSAGES;) {
            next = at + 1 + (int)toss(w, 800);
            next = next < LOG_MESSAGES ? next : LOG_MESSAGES;
            if (toss(w, 10) == 0) {
                forget_windows(t);
            }
            uint64_t fate = toss(w, 10);
            n++;
            run_task(t, at, next,
                     fate < 2   ? FATE_KILLED
                     : fate < 4 ? FATE_LOST_COMMIT
                                : FATE_COMMITTED);
            at = fate < 4 ? at : next;
        }
        assert_same(t);
        n_history += t->n_history;
        n_known += n - t->n_history;
        native_close(&native);
        close_tasks(t);
        close_world(w);
    }
    print_message("%d tasks with history, %d without\n", (int)n_history, (int)n_known);
    assert_true(n_history > 20 && n_known > 20);
}

static void without_a_window_no_duplicates_are_looked_for(void **state) {
    (void)state;
    struct task_world *w = open_world(3);
    struct tasks *t = open_tasks(w);
    struct salestide_task *task;
    struct salestide_error err;
    const void *bytes;
    size_t n_bytes;
    for (int half = 0; half < 2; half++) { // the second time all of it is new again
        assert_int_equal(new_task(t, w->shop, false, &task, &err), SALESTIDE_OK);
        t->next_offset = t->next_offset < 0 ? -1 : t->next_offset;
        for (int i = 0; i < LOG_MESSAGES; i += 500) {
            assert_int_equal(push(t, task, i, i + 500, true, &err), SALESTIDE_OK);
        }
        int64_t end = w->log[LOG_MESSAGES - 1].offset + 1;
        assert_int_equal(salestide_task_tally(task, end, &bytes, &n_bytes, &err), SALESTIDE_OK);
        commit_tally(t, bytes, n_bytes);
        salestide_task_free(task);
        if (half == 0) {
            assert_int_equal(t->counts.duplicate, 0);
            assert_int_equal(t->n_rows, t->counts.received);
        } else { // it is all below `from`: skipped
            assert_int_equal(t->last.summary.counts.received, 0);
            assert_int_equal(t->n_rows, t->counts.received);
        }
    }
    close_tasks(t);
    close_world(w);
}

// --- What is refused

static void offsets_must_ascend_and_a_range_end_after_them(void **state) {
    (void)state;
    struct task_world *w = open_world(5);
    struct tasks *t = open_tasks(w);
    struct salestide_task *task;
    struct salestide_error err;
    const void *bytes;
    size_t n_bytes;
    assert_int_equal(new_task(t, w->shop, true, &task, &err), SALESTIDE_OK);
    assert_int_equal(push(t, task, 0, 100, true, &err), SALESTIDE_OK);
    assert_int_equal(salestide_task_tally(task, w->log[99].offset, &bytes, &n_bytes, &err),
                     SALESTIDE_INVALID);
    assert_non_null(strstr(err.text, "cannot end at"));
    assert_null(bytes);
    assert_int_equal(push(t, task, 99, 200, true, &err), SALESTIDE_INVALID);
    assert_non_null(strstr(err.text, "in order of their offsets"));
    assert_int_equal(push(t, task, 200, 300, true, &err), SALESTIDE_INVALID); // it has failed
    assert_int_equal(salestide_task_tally(task, w->log[300].offset, &bytes, &n_bytes, &err),
                     SALESTIDE_INVALID);
    salestide_task_free(task);
    close_tasks(t);
    close_world(w);
}

static void options_that_cannot_be_are_told(void **state) {
    (void)state;
    struct salestide_shop *shop = open_shop(NULL);
    const struct salestide_task_options good = {.size_bytes = sizeof good, .gross_json = "{}"};
    static const int64_t descending[] = {5, 4};
    struct {
        struct salestide_task_options options;
        const char *says;
    } bad[12];
    size_t n = 0;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        bad[i].options = good;
    }
    bad[n].options.partition = -1, bad[n++].says = "partition -1";
    bad[n].options.lane = 40000, bad[n++].says = "lane 40000";
    bad[n].options.from = INT64_C(1) << 48, bad[n++].says = "no offset";
    bad[n].options.now_ms = -1, bad[n++].says = "now_ms";
    bad[n].options.minute_floor = -1, bad[n++].says = "minute_floor";
    bad[n].options.gross_json = "{\"usd\":\"1\"}", bad[n++].says = "'usd' is no currency";
    bad[n].options.gross_json = "{\"USD\":1}", bad[n++].says = "'USD' is no currency";
    bad[n].options.gross_json = "{\"USD\":\"9223372036854775808\"}", bad[n++].says = "'USD'";
    bad[n].options.gross_json = "[", bad[n++].says = "no JSON";
    bad[n].options.window_dir = "/tmp", bad[n++].says = "topic_id";
    bad[n].options.window_dir = "/tmp", bad[n].options.topic_id = "x", bad[n++].says = "window_ms";
    bad[n].options.refused = descending, bad[n].options.n_refused = 2, bad[n++].says = "ascend";
    assert_int_equal(n, COUNT_OF(bad));
    for (size_t i = 0; i < n; i++) {
        struct salestide_task *task = NULL;
        struct salestide_error err;
        assert_int_equal(salestide_task_new(shop, &bad[i].options, &task, &err), SALESTIDE_INVALID);
        assert_null(task);
        assert_non_null(strstr(err.text, bad[i].says));
    }
    salestide_shop_free(shop);
}

static void a_window_is_used_by_one_task_at_a_time(void **state) {
    (void)state;
    struct task_world *w = open_world(8);
    struct tasks *t = open_tasks(w);
    struct salestide_task *task, *other;
    struct salestide_error err;
    assert_int_equal(new_task(t, w->shop, true, &task, &err), SALESTIDE_OK);
    assert_int_equal(new_task(t, w->shop, true, &other, &err), SALESTIDE_BUSY);
    assert_null(other);
    assert_int_not_equal(err.text[0], '\0');
    salestide_task_free(task);
    assert_int_equal(new_task(t, w->shop, true, &other, &err), SALESTIDE_OK);
    salestide_task_free(other);
    close_tasks(t);
    close_world(w);
}

// --- Without memory

static struct task_world *sweep_world;
static const struct tasks *sweep_before; // what was committed before the task

// As those of sweep_before, on another machine: without its windows.
static struct tasks *open_tasks_elsewhere(void) {
    const struct tasks *before = sweep_before;
    struct tasks *t = open_tasks(sweep_world);
    t->has_raw = before->has_raw;
    t->next_offset = before->next_offset;
    t->window = before->window;
    t->minute_floor = before->minute_floor;
    t->hour_floor = before->hour_floor;
    t->n_refused = before->n_refused;
    memcpy(t->refused, before->refused, sizeof t->refused);
    memcpy(t->gross_e4, before->gross_e4, sizeof t->gross_e4);
    return t;
}

static int32_t ask_for_sums(struct salestide_task *task) {
    struct ArrowSchema schema;
    struct ArrowArray rows;
    struct salestide_error err;
    int32_t result = SALESTIDE_OK;
    for (int products = 0; products < 2 && result == SALESTIDE_OK; products++) {
        result = products ? salestide_task_products(task, &schema, &rows, &err)
                          : salestide_task_sums(task, &schema, &rows, &err);
        if (result == SALESTIDE_OK) {
            assert_true(rows.length > 0);
            schema.release(&schema);
            rows.release(&rows);
        } else {
            assert_true(schema.release == NULL && rows.release == NULL);
        }
    }
    return result;
}

static bool task_in(const struct mem_heap *heap) {
    struct tasks *t = open_tasks_elsewhere();
    struct salestide_shop *shop = open_shop(heap);
    struct salestide_task *task = NULL;
    struct salestide_error err;
    const void *bytes;
    size_t n_bytes;
    int32_t result = SALESTIDE_NO_MEMORY;
    bool history = t->next_offset > 0;
    if (shop != NULL) {
        result = new_task(t, shop, true, &task, &err);
        assert_true(result == SALESTIDE_NO_MEMORY ||
                    result == (history ? SALESTIDE_HISTORY : SALESTIDE_OK));
        result = result == SALESTIDE_HISTORY ? SALESTIDE_OK : result;
    }
    int first = history ? first_from(sweep_world, t->window.offset) : 0;
    for (int i = first; i < 600 && result == SALESTIDE_OK; i += 300) {
        result = push(t, task, i, i + 300 < 600 ? i + 300 : 600, i == first, &err);
    }
    if (result == SALESTIDE_OK) {
        result = ask_for_sums(task);
    }
    if (result == SALESTIDE_OK) {
        result = salestide_task_tally(task, sweep_world->log[600].offset, &bytes, &n_bytes, &err);
    }
    assert_true(result == SALESTIDE_OK || result == SALESTIDE_NO_MEMORY);
    if (result == SALESTIDE_OK) {
        commit_tally(t, bytes, n_bytes);
    }
    salestide_task_free(task);
    salestide_shop_free(shop);
    close_tasks(t);
    return result == SALESTIDE_OK;
}

static void every_allocation_of_a_task_may_be_refused(void **state) {
    (void)state;
    sweep_world = open_world(6);
    struct tasks *before = open_tasks(sweep_world);
    before->has_raw = true;
    sweep_before = before;
    sweep_heap(task_in, 100);
    close_tasks(before);
    close_world(sweep_world);
}

// Its window is read again from the log, and of what is there some events were refused.
static void every_allocation_of_a_task_with_history_may_be_refused(void **state) {
    (void)state;
    sweep_world = open_world(6);
    struct tasks *before = open_tasks(sweep_world);
    run_task(before, 0, 300, FATE_COMMITTED);
    assert_true(before->n_refused > 0);
    assert_true(before->refused[before->n_refused - 1] >= before->window.offset);
    sweep_before = before;
    sweep_heap(task_in, 100);
    close_tasks(before);
    close_world(sweep_world);
}

// --- Threads

enum { THREADS = 16 };
static void *one_of_many(void *user) {
    struct tasks *t = user;
    for (int at = 0; at < LOG_MESSAGES; at += 1000) {
        run_task(t, at, at + 1000, FATE_COMMITTED);
    }
    return NULL;
}

static void sixteen_tasks_at_a_time_share_a_shop(void **state) {
    (void)state;
    struct task_world *w = open_world(7), *own[THREADS];
    struct tasks *t[THREADS];
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) { // each has its log and its dice, and the one shop
        own[i] = calloc(1, sizeof *own[i]);
        *own[i] = *w;
        t[i] = open_tasks(own[i]);
        assert_int_equal(pthread_create(&threads[i], NULL, one_of_many, t[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_memory_equal(&t[i]->counts, &t[0]->counts, sizeof t[i]->counts);
        assert_true(t[i]->counts.accepted > 1000);
        assert_cells_within(t[i]->cube, t[0]->cube, 0, 0);
    }
    for (int i = 0; i < THREADS; i++) {
        close_tasks(t[i]);
        free(own[i]);
    }
    close_world(w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_range_gives_what_the_native_engine_gives),
        cmocka_unit_test(any_cut_with_retries_kills_and_lost_windows_gives_the_same),
        cmocka_unit_test(without_a_window_no_duplicates_are_looked_for),
        cmocka_unit_test(offsets_must_ascend_and_a_range_end_after_them),
        cmocka_unit_test(options_that_cannot_be_are_told),
        cmocka_unit_test(a_window_is_used_by_one_task_at_a_time),
        cmocka_unit_test(every_allocation_of_a_task_may_be_refused),
        cmocka_unit_test(every_allocation_of_a_task_with_history_may_be_refused),
        cmocka_unit_test(sixteen_tasks_at_a_time_share_a_shop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
