// SPDX-License-Identifier: MIT
// Answers to orders, and problems, as JSON.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "http/http_answer.h"
#include "http/problem.h"

static struct submission *s;
static struct buf out;

static int set_up(void **state) {
    UNUSED(state);
    s = submission_new(NULL);
    return s == NULL;
}

static int tear_down(void **state) {
    UNUSED(state);
    submission_free(s);
    buf_free(&out);
    return 0;
}

static void add(enum verdict verdict, const char *field, const char *code, const char *message) {
    struct event *e = submission_add(s);
    assert_non_null(e);
    e->verdict = verdict;
    if (code != NULL) {
        struct rejection why;
        reject(&why, field, code, "%s", message);
        assert_true(submission_reject(s, e, &why));
    }
}

static const char *answer(unsigned *status) {
    struct answer_counts counts = answer_count(s);
    *status = answer_status(&counts);
    buf_clear(&out);
    answer_put(&out, s, &counts);
    buf_put_char(&out, '\0');
    assert_false(out.failed);
    return out.at;
}

static void one_accepted_order(void **state) {
    UNUSED(state);
    unsigned status;
    add(VERDICT_ACCEPTED, NULL, NULL, NULL);
    assert_string_equal(answer(&status),
                        "{\"accepted\":1,\"duplicate\":0,\"rejected\":0,\"errors\":[]}");
    assert_int_equal(status, 202);
}

static void each_rejected_event_has_its_index(void **state) {
    UNUSED(state);
    unsigned status;
    add(VERDICT_REJECTED, "total", REJECT_MISSING, "say \"how much\"");
    add(VERDICT_DUPLICATE, NULL, NULL, NULL);
    add(VERDICT_REJECTED, "", REJECT_NOT_JSON, "no\nJSON");
    assert_string_equal(
        answer(&status),
        "{\"accepted\":0,\"duplicate\":1,\"rejected\":2,\"errors\":["
        "{\"index\":0,\"field\":\"total\",\"code\":\"missing\",\"message\":\"say "
        "\\\"how much\\\"\"},"
        "{\"index\":2,\"field\":\"\",\"code\":\"not_json\",\"message\":\"no\\nJSON\"}]}");
    assert_int_equal(status, 202);
}

static void nothing_taken_is_a_problem_with_the_same_members(void **state) {
    UNUSED(state);
    unsigned status;
    add(VERDICT_REJECTED, "total", REJECT_MISSING, "m");
    const char *text = answer(&status);
    assert_int_equal(status, 422);
    assert_ptr_equal(strstr(text, "{\"type\":\"/problems/nothing-accepted\","), text);
    assert_non_null(strstr(text, ",\"status\":422,"));
    assert_non_null(
        strstr(text, ",\"accepted\":0,\"duplicate\":0,\"rejected\":1,\"errors\":[{\"index\":0,"));
}

static void every_problem_has_a_type_a_title_and_an_error_status(void **state) {
    UNUSED(state);
    for (int p = PROBLEM_NONE + 1; p < PROBLEM_COUNT; p++) {
        const struct problem_kind *kind = problem_kind((enum problem)p);
        assert_memory_equal(kind->type, "/problems/", 10);
        assert_true(kind->status >= 400 && kind->status < 600);
        assert_true(strlen(kind->title) > 3);
        for (int other = PROBLEM_NONE + 1; other < p; other++) {
            assert_string_not_equal(kind->type, problem_kind((enum problem)other)->type);
        }
    }
}

static void a_problem_quotes_its_detail(void **state) {
    UNUSED(state);
    problem_put(&out, PROBLEM_BODY_TOO_LARGE, "a \"b\"");
    buf_put_char(&out, '\0');
    assert_string_equal(
        out.at, "{\"type\":\"/problems/body-too-large\",\"title\":\"The body is too large\","
                "\"status\":413,\"detail\":\"a \\\"b\\\"\"}");
    buf_clear(&out);
    problem_put(&out, PROBLEM_INTERNAL, NULL);
    buf_put_char(&out, '\0');
    assert_null(strstr(out.at, "detail"));
}

static void a_detail_names_no_path(void **state) {
    UNUSED(state);
    static const struct {
        const char *said, *told;
    } cases[] = {
        {"", ""},
        {"cannot open /var/lib/shop/sales.db: No space left",
         "cannot open sales.db: No space left"},
        {"/a/b", "b"},
        {"\"/srv/jo/sales.db-wal\" (/tmp/x), ./y/z and ../w", "\"sales.db-wal\" (x), z and w"},
        {"/my data/shop/sales.db is gone", "sales.db is gone"},
        {"/my data/shop2/sales.db is gone", "my data/shop2/sales.db is gone"},
        {"file:/a/b?mode=ro: locked", "b?mode=ro: locked"},
        {"/var/lib/: denied", "lib/: denied"},
        {"connecting at mysql://root@db:3306/sales: refused",
         "connecting at mysql://root@db:3306/sales: refused"},
        {"Cassandra c1:9042: 1/2 replicas and/or none",
         "Cassandra c1:9042: 1/2 replicas and/or none"},
        {"/ and // and .", "/ and // and ."},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char text[128];
        snprintf(text, sizeof text, "%s", cases[i].said);
        problem_hide_paths(text, "/my data/shop");
        assert_string_equal(text, cases[i].told);
    }
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(one_accepted_order),
        TEST(each_rejected_event_has_its_index),
        TEST(nothing_taken_is_a_problem_with_the_same_members),
        TEST(every_problem_has_a_type_a_title_and_an_error_status),
        TEST(a_problem_quotes_its_detail),
        TEST(a_detail_names_no_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
