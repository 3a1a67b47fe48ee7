// SPDX-License-Identifier: MIT
// What the first lines of a CSV file say about its delimiter.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/check.h"
#include "format/csv_dialect.h"

static void expect_in(struct text header, const char *want) {
    char found[CSV_DELIMITERS_COUNT + 1] = "";
    size_t n = csv_delimiters_in(header, found);
    found[n] = '\0';
    assert_string_equal(found, want);
}

static void delimiters_between_names_are_found_the_most_frequent_first(void **state) {
    (void)state;
    expect_in(TEXT_LIT("a,b,c"), ",");
    expect_in(TEXT_LIT("a;b;c"), ";");
    expect_in(TEXT_LIT("a\tb"), "\t");
    expect_in(TEXT_LIT("a|b"), "|");
    expect_in(TEXT_LIT("Total, net;Tax, net;Name;Id"), ";,");
    expect_in(TEXT_LIT("a|b|c|d\te\tf;g,h;i,j,k"), ",|;\t");
    expect_in(TEXT_LIT("one column"), ",");
    expect_in(TEXT_LIT(""), ",");
}

static void delimiters_inside_quotes_part_nothing(void **state) {
    (void)state;
    expect_in(TEXT_LIT("\"Total, net\";\"a,b,c\""), ";");
    expect_in(TEXT_LIT("\"say \"\"a;b\"\" or, c\"|d"), "|");
    expect_in(TEXT_LIT("\"a;b\""), ",");
}

static void a_sep_line_names_the_delimiter(void **state) {
    (void)state;
    static const struct {
        struct text line;
        char delimiter;
    } lines[] = {{{"sep=;", 5}, ';'},   {{"SEP=,", 5}, ','},  {{"\"sep=|\"", 7}, '|'},
                 {{"sep=\t", 5}, '\t'}, {{"sep=:", 5}, '\0'}, {{"sep=", 4}, '\0'}};
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        char d = 'x';
        assert_true(csv_is_sep_line(lines[i].line, &d));
        assert_int_equal(d, lines[i].delimiter);
    }
    char d;
    assert_false(csv_is_sep_line(TEXT_LIT("sep"), &d));
    assert_false(csv_is_sep_line(TEXT_LIT("sep=;;"), &d));
    assert_false(csv_is_sep_line(TEXT_LIT("step=;"), &d));
    assert_false(csv_is_sep_line(TEXT_LIT("\""), &d));
    assert_false(csv_is_sep_line(TEXT_LIT(""), &d));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(delimiters_between_names_are_found_the_most_frequent_first),
        cmocka_unit_test(delimiters_inside_quotes_part_nothing),
        cmocka_unit_test(a_sep_line_names_the_delimiter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
