// SPDX-License-Identifier: MIT
// The builder of processes, with parts that only note what they are asked: the order of start and
// stop, a start that fails anywhere, and what the parts are as a whole.
#include "host/site_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
// cmocka needs the headers above before it.
#include <cmocka.h>

static char story[400];          // "open a, open b, ..."
static const char *fails;        // the step that does, as in "run b"
static const char *in_way_of[3]; // problem of a, b, c; NULL: ready

static bool note(const char *step, char part) {
    char what[20];
    size_t len = strlen(story);
    snprintf(what, sizeof what, "%s %c", step, part);
    snprintf(story + len, sizeof story - len, "%s%s", len > 0 ? ", " : "", what);
    return fails == NULL || strcmp(fails, what) != 0;
}

#define PART(letter, index)                                                                        \
    static bool open_##letter(struct site *s, struct error *err) {                                 \
        UNUSED(s);                                                                                 \
        return note("open", #letter[0]) || error_set(err, ERROR_USAGE, "no " #letter);             \
    }                                                                                              \
    static bool run_##letter(struct site *s, struct error *err) {                                  \
        UNUSED(s);                                                                                 \
        return note("run", #letter[0]) || error_set(err, ERROR_FATAL, "no thread for " #letter);   \
    }                                                                                              \
    static void halt_##letter(struct site *s) {                                                    \
        UNUSED(s);                                                                                 \
        (void)note("halt", #letter[0]);                                                            \
    }                                                                                              \
    static void close_##letter(struct site *s) {                                                   \
        UNUSED(s);                                                                                 \
        (void)note("close", #letter[0]);                                                           \
    }                                                                                              \
    static bool ready_##letter(struct site *s, char problem[static INTAKE_PROBLEM_BYTES]) {        \
        UNUSED(s);                                                                                 \
        const char *why = in_way_of[index];                                                        \
        snprintf(problem, INTAKE_PROBLEM_BYTES, "%s", why != NULL ? why : "");                     \
        return why == NULL;                                                                        \
    }                                                                                              \
    static void put_##letter(struct site *s, struct buf *out) {                                    \
        UNUSED(s);                                                                                 \
        buf_put_str(out, #letter "\n");                                                            \
    }

PART(a, 0)
PART(b, 1)
PART(c, 2)

static void reload_c(struct site *s) {
    UNUSED(s);
    (void)note("reload", 'c');
}

static const struct site_part a = {"a", open_a, run_a, halt_a, close_a, ready_a, put_a, NULL, NULL};
static const struct site_part b = {"b", open_b, run_b, halt_b, close_b, ready_b, put_b, NULL, NULL};
static const struct site_part c = {"c",     open_c, run_c, halt_c,  close_c,
                                   ready_c, put_c,  NULL,  reload_c};
// A part need not have more than these two.
static bool open_d(struct site *s, struct error *err) {
    UNUSED(s);
    UNUSED(err);
    return note("open", 'd');
}
static void close_d(struct site *s) {
    UNUSED(s);
    (void)note("close", 'd');
}
static const struct site_part d = {.name = "d", .open = open_d, .close = close_d};
static const struct site_plan plan = {"test", {&a, &b, &c, &d}, NULL};
static const struct site_plan short_plan = {"test", {&a, &b, &d}, NULL};

static int set_up(void **state) {
    UNUSED(state);
    story[0] = '\0';
    fails = NULL;
    memset(in_way_of, 0, sizeof in_way_of);
    return 0;
}

// Starts and stops; what was done is in `story`.
static void start_and_stop(bool ok, const char *says) {
    struct site s = {.plan = &plan};
    struct error err = {0};
    assert_int_equal(site_start(&s, &err), ok);
    if (!ok) {
        assert_string_equal(err.text, says);
    }
    site_stop(&s);
}

static void
all_parts_are_open_before_one_runs_and_all_are_halted_before_one_is_closed(void **state) {
    UNUSED(state);
    start_and_stop(true, NULL);
    assert_string_equal(story, "open a, open b, open c, open d, run a, run b, run c, "
                               "halt c, halt b, halt a, close d, close c, close b, close a");
}

static void a_part_that_cannot_be_opened_is_closed_with_those_before_it(void **state) {
    UNUSED(state);
    fails = "open b";
    start_and_stop(false, "no b");
    assert_string_equal(story, "open a, open b, halt b, halt a, close b, close a");
}

static void a_part_that_cannot_run_has_all_halted_and_closed(void **state) {
    UNUSED(state);
    fails = "run b";
    start_and_stop(false, "no thread for b");
    assert_string_equal(story, "open a, open b, open c, open d, run a, run b, "
                               "halt c, halt b, halt a, close d, close c, close b, close a");
}

static void readiness_lists_what_is_in_the_way(void **state) {
    UNUSED(state);
    struct site s = {.plan = &plan};
    char problem[INTAKE_PROBLEM_BYTES];
    assert_true(site_ready(&s, problem));
    assert_string_equal(problem, "");
    in_way_of[1] = "b is down";
    assert_false(site_ready(&s, problem));
    assert_string_equal(problem, "b is down");
    in_way_of[0] = "a is full";
    assert_false(site_ready(&s, problem));
    assert_string_equal(problem, "a is full; b is down");
}

static void more_problems_than_fit_are_cut(void **state) {
    UNUSED(state);
    struct site s = {.plan = &plan};
    char problem[INTAKE_PROBLEM_BYTES], text[INTAKE_PROBLEM_BYTES];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    in_way_of[0] = in_way_of[1] = in_way_of[2] = text;
    assert_false(site_ready(&s, problem));
    assert_string_equal(problem, text);
}

static void metrics_are_those_of_all_parts(void **state) {
    UNUSED(state);
    struct site s = {.plan = &plan};
    struct buf out = {0};
    site_metrics(&s, &out);
    buf_put_char(&out, '\0');
    assert_string_equal(out.at, "a\nb\nc\n");
    buf_free(&out);
}

static void a_reload_is_for_the_parts_that_have_files(void **state) {
    UNUSED(state);
    struct site s = {.plan = &plan}, without = {.plan = &short_plan};
    assert_true(site_can_reload(&s));
    assert_false(site_can_reload(&without));
    site_reload_parts(&s);
    site_reload_parts(&without);
    assert_string_equal(story, "reload c");
}

int main(void) {
#define TEST(f) cmocka_unit_test_setup(f, set_up)
    const struct CMUnitTest tests[] = {
        TEST(all_parts_are_open_before_one_runs_and_all_are_halted_before_one_is_closed),
        TEST(a_part_that_cannot_be_opened_is_closed_with_those_before_it),
        TEST(a_part_that_cannot_run_has_all_halted_and_closed),
        TEST(readiness_lists_what_is_in_the_way),
        TEST(more_problems_than_fit_are_cut),
        TEST(metrics_are_those_of_all_parts),
        TEST(a_reload_is_for_the_parts_that_have_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
