// SPDX-License-Identifier: MIT
// Ids in memory: the hash map, and the waiting ids that keep increasing integers as extents before
// it. Both are held against arithmetic that tells every key's position.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/hash.h"
#include "base/mem.h"
#include "store/sqlite/waiting_ids.h"
#include <stdlib.h>

enum { N = 50000 };

// Keys of both signs, all different: the finalizer is a bijection.
static int64_t scattered(int64_t i) {
    return (int64_t)hash_u64((uint64_t)i + 1);
}

static void every_key_is_found_while_the_map_grows(void **state) {
    (void)state;
    struct id_map m = {0};
    assert_int_equal(id_map_find(&m, 5), 0);
    id_map_prefetch(&m, 5);
    for (int64_t i = 0; i < N; i++) {
        assert_int_equal(id_map_find(&m, scattered(i)), 0);
        assert_true(id_map_add(&m, scattered(i), i + 1));
        assert_int_equal(id_map_find(&m, scattered(i)), i + 1);
        assert_int_equal(m.n, i + 1);
        assert_true(m.n * 8 <= (m.mask + 1) * 5); // look-ups end
    }
    for (int64_t i = 0; i < 2 * N; i++) {
        id_map_prefetch(&m, scattered(i));
        assert_int_equal(id_map_find(&m, scattered(i)), i < N ? i + 1 : 0);
    }
    id_map_free(&m);
    assert_int_equal(id_map_find(&m, scattered(0)), 0);
}

static void zero_and_the_ends_of_the_range_are_keys_like_others(void **state) {
    (void)state;
    struct id_map m = {0};
    const int64_t keys[] = {0, -1, 1, INT64_MIN, INT64_MAX, INT64_MIN + 1, INT64_MAX - 1};
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        assert_int_equal(id_map_find(&m, keys[i]), 0);
        assert_true(id_map_add(&m, keys[i], (int64_t)i + 1));
    }
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        assert_int_equal(id_map_find(&m, keys[i]), i + 1);
    }
    id_map_free(&m);
}

static void expect_sorted(const struct id_map *m) {
    struct id_entry *sorted = id_map_sorted(m);
    assert_non_null(sorted);
    for (size_t i = 0; i < m->n; i++) {
        assert_true(i == 0 || sorted[i - 1].key < sorted[i].key);
        assert_int_equal(id_map_find(m, sorted[i].key), sorted[i].position);
    }
    free(sorted);
}

static void sorting_puts_negative_keys_first(void **state) {
    (void)state;
    struct id_map m = {0};
    expect_sorted(&m);
    for (int64_t i = 0; i < N; i++) {
        assert_true(id_map_add(&m, scattered(i), i + 1));
        if (i == 0 || i == 1 || i == 1000) {
            expect_sorted(&m);
        }
    }
    expect_sorted(&m);
    struct id_entry *sorted = id_map_sorted(&m);
    assert_true(sorted[0].key < 0);
    assert_true(sorted[N - 1].key > 0);
    free(sorted);
    id_map_free(&m);
}

static void keys_that_agree_in_most_digits_are_sorted_too(void **state) {
    (void)state;
    struct id_map m = {0};
    for (int64_t i = 0; i < 5000; i++) { // backwards below the largest
        assert_true(id_map_add(&m, INT64_MAX - i, i + 1));
    }
    expect_sorted(&m);
    id_map_free(&m);
}

static void reserved_room_is_not_moved(void **state) {
    (void)state;
    struct id_map m = {0};
    id_map_renew(&m, N);
    const struct id_entry *slots = m.slots;
    for (int64_t i = 0; i < N; i++) {
        assert_true(id_map_add(&m, scattered(i), i + 1));
    }
    assert_ptr_equal(m.slots, slots);
    assert_int_equal(id_map_find(&m, scattered(7)), 8);
    id_map_free(&m);
}

