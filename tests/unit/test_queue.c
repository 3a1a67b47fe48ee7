// SPDX-License-Identifier: MIT
// The queue between the doors and the engine: bounds, order, waiting and closing, with one thread
// and with several.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"
#include "engine/queue.h"
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

// A submission of n events; `number` tells it apart.
static struct submission *submission(size_t n_events, int64_t number) {
    struct submission *s = submission_new(NULL);
    for (size_t i = 0; i < n_events; i++) {
        assert_non_null(submission_add(s));
    }
    s->arrival_ms = number;
    return s;
}

static struct submission *take(struct queue *q, size_t max_events, int timeout_ms) {
    struct submission *list = NULL;
    struct source source = queue_source(q);
    assert_int_equal(source.ops->take(source.self, max_events, timeout_ms, &list), SOURCE_OK);
    return list;
}

// Frees a list of n submissions numbered from first on.
static void expect_list(struct submission *list, int64_t first, int n) {
    for (int i = 0; i < n; i++) {
        assert_non_null(list);
        struct submission *next = list->next;
        assert_int_equal(list->arrival_ms, first + i);
        submission_free(list);
        list = next;
    }
    assert_null(list);
}

static void what_was_offered_first_is_taken_first(void **state) {
    (void)state;
    struct queue *q = queue_new(100);
    assert_int_equal(intake_capacity(queue_intake(q)), 100);
    for (int i = 0; i < 10; i++) {
        assert_true(intake_offer(queue_intake(q), submission(3, i)));
    }
    assert_int_equal(intake_events(queue_intake(q)), 30);
    expect_list(take(q, 1000, 0), 0, 10);
    assert_int_equal(intake_events(queue_intake(q)), 0);
    assert_true(intake_offer(queue_intake(q), submission(1, 10))); // the list's end is found again
    expect_list(take(q, 1000, 0), 10, 1);
    queue_free(q);
}

static void a_full_queue_says_no_and_the_caller_keeps_it(void **state) {
    (void)state;
    struct queue *q = queue_new(10);
    struct submission *too_much = submission(4, 2);
    assert_true(intake_offer(queue_intake(q), submission(4, 0)));
    assert_true(intake_offer(queue_intake(q), submission(3, 1)));
    assert_false(intake_offer(queue_intake(q), too_much));
    assert_int_equal(intake_events(queue_intake(q)), 7);
    assert_true(intake_offer(queue_intake(q), submission(3, 2))); // exactly full
    assert_int_equal(intake_events(queue_intake(q)), 10);
    expect_list(take(q, 4, 0), 0, 1);
    assert_true(intake_offer(queue_intake(q), too_much));
    too_much->arrival_ms = 3;
    expect_list(take(q, 1000, 0), 1, 3);
    queue_free(q);
}

static void one_submission_is_always_taken_whatever_its_size(void **state) {
    (void)state;
    struct queue *q = queue_new(10);
    struct submission *small = submission(1, 1);
    assert_true(intake_offer(queue_intake(q), submission(500, 0)));
    assert_false(intake_offer(queue_intake(q), small));
    expect_list(take(q, 20, 0), 0, 1); // also by a small batch
    assert_true(intake_offer(queue_intake(q), small));
    expect_list(take(q, 20, 0), 1, 1);
    queue_free(q);
}

static void an_empty_submission_counts_as_one_event(void **state) {
    (void)state;
    struct queue *q = queue_new(2);
    struct submission *third = submission(0, 2);
    assert_true(intake_offer(queue_intake(q), submission(0, 0)));
    assert_true(intake_offer(queue_intake(q), submission(0, 1)));
    assert_false(intake_offer(queue_intake(q), third));
    submission_free(third);
    expect_list(take(q, 2, 0), 0, 2);
    queue_free(q);
}

static void a_batch_is_whole_submissions_up_to_its_events(void **state) {
    (void)state;
    struct queue *q = queue_new(1000);
    for (int i = 0; i < 6; i++) {
        assert_true(intake_offer(queue_intake(q), submission(4, i)));
    }
    expect_list(take(q, 9, 0), 0, 2);  // 8 events: a third would make 12
    expect_list(take(q, 12, 0), 2, 3); // exactly
    expect_list(take(q, 1, 0), 5, 1);  // at least one
    assert_null(take(q, 9, 0));
    queue_free(q);
}

