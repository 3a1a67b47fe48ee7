// SPDX-License-Identifier: MIT
// Which rejected events have been replaced by newer ones, asked newest first.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/rejected_texts.h"
#include <stdio.h>

struct told {
    const char *raw, *verdict; // NULL: never tried again
};

// The rows, newest first; 1 in `want` for each that has been replaced.
static void expect_replaced(const struct told *rows, size_t n, const char *want) {
    struct rejected_texts *t = rejected_texts_new();
    for (size_t i = 0; i < n; i++) {
        struct rejected_row row = {.raw = text_of(rows[i].raw),
                                   .retried_ms = rows[i].verdict != NULL,
                                   .retried_verdict = text_of(rows[i].verdict)};
        assert_int_equal(rejected_texts_replaced(t, &row), want[i] == '1');
    }
    rejected_texts_free(t);
}
#define EXPECT(want, ...) expect_replaced((struct told[]){__VA_ARGS__}, sizeof(want) - 1, want)

static void a_newer_one_of_the_same_text_takes_the_place(void **state) {
    (void)state;
    EXPECT("01", {"{}", NULL}, {"{}", "rejected"});
    EXPECT("01", {"{}", NULL}, {"{}", "sent"});               // behind a topic
    EXPECT("011", {"x", NULL}, {"x", "sent"}, {"x", "sent"}); // tried again and again
    EXPECT("01", {"{ \"a\": 1 }", NULL}, {" {\n\"a\":\r1\n} ", "rejected"}); // as it was sent
}

static struct rejected_row a_row(const char *raw, const char *verdict, const char *sent) {
    return (struct rejected_row){.raw = text_of(raw),
                                 .raw_cut = raw == NULL, // only the beginning of it is kept
                                 .retried_ms = verdict != NULL,
                                 .retried_verdict = text_of(verdict),
                                 .sent_hash = sent != NULL ? rejected_text_hash(text_of(sent)) : 0};
}

static void expect_edited_replaced(const char *newer, struct rejected_row edited, bool want) {
    struct rejected_texts *t = rejected_texts_new();
    struct rejected_row row = a_row(newer, NULL, NULL);
    assert_false(rejected_texts_replaced(t, &row));
    assert_int_equal(rejected_texts_replaced(t, &edited), want);
    rejected_texts_free(t);
}

static void an_edited_one_is_replaced_by_what_was_sent_for_it(void **state) {
    (void)state;
    expect_edited_replaced("{\"a\": 2}", a_row("{}", "rejected", " {\"a\":\n2}\n"), true);
    expect_edited_replaced("{ \"a\": 2 }", a_row("{}", "rejected", "{\n\"a\": 2\n}\n"), true);
    expect_edited_replaced("b", a_row("a", "sent", "b"), true);
    expect_edited_replaced("a", a_row("a", "sent", "b"), false); // not by its own text
    expect_edited_replaced("b", a_row(NULL, "rejected", "b"), true);
    expect_edited_replaced("b", a_row("a", "accepted", "b"), false);
}

// If it was ended before its verdict was noted, this is all there is to see of it.
static void one_that_is_being_tried_is_replaced(void **state) {
    (void)state;
    EXPECT("01", {"x", NULL}, {"x", "trying"});
    EXPECT("0", {"x", "trying"});
}

static void others_stay(void **state) {
    (void)state;
    EXPECT("00", {"x", NULL}, {"x", NULL});       // sent twice by the shop
    EXPECT("00", {"x", NULL}, {"y", "rejected"}); // rejected by another server
    EXPECT("0", {"x", "rejected"});
    EXPECT("00", {"x", NULL}, {"x", "accepted"});
    EXPECT("00", {"x", NULL}, {"x", "duplicate"});
}

static void each_takes_the_place_of_one(void **state) {
    (void)state;
    EXPECT("0011", {"x", NULL}, {"x", NULL}, {"x", "rejected"}, {"x", "rejected"});
    EXPECT("0010", {"x", NULL}, {"y", NULL}, {"x", "sent"}, {"z", "sent"});
}

static void many_texts_are_kept_apart(void **state) {
    (void)state;
    struct rejected_texts *t = rejected_texts_new();
    char text[32];
    for (int turn = 0; turn < 2; turn++) {
        for (int i = 0; i < 5000; i++) {
            snprintf(text, sizeof text, "{\"n\":%d}", i);
            struct rejected_row row = {.raw = text_of(text),
                                       .retried_ms = turn,
                                       .retried_verdict = text_of(turn ? "sent" : NULL)};
            assert_int_equal(rejected_texts_replaced(t, &row), turn == 1);
        }
    }
    struct rejected_row cut = {.raw = text_of("{\"n\":1}"),
                               .raw_cut = true,
                               .retried_ms = 1,
                               .retried_verdict = TEXT_LIT("rejected")};
    assert_false(rejected_texts_replaced(t, &cut));
    rejected_texts_free(t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_newer_one_of_the_same_text_takes_the_place),
        cmocka_unit_test(an_edited_one_is_replaced_by_what_was_sent_for_it),
        cmocka_unit_test(one_that_is_being_tried_is_replaced),
        cmocka_unit_test(others_stay),
        cmocka_unit_test(each_takes_the_place_of_one),
        cmocka_unit_test(many_texts_are_kept_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
