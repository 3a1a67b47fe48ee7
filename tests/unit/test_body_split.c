// SPDX-License-Identifier: MIT
// A body cut into events: one object, arrays, lines; what is malformed, and where. Bodies end at a
// guard page.
#include "order_testing.h"

enum { MAX_EVENTS = 16 };

struct cut {
    struct text events[MAX_EVENTS];
    size_t n;
    enum body_next end;
    const char *problem;
    size_t offset;
    bool lines; // lines mode, as decided at the start
};

static struct cut cut(struct text body, enum body_form form) {
    struct cut c = {0};
    struct body_split s;
    body_split_start(&s, guard_page_place(&ot.guard, body), form);
    c.lines = s.state == SPLIT_LINES;
    struct text event;
    while ((c.end = body_split_next(&s, &event)) == BODY_EVENT) {
        assert_true(c.n < MAX_EVENTS && event.len > 0);
        assert_true(event.at >= s.body.at && event.at + event.len <= s.body.at + s.body.len);
        c.events[c.n++] = event;
    }
    assert_int_equal(body_split_next(&s, &event), c.end); // and so for ever
    c.problem = body_split_problem(&s, &c.offset);
    assert_true(c.end == BODY_END ? c.problem == NULL : c.problem != NULL);
    assert_true(c.offset <= body.len);
    return c;
}

// `want`: the events, one a line.
static void expect_events(struct text body, enum body_form form, const char *want) {
    struct cut c = cut(body, form);
    char got[4096] = "";
    size_t len = 0;
    for (size_t i = 0; i < c.n; i++) {
        len += (size_t)snprintf(got + len, sizeof got - len, "%s%.*s", i > 0 ? "\n" : "",
                                TEXT_ARG(c.events[i]));
    }
    if (c.end != BODY_END || strcmp(got, want) != 0) {
        fail_msg("%.*s\ngave: %s (%s)\nwanted: %s", TEXT_ARG(body), got,
                 c.problem ? c.problem : "no problem", want);
    }
}

static void expect_malformed(struct text body, enum body_form form, size_t n_events,
                             const char *problem, size_t offset) {
    struct cut c = cut(body, form);
    if (c.end != BODY_MALFORMED || c.n != n_events || strstr(c.problem, problem) == NULL ||
        c.offset != offset) {
        fail_msg("%.*s\n%zu events, then: %s at %zu; wanted %zu, %s at %zu", TEXT_ARG(body), c.n,
                 c.problem ? c.problem : "no problem", c.offset, n_events, problem, offset);
    }
}

#define JSON(body, want) expect_events(TEXT_LIT(body), BODY_JSON, want)
#define LINES(body, want) expect_events(TEXT_LIT(body), BODY_LINES, want)
#define BAD_JSON(body, n, problem, at) expect_malformed(TEXT_LIT(body), BODY_JSON, n, problem, at)
#define BOM "\xEF\xBB\xBF"

static void one_object_is_one_event(void **state) {
    (void)state;
    JSON("{}", "{}");
    JSON(" \r\n\t{\"a\":1} \r\n\t", "{\"a\":1}");
    JSON(BOM "{\"a\":1}", "{\"a\":1}");
    JSON(BOM " {\"a\":1}", "{\"a\":1}");
    JSON("{\n \"a\": [1,\n 2],\n \"b\": \"}\"\n}\n", "{\n \"a\": [1,\n 2],\n \"b\": \"}\"\n}");
}

static void what_is_no_container_is_one_event_for_the_parser_to_refuse(void **state) {
    (void)state;
    JSON("7", "7");
    JSON("\"x\"\n\"y\"", "\"x\"\n\"y\"");
    JSON("nonsense", "nonsense");
    JSON("}", "}");
    JSON("{", "{");
    JSON("{\"a\":1", "{\"a\":1");
    JSON("{\"a\":\n\"}", "{\"a\":\n\"}");
    JSON("{\"a\":1} x", "{\"a\":1} x"); // on one line: broken as a whole
    JSON("{}{}", "{}{}");
}

static void an_array_is_cut_into_its_elements(void **state) {
    (void)state;
    JSON("[{}]", "{}");
    JSON("[{\"a\":1},{\"b\":2}]", "{\"a\":1}\n{\"b\":2}");
    JSON(BOM " [ {\"a\":1} ,\r\n\t{\"b\":[1,2,{\"c\":[]}]} ] \n",
         "{\"a\":1}\n{\"b\":[1,2,{\"c\":[]}]}");
    JSON("[1,\"x\",null,[],[[1],[2]],true]", "1\n\"x\"\nnull\n[]\n[[1],[2]]\ntrue");
    JSON("[{\"a\":\",]}{[\"},2]", "{\"a\":\",]}{[\"}\n2");
    JSON("[{\"a\":\"\\\"]\"},2]", "{\"a\":\"\\\"]\"}\n2");
    JSON("[{\"a\":\"\\\\\"},2]", "{\"a\":\"\\\\\"}\n2");
    JSON("[{\"a\":\"\\\\\\\"]\"},2]", "{\"a\":\"\\\\\\\"]\"}\n2");
    // Not checked here: the parser finds these elements broken.
    JSON("[{],{}]", "{]\n{}");
    JSON("[1 2]", "1 2");
    JSON("[{}{}]", "{}{}");
    JSON("[{}:1]", "{}:1");
}