static void take_waits_no_longer_than_it_was_told(void **state) {
    (void)state;
    struct queue *q = queue_new(10);
    int64_t start_ns = clock_monotonic_ns(clock_system());
    assert_null(take(q, 10, 30));
    int64_t waited_ms = (clock_monotonic_ns(clock_system()) - start_ns) / 1000000;
    assert_in_range(waited_ms, 29, 20000);
    queue_free(q);
}

static void a_closed_queue_takes_no_more_and_gives_what_it_has(void **state) {
    (void)state;
    struct queue *q = queue_new(10);
    struct source source = queue_source(q);
    struct submission *late = submission(1, 9), *list;
    assert_true(intake_offer(queue_intake(q), submission(4, 0)));
    assert_true(intake_offer(queue_intake(q), submission(4, 1)));
    intake_close(queue_intake(q));
    assert_false(intake_offer(queue_intake(q), late));
    assert_false(intake_offer_wait(queue_intake(q), late));
    expect_list(take(q, 4, 0), 0, 1);
    expect_list(take(q, 4, 60000), 1, 1);
    for (int i = 0; i < 2; i++) { // at once, and again
        list = late;
        assert_int_equal(source.ops->take(source.self, 4, 60000, &list), SOURCE_END);
        assert_null(list);
    }
    submission_free(late);
    queue_free(q);
}

// --- Threads

struct door {
    struct queue *q;
    pthread_t thread;
    int64_t first;
    int n;
    size_t n_events;
    atomic_int offered, refused;
};

static void *offer_waiting(void *user) {
    struct door *d = user;
    for (int i = 0; i < d->n; i++) {
        struct submission *s = submission(d->n_events, d->first + i);
        if (intake_offer_wait(queue_intake(d->q), s)) {
            atomic_fetch_add(&d->offered, 1);
        } else {
            submission_free(s);
            atomic_fetch_add(&d->refused, 1);
        }
    }
    return NULL;
}

static void start_door(struct door *d, struct queue *q, int64_t first, int n, size_t n_events) {
    *d = (struct door){.q = q, .first = first, .n = n, .n_events = n_events};
    assert_int_equal(pthread_create(&d->thread, NULL, offer_waiting, d), 0);
}

static void wait_until(atomic_int *value, int want) {
    for (int i = 0; i < 20000 && atomic_load(value) != want; i++) {
        usleep(1000);
    }
    assert_int_equal(atomic_load(value), want);
}

static void offer_wait_waits_for_room_and_goes_on(void **state) {
    (void)state;
    struct queue *q = queue_new(10);
    struct door d;
    start_door(&d, q, 0, 5, 4);
    wait_until(&d.offered, 2); // 8 events; the third does not fit
    usleep(20000);
    assert_int_equal(atomic_load(&d.offered), 2);
    assert_int_equal(intake_events(queue_intake(q)), 8);
    expect_list(take(q, 4, 0), 0, 1);
    wait_until(&d.offered, 3);
    expect_list(take(q, 100, 0), 1, 2);
    pthread_join(d.thread, NULL); // the last two have room at once
    expect_list(take(q, 100, 0), 3, 2);
    assert_int_equal(atomic_load(&d.refused), 0);
    queue_free(q);
}

static void closing_ends_a_waiting_offer(void **state) {
    (void)state;
    struct queue *q = queue_new(4);
    struct door d;
    start_door(&d, q, 0, 2, 4);
    wait_until(&d.offered, 1);
    usleep(10000);
    intake_close(queue_intake(q));
    pthread_join(d.thread, NULL);
    assert_int_equal(atomic_load(&d.refused), 1);
    expect_list(take(q, 100, 0), 0, 1);
    queue_free(q);
}

static void *close_soon(void *user) {
    usleep(10000);
    intake_close(queue_intake(user));
    return NULL;
}

static void closing_ends_a_waiting_take(void **state) {
    (void)state;
    struct queue *q = queue_new(4);
    struct source source = queue_source(q);
    struct submission *list = NULL;
    pthread_t closer;
    assert_int_equal(pthread_create(&closer, NULL, close_soon, q), 0);
    assert_int_equal(source.ops->take(source.self, 100, 60000, &list), SOURCE_END);
    pthread_join(closer, NULL);
    queue_free(q);
}