static void a_renewed_map_is_empty_whatever_its_size(void **state) {
    (void)state;
    struct id_map m = {0};
    static const size_t sizes[] = {N, N, 10, N * 4, 1, N};
    for (size_t s = 0; s < COUNT_OF(sizes); s++) {
        const struct id_entry *slots = m.slots;
        id_map_renew(&m, sizes[s]);
        assert_non_null(m.slots);
        if (s > 0 && sizes[s] == sizes[s - 1]) {
            assert_ptr_equal(m.slots, slots); // the memory it had
        }
        assert_int_equal(m.n, 0);
        for (int64_t i = 0; i < N; i++) {
            assert_int_equal(id_map_find(&m, scattered(i)), 0);
        }
        for (int64_t i = 0; i < N; i++) {
            assert_true(id_map_add(&m, scattered(i), i + 1));
        }
    }
    id_map_free(&m);
}

static long refuse_from; // allocations are refused from this one on

static bool refuse(void *user, size_t n_bytes) {
    (void)user;
    (void)n_bytes;
    return --refuse_from < 0;
}

static void a_refused_growth_loses_no_key(void **state) {
    (void)state;
    struct id_map m = {0};
    int64_t n = 0;
    refuse_from = 1; // the first slots are given, more are not
    mem_set_fail_hook(refuse, NULL);
    while (id_map_add(&m, scattered(n), n + 1)) {
        n++;
    }
    struct id_entry *sorted = id_map_sorted(&m);
    mem_set_fail_hook(NULL, NULL);
    assert_null(sorted);
    assert_in_range(n, 1, N);
    assert_int_equal(m.n, n);
    for (int64_t i = 0; i < n; i++) {
        assert_int_equal(id_map_find(&m, scattered(i)), i + 1);
    }
    assert_true(id_map_add(&m, scattered(n), n + 1)); // and it goes on later
    assert_int_equal(id_map_find(&m, scattered(n)), n + 1);
    id_map_free(&m);
}

// --- Waiting ids

// Runs of ten ids that increase, then one that goes back, then a text.
static int64_t mixed(int64_t i) {
    int64_t block = i / 12;
    switch (i % 12) {
    case 10:
        return block * 100 + 50; // behind the run's last, before the next run: increases
    case 11:
        return block % 2 == 0 ? scattered(i) | INT64_MIN : block * 100 + 30; // a text, or back
    default:
        return block * 100 + i % 12;
    }
}

static void waiting_ids_are_found_whatever_their_order(void **state) {
    (void)state;
    struct waiting w = {0};
    for (int64_t i = 0; i < N; i++) {
        waiting_prefetch(&w, mixed(i));
        assert_int_equal(waiting_find(&w, mixed(i)), 0);
        assert_true(waiting_add(&w, mixed(i), i + 1));
        assert_int_equal(waiting_find(&w, mixed(i)), i + 1);
    }
    assert_int_equal(waiting_count(&w), N);
    assert_true(w.map.n > 0 && w.n_up > 0);
    for (int64_t i = 0; i < N; i++) {
        assert_int_equal(waiting_find(&w, mixed(i)), i + 1);
        assert_int_equal(waiting_find(&w, i / 12 * 100 + 11), 0);
    }
    waiting_free(&w);
    assert_int_equal(waiting_count(&w), 0);
}

// Sorted extents do not touch, hold every id once, and tell its position.
static void expect_extents(const struct waiting *w, size_t n_at_most) {
    size_t n, n_ids = 0;
    struct extent *e = waiting_sorted(w, &n);
    assert_non_null(e);
    assert_true(n <= n_at_most);
    for (size_t i = 0; i < n; i++) {
        assert_true(e[i].n >= 1);
        assert_true(e[i].n == 1 || e[i].key >= 0); // texts never fold
        assert_true(i == 0 || e[i - 1].key + (e[i - 1].n - 1) < e[i].key);
        for (int64_t k = 0; k < e[i].n; k++) {
            assert_int_equal(waiting_find(w, e[i].key + k), e[i].position + k);
        }
        n_ids += (size_t)e[i].n;
    }
    assert_int_equal(n_ids, waiting_count(w));
    free(e);
}

static void sorted_waiting_ids_are_extents(void **state) {
    (void)state;
    struct waiting w = {0};
    expect_extents(&w, 0);
    for (int64_t i = 0; i < N; i++) {
        assert_true(waiting_add(&w, mixed(i), i + 1));
    }
    expect_extents(&w, N / 12 * 3 + 3);
    waiting_free(&w);
}