static void an_array_with_something_missing_or_too_much_is_malformed(void **state) {
    (void)state;
    BAD_JSON("[]", 0, "the array is empty", 1);
    BAD_JSON(" [ \n] ", 0, "the array is empty", 4);
    BAD_JSON("[", 0, "] is missing", 1);
    BAD_JSON("[ ", 0, "] is missing", 2);
    BAD_JSON("[{}", 0, "] is missing", 3);
    BAD_JSON("[{},", 1, "] is missing", 4);
    BAD_JSON("[{}, ", 1, "] is missing", 5);
    BAD_JSON("[{},{}", 1, "] is missing", 6);
    BAD_JSON("[{},{\"a\":\"]", 1, "] is missing", 11);
    BAD_JSON("[{},{\"a\":\"\\", 1, "] is missing", 11);
    BAD_JSON("[{},]", 1, "element of the array is missing", 4);
    BAD_JSON("[,{}]", 0, "element of the array is missing", 1);
    BAD_JSON("[,]", 0, "element of the array is missing", 1);
    BAD_JSON("[{},,{}]", 1, "element of the array is missing", 4);
    BAD_JSON("[{}] x", 1, "something follows the end of the array", 5);
    BAD_JSON("[{}]]", 1, "something follows the end of the array", 4);
    BAD_JSON("[{}],", 1, "something follows the end of the array", 4);
    BAD_JSON("[{}]\n[{}]", 1, "something follows the end of the array", 5);
    BAD_JSON("[{}]\n{}", 1, "something follows the end of the array", 5);
    BAD_JSON("[{}}]", 0, "closes nothing", 3);
    BAD_JSON("[}", 0, "closes nothing", 1);
    BAD_JSON("[{]},{}]", 0, "closes nothing", 3);
    BAD_JSON(BOM "[{},]", 1, "element of the array is missing", 7); // counted from the body's start
}

static void objects_one_a_line_are_lines_also_as_json(void **state) {
    (void)state;
    JSON("{\"a\":1}\n{\"b\":2}", "{\"a\":1}\n{\"b\":2}");
    JSON("{\"a\":1}\r\n{\"b\":2}\r\n", "{\"a\":1}\n{\"b\":2}");
    JSON("\n\n {\"a\":\"}\"} \n\n \t \n{\"b\":2}\n", "{\"a\":\"}\"}\n{\"b\":2}");
    JSON("{\"a\":1}\nbroken\n{\"b\":2}", "{\"a\":1}\nbroken\n{\"b\":2}");
    assert_true(cut(TEXT_LIT("{}\n{}"), BODY_JSON).lines);
    assert_false(cut(TEXT_LIT("{}\n"), BODY_JSON).lines);
    assert_false(cut(TEXT_LIT("[{}]\n"), BODY_JSON).lines);
    assert_true(cut(TEXT_LIT("{}\n"), BODY_LINES).lines);
}

static void objects_that_are_not_one_a_line_are_malformed(void **state) {
    (void)state;
    BAD_JSON("{\n}\n{\n}", 0, "an object of several lines", 4);
    BAD_JSON("{\n} {}", 0, "follows the object on its last line", 4);
    BAD_JSON("{} {}\n{}", 0, "follows the object on its last line", 3);
    BAD_JSON("{\"a\":1},\n{\"b\":1}", 0, "follows the object on its last line", 7);
    BAD_JSON("{\"a\":1}\r{\"b\":1}\n", 0, "follows the object on its last line", 8);
}

static void lines_are_cut_at_line_feeds(void **state) {
    (void)state;
    LINES("{}", "{}");
    LINES("{}\n", "{}");
    LINES("{\"a\":1}\n{\"b\":2}\n{\"c\":3}", "{\"a\":1}\n{\"b\":2}\n{\"c\":3}");
    LINES("{\"a\":1}\r\n\r\n\n  \n\t{\"b\":2}\t\r\n", "{\"a\":1}\n{\"b\":2}");
    LINES(BOM "{\"a\":1}\n{\"b\":2}", "{\"a\":1}\n{\"b\":2}");
    LINES("[{}]\n{", "[{}]\n{"); // each line for the parser to refuse
    LINES("x\f\n\v", "x\f\n\v"); // not JSON's white space
    LINES("{\"a\":\"\n\"}", "{\"a\":\"\n\"}");
}