static void an_offer_wakes_a_waiting_take(void **state) {
    (void)state;
    struct queue *q = queue_new(4);
    for (int i = 0; i < 20; i++) {
        struct door d;
        start_door(&d, q, i, 1, 1);
        expect_list(take(q, 100, 60000), i, 1);
        pthread_join(d.thread, NULL);
    }
    queue_free(q);
}

// Four doors, a queue that is mostly full: nothing is lost, nothing comes twice, the bound holds,
// and each door's submissions keep their order.
static void several_doors_keep_their_order(void **state) {
    (void)state;
    enum { DOORS = 4, EACH = 2000, MAX = 16 };
    struct queue *q = queue_new(MAX);
    struct door doors[DOORS];
    for (int i = 0; i < DOORS; i++) {
        start_door(&doors[i], q, (int64_t)i * EACH, EACH, (size_t)i + 1);
    }
    int next[DOORS] = {0};
    for (int taken = 0; taken < DOORS * EACH;) {
        assert_in_range(intake_events(queue_intake(q)), 0, MAX);
        struct submission *list = take(q, 10, 20000);
        assert_non_null(list);
        size_t n_events = 0;
        while (list != NULL) {
            struct submission *following = list->next;
            int door = (int)(list->arrival_ms / EACH);
            assert_int_equal(list->arrival_ms % EACH, next[door]++);
            assert_int_equal(list->n_events, door + 1);
            n_events += list->n_events;
            submission_free(list);
            list = following;
            taken++;
        }
        assert_in_range(n_events, 1, 10);
    }
    for (int i = 0; i < DOORS; i++) {
        pthread_join(doors[i].thread, NULL);
        assert_int_equal(next[i], EACH);
    }
    assert_int_equal(intake_events(queue_intake(q)), 0);
    queue_free(q);
}

// --- Submissions, which the queue carries

static bool refuse(void *user, size_t n_bytes) {
    (void)user;
    (void)n_bytes;
    return true;
}

static void a_submission_without_memory_says_so_and_keeps_what_it_has(void **state) {
    (void)state;
    struct submission *s = submission(1, 0), *none;
    struct rejection why = {.field = "total", .code = REJECT_MISSING, .message = "is missing"};
    size_t bytes = submission_bytes(s);
    mem_set_fail_hook(refuse, NULL);
    none = submission_new(NULL);
    struct event *more = submission_add(s);
    bool rejected = submission_reject(s, &s->events[0], &why);
    mem_set_fail_hook(NULL, NULL);
    assert_null(none);
    assert_null(more);
    assert_false(rejected);
    assert_int_equal(s->n_events, 1);
    assert_int_equal(s->events[0].verdict, VERDICT_NEW);
    assert_true(submission_reject(s, &s->events[0], &why));
    assert_int_equal(s->events[0].verdict, VERDICT_REJECTED);
    assert_ptr_not_equal(s->events[0].why, &why); // a copy
    assert_string_equal(s->events[0].why->field, "total");
    assert_true(submission_bytes(s) > bytes);
    submission_free(s);
    submission_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_offered_first_is_taken_first),
        cmocka_unit_test(a_full_queue_says_no_and_the_caller_keeps_it),
        cmocka_unit_test(one_submission_is_always_taken_whatever_its_size),
        cmocka_unit_test(an_empty_submission_counts_as_one_event),
        cmocka_unit_test(a_batch_is_whole_submissions_up_to_its_events),
        cmocka_unit_test(take_waits_no_longer_than_it_was_told),
        cmocka_unit_test(a_closed_queue_takes_no_more_and_gives_what_it_has),
        cmocka_unit_test(offer_wait_waits_for_room_and_goes_on),
        cmocka_unit_test(closing_ends_a_waiting_offer),
        cmocka_unit_test(closing_ends_a_waiting_take),
        cmocka_unit_test(an_offer_wakes_a_waiting_take),
        cmocka_unit_test(several_doors_keep_their_order),
        cmocka_unit_test(a_submission_without_memory_says_so_and_keeps_what_it_has),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
