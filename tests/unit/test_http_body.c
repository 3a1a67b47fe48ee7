// SPDX-License-Identifier: MIT
// Bodies: growing within the budget, unpacking gzip.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "http/http_body.h"
#include <zlib.h>

static struct http_budget budget;
static struct http_body body, out;

static int set_up(void **state) {
    UNUSED(state);
    budget = (struct http_budget){.limit_bytes = 1024 * 1024};
    memset(&body, 0, sizeof body);
    memset(&out, 0, sizeof out);
    return 0;
}

static int tear_down(void **state) {
    UNUSED(state);
    body_clear(&body, &budget);
    body_clear(&out, &budget);
    mem_set_fail_hook(NULL, NULL);
    return budget_used(&budget) != 0; // whatever was charged has come back
}

static enum body_result append(size_t n_bytes, size_t expected_bytes) {
    static char zeros[600 * 1024];
    return body_append(&body, &budget, zeros, n_bytes, expected_bytes);
}

static void a_small_body_costs_nothing(void **state) {
    UNUSED(state);
    assert_int_equal(append(1000, BODY_SMALL_BYTES), BODY_OK);
    assert_int_equal(append(BODY_SMALL_BYTES - 1000, BODY_SMALL_BYTES), BODY_OK);
    assert_int_equal(body.len, BODY_SMALL_BYTES);
    assert_int_equal(budget_used(&budget), 0);
}

static void an_announced_length_costs_only_a_first_step(void **state) {
    UNUSED(state);
    assert_int_equal(append(100, 1000 * 1000), BODY_OK);
    assert_int_equal(budget_used(&budget), 64 * 1024);
}

static void a_body_grows_to_its_announced_length_exactly(void **state) {
    UNUSED(state);
    for (size_t n = 0; n < 300 * 1000; n += 1000) {
        assert_int_equal(append(1000, 300 * 1000), BODY_OK);
    }
    assert_int_equal(body.len, 300 * 1000);
    assert_int_equal(budget_used(&budget), 300 * 1000);
}

static void what_came_stays_in_order_while_it_grows(void **state) {
    UNUSED(state);
    for (int i = 0; i < 100000; i++) {
        char c = (char)(i % 251);
        assert_int_equal(body_append(&body, &budget, &c, 1, 0), BODY_OK);
    }
    for (int i = 0; i < 100000; i++) {
        assert_int_equal(body.at[i], (char)(i % 251));
    }
}

static void beyond_the_budget_a_body_is_refused_and_keeps_what_it_has(void **state) {
    UNUSED(state);
    assert_int_equal(append(600 * 1024, 0), BODY_OK);
    assert_int_equal(append(600 * 1024, 0), BODY_NO_BUDGET);
    assert_int_equal(body.len, 600 * 1024);
}

static void a_budget_never_goes_over_its_limit(void **state) {
    UNUSED(state);
    assert_true(budget_take(&budget, 1024 * 1024));
    assert_false(budget_take(&budget, 1));
    assert_true(budget_take(&budget, 0));
    assert_false(budget_take(&budget, SIZE_MAX));
    budget_give(&budget, 1024 * 1024);
    assert_false(budget_take(&budget, 1024 * 1024 + 1));
    assert_int_equal(budget_used(&budget), 0);
}

static bool refuse_large(void *user, size_t n_bytes) {
    UNUSED(user);
    return n_bytes > 4096;
}

static void without_memory_the_charge_is_given_back(void **state) {
    UNUSED(state);
    mem_set_fail_hook(refuse_large, NULL);
    assert_int_equal(append(5000, 0), BODY_NO_BUDGET);
    assert_int_equal(budget_used(&budget), 0);
}

// --- gzip

static unsigned char packed[1024 * 1024];

// One gzip member of n bytes that repeat 0..250.
static size_t pack(size_t n, unsigned char *to, size_t room) {
    z_stream z = {0};
    unsigned char *plain = mem_alloc(n + 1);
    for (size_t i = 0; i < n; i++) {
        plain[i] = (unsigned char)(i % 251);
    }
    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = plain;
    z.avail_in = (unsigned)n;
    z.next_out = to;
    z.avail_out = (unsigned)room;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    size_t len = room - z.avail_out;
    deflateEnd(&z);
    free(plain);
    return len;
}