static void a_body_of_nothing_is_empty(void **state) {
    (void)state;
    static const char *const bodies[] = {"", " ", "\n", "\r\n\t  \n", BOM, BOM "\n"};
    for (size_t i = 0; i < COUNT_OF(bodies); i++) {
        struct text body = text_of(bodies[i]);
        expect_malformed(body, BODY_JSON, 0, "the body is empty", body.len);
        expect_malformed(body, BODY_LINES, 0, "the body is empty", body.len);
    }
    expect_malformed(TEXT_NONE, BODY_JSON, 0, "the body is empty", 0);
    // Half a mark, or two, are no mark.
    JSON("\xEF\xBB", "\xEF\xBB");
    JSON(BOM BOM "{}", BOM "{}");
}

static void every_beginning_of_a_body_is_safe(void **state) {
    (void)state;
    static const char *const bodies[] = {
        BOM " [ {\"a\\\"\":\"]\\\\\"} , {\"b\":[{},[1,\"x\"]]}\n,3 ]\n",
        "{\"a\":1}\r\n\r\n{\"b\":\"\\\"}\"}\n{\"c\":[]}\n",
        "{\n\"a\":\"\\u0041\",\n\"b\":{\"c\":[1,2]}}\n",
    };
    for (size_t i = 0; i < COUNT_OF(bodies); i++) {
        size_t len = strlen(bodies[i]);
        for (size_t from = 0; from < len; from++) {
            for (size_t n = 0; n <= len - from; n++) {
                struct text part = {bodies[i] + from, n};
                (void)cut(part, BODY_JSON);
                (void)cut(part, BODY_LINES);
            }
        }
    }
}

// What is cut from an array is what was put into it, wherever brackets, quotes and escapes stand: a
// first element of every length moves the others over the borders of the blocks that are looked at
// together.
static void elements_come_out_as_they_went_in(void **state) {
    (void)state;
    static const char *const pieces[] = {
        "{\"a\":\"[{\"}", "[\"\\\\\",\"]\"]", "\",\"", "7", "{\"\\\"\":[[],{}]}", "null"};
    enum { N = COUNT_OF(pieces), MAX_PADDING = 140 };
    static char padding[MAX_PADDING + 3], body[512];
    for (size_t i = 0; i < (size_t)N * N * N; i++) {
        const char *chosen[4] = {padding, pieces[i % N], pieces[i / N % N], pieces[i / N / N]};
        for (int n = 0; n <= MAX_PADDING; n++) {
            memset(padding, n % 2 == 0 ? '}' : 'x', sizeof padding);
            padding[0] = padding[n + 1] = '"';
            padding[n + 2] = '\0';
            snprintf(body, sizeof body, "[%s,%s,%s ,\n%s]", chosen[0], chosen[1], chosen[2],
                     chosen[3]);
            struct cut c = cut(text_of(body), BODY_JSON);
            assert_int_equal(c.n, 4);
            assert_int_equal(c.end, BODY_END);
            for (size_t k = 0; k < 4; k++) {
                assert_true(text_equal(c.events[k], text_of(chosen[k])));
            }
        }
    }
}

// The same for the end of an object in front of more lines.
static void the_first_object_ends_where_it_ends(void **state) {
    (void)state;
    for (int n = 0; n <= 140; n++) {
        char padding[160], body[512];
        memset(padding, '{', sizeof padding);
        padding[n] = '\0';
        snprintf(body, sizeof body, "{\"%s\":[{},\"\\\"}\",{\"a\":[]}],\"b\":1}\n{}", padding);
        assert_true(cut(text_of(body), BODY_JSON).lines);
        *strrchr(body, '\n') = ' ';
        strcat(body, "\n");
        expect_malformed(text_of(body), BODY_JSON, 0, "follows the object on its last line",
                         strlen(body) - 3);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_object_is_one_event),
        cmocka_unit_test(what_is_no_container_is_one_event_for_the_parser_to_refuse),
        cmocka_unit_test(an_array_is_cut_into_its_elements),
        cmocka_unit_test(an_array_with_something_missing_or_too_much_is_malformed),
        cmocka_unit_test(objects_one_a_line_are_lines_also_as_json),
        cmocka_unit_test(objects_that_are_not_one_a_line_are_malformed),
        cmocka_unit_test(lines_are_cut_at_line_feeds),
        cmocka_unit_test(a_body_of_nothing_is_empty),
        cmocka_unit_test(every_beginning_of_a_body_is_safe),
        cmocka_unit_test(elements_come_out_as_they_went_in),
        cmocka_unit_test(the_first_object_ends_where_it_ends),
    };
    order_testing_start();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    order_testing_end();
    return failed;
}
