// SPDX-License-Identifier: MIT
// What waits by partition, as page and alerts are told it.
#include "host/site_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
// cmocka needs the headers above before it.
#include <cmocka.h>

enum { MANY = 100 };

static size_t n_of(const struct buf *json, const char *what) {
    size_t n = 0;
    for (const char *at = strstr(json->at, what); at != NULL; at = strstr(at + 1, what)) {
        n++;
    }
    return n;
}

static void every_partition_is_told(void **state) {
    (void)state;
    struct kafka_partition_facts at[MANY];
    struct buf json = {0};
    int64_t messages;
    for (int i = 0; i < MANY; i++) {
        at[i] = (struct kafka_partition_facts){
            .partition = i, .next_offset = 5, .end_offset = i < 64 ? 5 : 1005};
    }
    assert_true(site_lag_sum(at, MANY, &messages));
    assert_int_equal(messages, (MANY - 64) * 1000);
    site_lag_health(&json, at, MANY);
    buf_put_char(&json, 0);
    assert_int_equal(n_of(&json, ",1000]"), MANY - 64);
    assert_int_equal(n_of(&json, ",0]"), 64);
    buf_free(&json);
}

static void without_the_end_of_one_partition_the_sum_is_not_known(void **state) {
    (void)state;
    const struct kafka_partition_facts at[] = {
        {.partition = 0, .next_offset = 1, .end_offset = 4},
        {.partition = 1, .next_offset = 1, .end_offset = -1},
        {.partition = 2, .next_offset = -1, .end_offset = 2}};
    struct buf json = {0};
    int64_t messages;
    assert_false(site_lag_sum(at, 3, &messages));
    assert_true(site_lag_sum(at, 1, &messages));
    assert_int_equal(messages, 3);
    site_lag_health(&json, at, 3);
    buf_put_char(&json, 0);
    assert_string_equal(json.at, ",\"lag\":[[0,3],[2,2]]");
    buf_free(&json);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_partition_is_told),
        cmocka_unit_test(without_the_end_of_one_partition_the_sum_is_not_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
