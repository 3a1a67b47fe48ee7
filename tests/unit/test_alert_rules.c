// SPDX-License-Identifier: MIT
// Rules of alerts as people write them: what a line means, what is refused and how that is said.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "alerts/alert_rules.h"
#include "base/mem.h"

#define MINUTE_MS INT64_C(60000)

static struct alert_rule read_line(const char *line) {
    struct alert_rule rule;
    struct alert_why why;
    if (!alert_rule_read(text_of(line), &rule, &why)) {
        fail_msg("%s: %s", line, why.text);
    }
    return rule;
}

static void each_kind_is_read_with_what_it_means_unless_said(void **state) {
    UNUSED(state);
    static const struct {
        const char *line;
        enum alert_kind kind;
        bool under;
        int64_t limit, clear_limit, window_m, for_s, clear_for_s;
    } cases[] = {
        {"a = orders under 50% of usual", ALERT_ORDERS, true, 5000, 5000, 15, 300, 300},
        {"a=orders under 50% of usual in 20m for 3m, clear over 70%", ALERT_ORDERS, true, 5000,
         7000, 20, 180, 180},
        {"a = orders over 300% of usual for 0", ALERT_ORDERS, false, 30000, 30000, 15, 0, 0},
        {"a = refunds over 2.5% in 24h, clear under 1% for 1h", ALERT_REFUNDS, false, 250, 100,
         1440, 300, 3600},
        {"a = rejected over 0.05% in 10m for 90s, clear for 1m", ALERT_REJECTED, false, 5, 5, 10,
         90, 60},
        {"a = lag over 100000 for 2m, clear under 1000", ALERT_LAG, false, 100000, 1000, 0, 120,
         120},
        {"a = no orders for 30m", ALERT_QUIET, false, 1800000, 1800000, 0, 0, 0},
        {"a = no orders for 45s, clear for 10m", ALERT_QUIET, false, 45000, 45000, 0, 0, 600},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct alert_rule rule = read_line(cases[i].line);
        assert_string_equal(rule.name, "a");
        assert_int_equal(rule.kind, cases[i].kind);
        assert_int_equal(rule.under, cases[i].under);
        assert_int_equal(rule.limit, cases[i].limit);
        assert_int_equal(rule.clear_limit, cases[i].clear_limit);
        assert_int_equal(rule.window_ms, cases[i].window_m * MINUTE_MS);
        assert_int_equal(rule.for_ms, cases[i].for_s * 1000);
        assert_int_equal(rule.clear_for_ms, cases[i].clear_for_s * 1000);
    }
    assert_string_equal(read_line("Quiet-1_x  =  no  orders for 5m ").text, "no  orders for 5m");
}

