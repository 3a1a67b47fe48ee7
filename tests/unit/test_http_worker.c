// SPDX-License-Identifier: MIT
// The worker pool: bounded, orders first, questions never on every thread.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "http/http_worker.h"
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

static struct http_workers *pool;
static sem_t entered, go_on;
static atomic_int n_run, order_of_orders, order_of_questions;
static atomic_int n_opened, n_closed;
static bool reader_fails;

static void close_reader(struct sales_reader *r) {
    atomic_fetch_add(&n_closed, 1);
    free(r);
}

static const struct sales_reader_ops reader_ops = {.close = close_reader};

static bool open_reader(void *user, struct sales_reader **out, struct error *err) {
    UNUSED(user);
    if (reader_fails) {
        return error_set(err, ERROR_RETRIABLE, "not now");
    }
    *out = calloc(1, sizeof **out);
    (*out)->ops = &reader_ops;
    atomic_fetch_add(&n_opened, 1);
    return true;
}

static int set_up(void **state) {
    UNUSED(state);
    struct error err;
    struct http_workers_options options = {
        .threads = 2, .max_waiting = 4, .open_reader = open_reader};
    sem_init(&entered, 0, 0);
    sem_init(&go_on, 0, 0);
    atomic_store(&n_run, 0);
    atomic_store(&n_opened, 0);
    atomic_store(&n_closed, 0);
    reader_fails = false;
    return !http_workers_start(&options, &pool, &err);
}

static void stop(void) {
    http_workers_stop(pool);
    pool = NULL;
}

static void run_waiting(struct http_job *job, struct http_worker *worker) {
    UNUSED(job);
    UNUSED(worker);
    sem_post(&entered);
    sem_wait(&go_on);
    atomic_fetch_add(&n_run, 1);
}

static void run_order(struct http_job *job, struct http_worker *worker) {
    UNUSED(job);
    UNUSED(worker);
    atomic_store(&order_of_orders, atomic_fetch_add(&n_run, 1));
    sem_post(&entered);
}

static void run_question(struct http_job *job, struct http_worker *worker) {
    UNUSED(job);
    UNUSED(worker);
    atomic_store(&order_of_questions, atomic_fetch_add(&n_run, 1));
}

static void slow_questions_leave_a_thread_for_orders(void **state) {
    UNUSED(state);
    struct http_job slow[3] = {{.run = run_waiting}, {.run = run_waiting}, {.run = run_waiting}};
    struct http_job order = {.run = run_order};
    for (int i = 0; i < 3; i++) {
        assert_true(http_workers_submit(pool, JOB_QUESTION, &slow[i]));
    }
    sem_wait(&entered); // one of them runs and stays
    assert_true(http_workers_submit(pool, JOB_ORDERS, &order));
    sem_wait(&entered); // the order was run beside it
    assert_int_equal(atomic_load(&n_run), 1);
    for (int i = 0; i < 3; i++) {
        sem_post(&go_on);
    }
    stop();
    assert_int_equal(atomic_load(&n_run), 4);
}

static void orders_that_wait_go_before_questions(void **state) {
    UNUSED(state);
    struct http_job slow[2] = {{.run = run_waiting}, {.run = run_waiting}};
    struct http_job question = {.run = run_question}, order = {.run = run_order};
    for (int i = 0; i < 2; i++) { // both threads busy
        assert_true(http_workers_submit(pool, JOB_ORDERS, &slow[i]));
        sem_wait(&entered);
    }
    assert_true(http_workers_submit(pool, JOB_QUESTION, &question));
    assert_true(http_workers_submit(pool, JOB_ORDERS, &order));
    sem_post(&go_on);
    sem_wait(&entered); // the order ran on the one free thread
    sem_post(&go_on);
    stop();
    assert_true(atomic_load(&order_of_orders) < atomic_load(&order_of_questions));
}

static void no_more_than_the_limit_wait(void **state) {
    UNUSED(state);
    struct http_job slow[2] = {{.run = run_waiting}, {.run = run_waiting}}, waiting[4], one_more;
    for (int i = 0; i < 2; i++) {
        assert_true(http_workers_submit(pool, JOB_ORDERS, &slow[i]));
        sem_wait(&entered);
    }
    for (int i = 0; i < 4; i++) {
        waiting[i].run = run_question;
        assert_true(http_workers_submit(pool, JOB_ORDERS, &waiting[i]));
    }
    one_more.run = run_question;
    assert_false(http_workers_submit(pool, JOB_ORDERS, &one_more));
    assert_true(http_workers_submit(pool, JOB_QUESTION, &one_more)); // each kind has its own
    sem_post(&go_on);
    sem_post(&go_on);
    stop(); // what waits is still run
    assert_int_equal(atomic_load(&n_run), 7);
}

static void run_with_reader(struct http_job *job, struct http_worker *worker) {
    struct sales_reader *reader;
    struct error err;
    UNUSED(job);
    if (http_worker_reader(worker, &reader, &err)) {
        atomic_fetch_add(&n_run, 1);
    }
    sem_post(&entered);
}

static void a_reader_is_opened_at_the_first_question_and_kept(void **state) {
    UNUSED(state);
    struct http_job job = {.run = run_with_reader};
    for (int i = 0; i < 20; i++) {
        assert_true(http_workers_submit(pool, JOB_QUESTION, &job));
        sem_wait(&entered);
    }
    int opened = atomic_load(&n_opened);
    assert_true(opened >= 1 && opened <= 2);
    stop();
    assert_int_equal(atomic_load(&n_closed), opened);
    assert_int_equal(atomic_load(&n_run), 20);
}

static void a_reader_that_cannot_be_opened_is_tried_again(void **state) {
    UNUSED(state);
    struct http_job job = {.run = run_with_reader};
    reader_fails = true;
    assert_true(http_workers_submit(pool, JOB_QUESTION, &job));
    sem_wait(&entered);
    assert_int_equal(atomic_load(&n_run), 0);
    reader_fails = false;
    assert_true(http_workers_submit(pool, JOB_QUESTION, &job));
    sem_wait(&entered);
    stop();
    assert_int_equal(atomic_load(&n_run), 1);
}

static void a_pool_that_is_gone_takes_nothing(void **state) {
    UNUSED(state);
    struct http_job job = {0};
    stop();
    assert_false(http_workers_submit(pool, JOB_ORDERS, &job));
    assert_false(http_workers_submit(pool, JOB_QUESTION, &job));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(slow_questions_leave_a_thread_for_orders, set_up),
        cmocka_unit_test_setup(orders_that_wait_go_before_questions, set_up),
        cmocka_unit_test_setup(no_more_than_the_limit_wait, set_up),
        cmocka_unit_test_setup(a_reader_is_opened_at_the_first_question_and_kept, set_up),
        cmocka_unit_test_setup(a_reader_that_cannot_be_opened_is_tried_again, set_up),
        cmocka_unit_test_setup(a_pool_that_is_gone_takes_nothing, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