static enum body_result gunzip(size_t len, size_t max_bytes) {
    return body_gunzip((struct text){(char *)packed, len}, max_bytes, &budget, &out);
}

static void gzip_of_any_size_is_unpacked(void **state) {
    UNUSED(state);
    const size_t sizes[] = {
        0, 1, 1000, BODY_SMALL_BYTES, 64 * 1024 - 1, 64 * 1024, 64 * 1024 + 1, 500 * 1000};
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        size_t len = pack(sizes[i], packed, sizeof packed);
        assert_int_equal(gunzip(len, 512 * 1024), BODY_OK);
        assert_int_equal(out.len, sizes[i]);
        for (size_t k = 0; k < out.len; k++) {
            assert_int_equal((unsigned char)out.at[k], k % 251);
        }
        body_clear(&out, &budget);
    }
}

static void the_limit_counts_unpacked_bytes_to_the_byte(void **state) {
    UNUSED(state);
    const size_t limits[] = {1000, 64 * 1024, 100 * 1000};
    for (size_t i = 0; i < COUNT_OF(limits); i++) {
        size_t len = pack(limits[i], packed, sizeof packed);
        assert_int_equal(gunzip(len, limits[i]), BODY_OK);
        body_clear(&out, &budget);
        assert_int_equal(gunzip(len, limits[i] - 1), BODY_TOO_LARGE);
        body_clear(&out, &budget);
    }
}

static void a_bomb_is_stopped_at_the_budget(void **state) {
    UNUSED(state);
    size_t len = pack(2 * 1024 * 1024, packed, sizeof packed);
    assert_int_equal(gunzip(len, 64 * 1024 * 1024), BODY_NO_BUDGET);
    assert_true(budget_used(&budget) <= budget.limit_bytes);
}

static void members_follow_each_other(void **state) {
    UNUSED(state);
    size_t one = pack(1000, packed, sizeof packed);
    size_t two = pack(70 * 1000, packed + one, sizeof packed - one);
    assert_int_equal(gunzip(one + two, 100 * 1000), BODY_OK);
    assert_int_equal(out.len, 71 * 1000);
}

static void every_cut_is_broken(void **state) {
    UNUSED(state);
    size_t len = pack(3000, packed, sizeof packed);
    for (size_t cut = 0; cut < len; cut++) {
        assert_int_equal(gunzip(cut, 100 * 1000), BODY_BROKEN);
        body_clear(&out, &budget);
    }
}

static void what_follows_a_member_must_be_one(void **state) {
    UNUSED(state);
    size_t len = pack(3000, packed, sizeof packed);
    memcpy(packed + len, "junk", 4);
    assert_int_equal(gunzip(len + 4, 100 * 1000), BODY_BROKEN);
}

static void every_changed_byte_of_the_trailer_is_noticed(void **state) {
    UNUSED(state);
    size_t len = pack(3000, packed, sizeof packed);
    for (size_t i = len - 8; i < len; i++) {
        packed[i] ^= 1;
        assert_int_equal(gunzip(len, 100 * 1000), BODY_BROKEN);
        packed[i] ^= 1;
        body_clear(&out, &budget);
    }
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_small_body_costs_nothing),
        TEST(an_announced_length_costs_only_a_first_step),
        TEST(a_body_grows_to_its_announced_length_exactly),
        TEST(what_came_stays_in_order_while_it_grows),
        TEST(beyond_the_budget_a_body_is_refused_and_keeps_what_it_has),
        TEST(a_budget_never_goes_over_its_limit),
        TEST(without_memory_the_charge_is_given_back),
        TEST(gzip_of_any_size_is_unpacked),
        TEST(the_limit_counts_unpacked_bytes_to_the_byte),
        TEST(a_bomb_is_stopped_at_the_budget),
        TEST(members_follow_each_other),
        TEST(every_cut_is_broken),
        TEST(what_follows_a_member_must_be_one),
        TEST(every_changed_byte_of_the_trailer_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