static void a_line_that_is_no_rule_is_told_what_is_wanted(void **state) {
    UNUSED(state);
    static const struct {
        const char *line, *why;
    } cases[] = {
        {"quiet no orders for 5m", "want `name = rule`"},
        {"two words = no orders for 5m",
         "want a name of 1 to 40 letters, digits, - and _ before the ="},
        {" = no orders for 5m", "want a name of 1 to 40 letters, digits, - and _ before the ="},
        {"a = sales under 5%",
         "want orders, refunds, rejected, lag or \"no orders\", not \"sales\""},
        {"a =", "want orders, refunds, rejected, lag or \"no orders\""},
        {"a = orders below 5% of usual", "want over or under, not \"below\""},
        {"a = refunds under 5%", "want over, not \"under\""},
        {"a = orders under 50 of usual",
         "want a share as in 50% or 2.5%, 10000% at most, not \"50\""},
        {"a = rejected over 101%", "want a share as in 50% or 2.5%, 100% at most, not \"101%\""},
        {"a = refunds over 1.234%",
         "want a share as in 50% or 2.5%, 10000% at most, not \"1.234%\""},
        {"a = refunds over -1%", "want a share as in 50% or 2.5%, 10000% at most, not \"-1%\""},
        {"a = orders under 50%", "want \"of usual\""},
        {"a = lag over 5%", "want a number of messages, 1000000000000 at most, not \"5%\""},
        {"a = lag over 5 in 10m", "want nothing more, as in \"lag over 100000 for 2m, clear under "
                                  "1000\", not \"in\""},
        {"a = refunds over 5% in 90s", "want whole minutes, not \"90s\""},
        {"a = refunds over 5% in 25h",
         "want a time as in 30s, 10m or 2h, from 1m to 1d, not \"25h\""},
        {"a = no orders", "want \"no orders for TIME\""},
        {"a = no orders for ever",
         "want a time as in 30s, 10m or 2h, from 1s to 30d, not \"ever\""},
        {"a = orders under 50% of usual, clear over 40%",
         "want a share to clear over that is not below the first, not \"40%\""},
        {"a = lag over 5, clear under 6",
         "want a limit to clear under that is not above the first, not \"6\""},
        {"a = lag over 5, clear", "want \"under\" or \"for\" behind clear"},
        {"a = no orders for 5m \x01", "want a line without control characters"},
        {"a = no orders for 5m \xc3\xa4", "want plain ASCII"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct alert_rule rule;
        struct alert_why why;
        if (alert_rule_read(text_of(cases[i].line), &rule, &why)) {
            fail_msg("taken: %s", cases[i].line);
        }
        assert_string_equal(why.text, cases[i].why);
    }
}

static void the_part_of_a_line_that_is_wrong_is_named(void **state) {
    UNUSED(state);
    static const struct {
        const char *line, *part;
    } cases[] = {
        {"quiet no orders for 5m", "line"},
        {"two words = no orders for 5m", "name"},
        {"a = sales under 5%", "what"},
        {"a = no money for 5m", "what"},
        {"a = orders below 5% of usual", "direction"},
        {"a = orders under 5 of usual", "limit"},
        {"a = no orders for 5 minutes", "limit"},
        {"a = orders under 5%", "limit"},
        {"a = orders under 5% of usual in 25h", "window"},
        {"a = refunds over 5% in 1h for ever", "for"},
        {"a = refunds over 5%, clear under 6%", "clear"},
        {"a = refunds over 5%, clear", "clear_for"},
        {"a = refunds over 5%, clear for ever", "clear_for"},
        {"a = refunds over 5% now", "rest"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct alert_rule rule;
        struct alert_why why;
        assert_false(alert_rule_read(text_of(cases[i].line), &rule, &why));
        assert_string_equal(why.part, cases[i].part);
    }
}

static void names_and_lines_have_their_longest(void **state) {
    UNUSED(state);
    char line[300];
    struct alert_why why;
    struct alert_rule rule;
    snprintf(line, sizeof line, "%040d = no orders for 5m", 0);
    assert_true(alert_rule_read(text_of(line), &rule, &why));
    assert_int_equal(strlen(rule.name), 40);
    snprintf(line, sizeof line, "%041d = no orders for 5m", 0);
    assert_false(alert_rule_read(text_of(line), &rule, &why));
    snprintf(line, sizeof line, "a = no orders for 5m %*s", 200, "");
    assert_false(alert_rule_read(text_of(line), &rule, &why));
    assert_string_equal(why.text, "want a line of 1 to 200 characters");
}

// --- Lines of a file

static void refused(const char *lines, bool knows_lag, size_t line, const char *rule,
                    const char *part, const char *text) {
    struct alert_rules *rules = mem_zalloc(1, sizeof *rules);
    struct alert_mistake mistake;
    assert_false(alert_rules_read(text_of(lines), knows_lag, rules, &mistake));
    assert_int_equal(mistake.line, line);
    assert_string_equal(mistake.rule, rule);
    assert_string_equal(mistake.why.part, part);
    assert_string_equal(mistake.why.text, text);
    assert_int_equal(rules->n, 0);
    free(rules);
}

static void a_file_has_a_rule_a_line_comments_and_empty_lines(void **state) {
    UNUSED(state);
    struct alert_rules *rules = mem_zalloc(1, sizeof *rules);
    struct alert_mistake mistake;
    const char *lines = "# the shop's\r\n\r\n  quiet = no orders for 30m   # at night too\n\n"
                        "behind = lag over 1000";
    assert_true(alert_rules_read(text_of(lines), true, rules, &mistake));
    assert_int_equal(rules->n, 2);
    assert_string_equal(rules->at[0].text, "no orders for 30m");
    assert_string_equal(rules->at[1].name, "behind");
    assert_true(alert_rules_read(text_of("# none\n"), true, rules, &mistake));
    assert_int_equal(rules->n, 0);
    free(rules);
}

static void a_mistake_is_told_with_its_line_and_its_rule(void **state) {
    UNUSED(state);
    refused("quiet = no orders for 30m\n\nslow = orders over\n", true, 3, "slow", "limit",
            "want a share as in 50% or 2.5%, 10000% at most");
    refused("a = no orders for 1m\nb = no orders for 2m\na = no orders for 3m\n", true, 3, "a",
            "name", "there is a rule of the name a already");
    refused("quiet\n", true, 1, "", "line", "want `name = rule`");
    refused("two words = no orders for 1m\n", true, 1, "", "name",
            "want a name of 1 to 40 letters, digits, - and _ before the =");
}

static void lag_is_refused_where_no_log_is_read(void **state) {
    UNUSED(state);
    refused("behind = lag over 5\n", false, 1, "behind", "what",
            "lag is known only to a process that asks Kafka: serve or dashboard with --broker");
}

static void there_are_64_rules_at_most(void **state) {
    UNUSED(state);
    char lines[66 * 40] = "";
    struct alert_rules *rules = mem_zalloc(1, sizeof *rules);
    struct alert_mistake mistake;
    for (int i = 0; i < 64; i++) {
        size_t len = strlen(lines);
        snprintf(lines + len, sizeof lines - len, "r%d = no orders for 5m\n", i);
    }
    assert_true(alert_rules_read(text_of(lines), true, rules, &mistake));
    assert_int_equal(rules->n, 64);
    free(rules);
    strcat(lines, "one-more = no orders for 5m\n");
    refused(lines, true, 65, "one-more", "line", "more than 64 rules");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_is_read_with_what_it_means_unless_said),
        cmocka_unit_test(a_line_that_is_no_rule_is_told_what_is_wanted),
        cmocka_unit_test(the_part_of_a_line_that_is_wrong_is_named),
        cmocka_unit_test(names_and_lines_have_their_longest),
        cmocka_unit_test(a_file_has_a_rule_a_line_comments_and_empty_lines),
        cmocka_unit_test(a_mistake_is_told_with_its_line_and_its_rule),
        cmocka_unit_test(lag_is_refused_where_no_log_is_read),
        cmocka_unit_test(there_are_64_rules_at_most),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
