// SPDX-License-Identifier: MIT
// The Bloom filter: it never denies a key that was added, and seldom claims one that was not.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/hash.h"
#include "base/mem.h"
#include "store/sqlite/bloom.h"
#include <pthread.h>

static uint64_t key(uint64_t i) {
    return hash_u64(i * UINT64_C(0x9e3779b97f4a7c15) + 1);
}

static struct bloom *filled(size_t capacity, uint64_t n) {
    struct bloom *b = bloom_new(capacity);
    assert_non_null(b);
    assert_int_equal(bloom_capacity(b), capacity);
    for (uint64_t i = 0; i < n; i++) {
        bloom_prefetch(b, key(i));
        (i % 2 == 0 ? bloom_add : bloom_add_alone)(b, key(i));
    }
    return b;
}

// How many of 100,000 keys that were not added are claimed.
static int false_positives(const struct bloom *b) {
    int n = 0;
    for (uint64_t i = 0; i < 100000; i++) {
        n += bloom_maybe(b, key(UINT64_C(1) << 40 | i));
    }
    return n;
}

static void an_added_key_is_never_denied(void **state) {
    (void)state;
    for (size_t capacity = 0; capacity < 100000; capacity = capacity * 3 + 1) {
        struct bloom *b = filled(capacity, capacity * 2 + 10); // beyond its size, too
        for (uint64_t i = 0; i < capacity * 2 + 10; i++) {
            assert_true(bloom_maybe(b, key(i)));
        }
        bloom_free(b);
    }
}

static void keys_at_the_ends_of_the_range_are_kept(void **state) {
    (void)state;
    struct bloom *b = bloom_new(1000);
    const uint64_t ends[] = {0, 1, UINT64_MAX, UINT64_MAX - 1, UINT64_C(1) << 63, 511, 512};
    for (size_t i = 0; i < COUNT_OF(ends); i++) {
        bloom_add(b, ends[i]);
        assert_true(bloom_maybe(b, ends[i]));
    }
    bloom_free(b);
}

// Where one line ends and the next begins: the lower bits must not tell which of them it is.
static void keys_that_are_added_as_a_line_are_never_denied(void **state) {
    (void)state;
    enum { CAPACITY = 1000, N_LINES = CAPACITY * 12 / 512 + 1 };
    const uint64_t lower = (UINT64_C(1) << BLOOM_LINE_BITS) - 1;
    for (uint64_t k = 0; k < N_LINES; k++) {
        struct bloom *b = bloom_new(CAPACITY);
        uint64_t edge = (uint64_t)(((unsigned __int128)k << 64) / N_LINES);
        for (uint64_t at = 0; at < 3; at++) {
            uint64_t line = (edge & ~lower) + (at - 1) * (lower + 1);
            const uint64_t keys[] = {line, line | lower, line | 511, line | (key(k) & lower)};
            bloom_add_line(b, keys, 1 + at);
            for (uint64_t i = 0; i < 1 + at; i++) {
                assert_true(bloom_maybe(b, keys[i]));
            }
        }
        bloom_free(b);
    }
    struct bloom *once = bloom_new(CAPACITY), *together = bloom_new(CAPACITY);
    for (uint64_t i = 0; i < CAPACITY / 4; i++) {
        uint64_t keys[4], line = key(i) & ~lower;
        for (uint64_t n = 0; n < 4; n++) {
            keys[n] = line | (key(i * 4 + n) & lower);
            bloom_add(once, keys[n]);
        }
        bloom_add_line(together, keys, 4);
    }
    assert_int_equal(false_positives(together), false_positives(once));
    bloom_free(once);
    bloom_free(together);
}

static void an_empty_filter_denies_everything(void **state) {
    (void)state;
    struct bloom *b = filled(1000, 0);
    assert_int_equal(false_positives(b), 0);
    bloom_free(b);
}

static void a_full_filter_claims_less_than_two_of_a_hundred(void **state) {
    (void)state;
    const size_t capacities[] = {1000, 30000, 300000};
    for (size_t i = 0; i < COUNT_OF(capacities); i++) {
        struct bloom *b = filled(capacities[i], capacities[i]);
        int n = false_positives(b);
        assert_in_range(n, 1, 1999); // of 100,000; none at all would be no Bloom filter
        bloom_free(b);
    }
}

static void a_half_full_filter_claims_next_to_nothing(void **state) {
    (void)state;
    struct bloom *b = filled(100000, 50000);
    assert_in_range(false_positives(b), 0, 200);
    bloom_free(b);
}

static void *add_second_half(void *user) {
    for (uint64_t i = 50000; i < 100000; i++) {
        bloom_add(user, key(i));
    }
    return NULL;
}

static void two_threads_may_add_at_once(void **state) {
    (void)state;
    struct bloom *b = filled(100000, 0);
    pthread_t other;
    assert_int_equal(pthread_create(&other, NULL, add_second_half, b), 0);
    for (uint64_t i = 0; i < 50000; i++) {
        bloom_add(b, key(i));
        assert_true(bloom_maybe(b, key(i)));
    }
    pthread_join(other, NULL);
    for (uint64_t i = 0; i < 100000; i++) {
        assert_true(bloom_maybe(b, key(i)));
    }
    bloom_free(b);
}

static bool refuse(void *user, size_t n_bytes) {
    (void)user;
    (void)n_bytes;
    return true;
}

static void without_memory_there_is_no_filter(void **state) {
    (void)state;
    mem_set_fail_hook(refuse, NULL);
    struct bloom *b = bloom_new(1000);
    mem_set_fail_hook(NULL, NULL);
    assert_null(b);
    bloom_free(b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_added_key_is_never_denied),
        cmocka_unit_test(keys_at_the_ends_of_the_range_are_kept),
        cmocka_unit_test(keys_that_are_added_as_a_line_are_never_denied),
        cmocka_unit_test(an_empty_filter_denies_everything),
        cmocka_unit_test(a_full_filter_claims_less_than_two_of_a_hundred),
        cmocka_unit_test(a_half_full_filter_claims_next_to_nothing),
        cmocka_unit_test(two_threads_may_add_at_once),
        cmocka_unit_test(without_memory_there_is_no_filter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