static void increasing_ids_are_one_extent_also_after_a_larger_one(void **state) {
    (void)state;
    struct waiting w = {0};
    assert_true(waiting_add(&w, INT64_MAX, 1)); // all others come before it: they go to the map
    for (int64_t i = 0; i < 3000; i++) {
        assert_true(waiting_add(&w, 100 + i, 2 + i));
    }
    expect_extents(&w, 2);
    waiting_free(&w);
}

static void the_largest_ids_are_an_extent(void **state) {
    (void)state;
    struct waiting w = {0};
    for (int64_t i = 0; i < 1000; i++) {
        assert_true(waiting_add(&w, INT64_MAX - 999 + i, 1 + i));
    }
    assert_int_equal(waiting_find(&w, INT64_MAX), 1000);
    assert_int_equal(waiting_find(&w, INT64_MAX - 1000), 0);
    assert_int_equal(waiting_find(&w, INT64_MIN), 0);
    expect_extents(&w, 1);
    waiting_free(&w);
}

static void neighbours_at_other_positions_are_not_folded(void **state) {
    (void)state;
    struct waiting w = {0};
    assert_true(waiting_add(&w, 10, 1));
    assert_true(waiting_add(&w, 11, 3)); // 2 is another's
    assert_true(waiting_add(&w, -7, 4));
    assert_true(waiting_add(&w, -6, 5)); // two hashes side by side mean nothing
    size_t n;
    struct extent *e = waiting_sorted(&w, &n);
    assert_int_equal(n, 4);
    free(e);
    expect_extents(&w, 4);
    waiting_free(&w);
}

static void waiting_ids_survive_refused_memory(void **state) {
    (void)state;
    struct waiting w = {0};
    int64_t n = 0;
    refuse_from = 2;
    mem_set_fail_hook(refuse, NULL);
    while (waiting_add(&w, mixed(n), n + 1)) {
        n++;
    }
    size_t n_extents;
    struct extent *sorted = waiting_sorted(&w, &n_extents);
    mem_set_fail_hook(NULL, NULL);
    assert_null(sorted);
    assert_in_range(n, 1, N);
    assert_int_equal(waiting_count(&w), n);
    for (int64_t i = 0; i < n; i++) {
        assert_int_equal(waiting_find(&w, mixed(i)), i + 1);
    }
    assert_int_equal(waiting_find(&w, mixed(n)), 0);
    assert_true(waiting_add(&w, mixed(n), n + 1));
    expect_extents(&w, (size_t)n + 1);
    waiting_free(&w);
}

static void a_map_that_gets_no_memory_anew_grows_as_it_goes(void **state) {
    (void)state;
    struct id_map m = {0};
    id_map_renew(&m, 10);
    assert_true(id_map_add(&m, 7, 1));
    refuse_from = 0;
    mem_set_fail_hook(refuse, NULL);
    id_map_renew(&m, N); // of another size
    mem_set_fail_hook(NULL, NULL);
    assert_null(m.slots);
    assert_int_equal(id_map_find(&m, 7), 0);
    assert_true(id_map_add(&m, 8, 1));
    assert_int_equal(id_map_find(&m, 8), 1);
    id_map_free(&m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_key_is_found_while_the_map_grows),
        cmocka_unit_test(zero_and_the_ends_of_the_range_are_keys_like_others),
        cmocka_unit_test(sorting_puts_negative_keys_first),
        cmocka_unit_test(keys_that_agree_in_most_digits_are_sorted_too),
        cmocka_unit_test(reserved_room_is_not_moved),
        cmocka_unit_test(a_renewed_map_is_empty_whatever_its_size),
        cmocka_unit_test(a_map_that_gets_no_memory_anew_grows_as_it_goes),
        cmocka_unit_test(a_refused_growth_loses_no_key),
        cmocka_unit_test(waiting_ids_are_found_whatever_their_order),
        cmocka_unit_test(sorted_waiting_ids_are_extents),
        cmocka_unit_test(increasing_ids_are_one_extent_also_after_a_larger_one),
        cmocka_unit_test(the_largest_ids_are_an_extent),
        cmocka_unit_test(neighbours_at_other_positions_are_not_folded),
        cmocka_unit_test(waiting_ids_survive_refused_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
