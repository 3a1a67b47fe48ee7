// SPDX-License-Identifier: MIT
// The CSV reader: each case is fed whole and byte by byte, and must give the same rows.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "format/csv.h"
#include "guard_page.h"
#include <stdlib.h>

// Renders what the reader says: cells as <a|b>, lines and problems where asked.
static char delimiter = ',';

static void read_all(struct text input, size_t chunk_bytes, size_t width, struct buf *out) {
    struct csv *c = mem_must(csv_new(NULL));
    csv_set_delimiter(c, delimiter);
    csv_set_width(c, width);
    struct csv_row row;
    size_t at = 0;
    for (enum csv_next n; (n = csv_next(c, &row)) != CSV_END;) {
        if (n == CSV_MORE) {
            size_t left = input.len - at;
            struct text chunk = {input.at + at, left < chunk_bytes ? left : chunk_bytes};
            if (chunk.len == 0) {
                csv_fed(c, 0);
            } else {
                at += csv_feed(c, chunk);
            }
            continue;
        }
        buf_printf(out, "%lld%s<", (long long)row.line, n == CSV_BAD_ROW ? "!" : "");
        for (size_t i = 0; i < row.n_cells; i++) {
            buf_put_str(out, i > 0 ? "|" : "");
            buf_put_text(out, row.cells[i]);
        }
        buf_put_str(out, ">");
        if (n == CSV_BAD_ROW) {
            buf_printf(out, "(%.*s: %s)", TEXT_ARG(row.raw), row.problem);
        }
    }
    csv_free(c);
}

static void expect_width(struct text input, size_t width, const char *want) {
    for (size_t chunk = 1; chunk <= input.len + 1; chunk = chunk < 5 ? chunk + 1 : chunk * 3) {
        struct buf got = {0};
        read_all(input, chunk, width, &got);
        buf_put_char(&got, '\0');
        assert_string_equal(got.at, want);
        buf_free(&got);
    }
}
#define EXPECT(input, want) expect_width(TEXT_LIT(input), 0, want)

static void plain_rows_are_cut_at_commas_and_line_ends(void **state) {
    (void)state;
    EXPECT("a,b\n1,2\n", "1<a|b>2<1|2>");
    EXPECT("a,b\r\n1,2\r\n", "1<a|b>2<1|2>");
    EXPECT("a,b\n1,2", "1<a|b>2<1|2>");
    EXPECT("a,b\r\n1,2\r", "1<a|b>2<1|2>");
    EXPECT("", "");
    EXPECT("a", "1<a>");
    EXPECT(",\n", "1<|>");
    EXPECT("a,,c,\n", "1<a||c|>");
    EXPECT(" a , b\n", "1< a | b>");
    EXPECT("0123456789abcdef,0123456789abcdef0\nx\n", "1<0123456789abcdef|0123456789abcdef0>2<x>");
}

static void quotes_hold_commas_line_ends_and_doubled_quotes(void **state) {
    (void)state;
    EXPECT("\"a,b\",c\n", "1<a,b|c>");
    EXPECT("\"a\"\"b\",\"\"\"\"\n", "1<a\"b|\">");
    EXPECT("\"\",\"\"\n", "1<|>");
    EXPECT("\"a\nb\",c\nd,e\n", "1<a\nb|c>3<d|e>");
    EXPECT("\"a\r\nb\"\r\nc\r\n", "1<a\r\nb>3<c>");
    EXPECT("x,\"y\"", "1<x|y>");
    EXPECT("x,\"y\"\r", "1<x|y>");
    EXPECT("\"\"\"a\"\"\",\"b\"\"\"\n", "1<\"a\"|b\">");
}

static void empty_lines_are_skipped_and_counted(void **state) {
    (void)state;
    EXPECT("\n\na\n\r\nb\n\n", "3<a>5<b>");
    EXPECT("\n", "");
    EXPECT("\"\"\n", "1<>"); // a quoted empty cell is a row
    expect_width(TEXT_LIT("a,b\n\n1,2\n\n"), 2, "1<a|b>3<1|2>");
}

static void a_byte_order_mark_is_not_part_of_the_first_cell(void **state) {
    (void)state;
    EXPECT("\xEF\xBB\xBF"
           "a,b\n",
           "1<a|b>");
    EXPECT("\xEF\xBB\xBF\"a\"\n", "1<a>");
    EXPECT("\xEF\xBB\xBF", "");
    EXPECT("\xEF\xBB", "1<\xEF\xBB>");
    EXPECT("a\n\xEF\xBB\xBF"
           "b\n",
           "1<a>2<\xEF\xBB\xBF"
           "b>");
}

static void a_line_ends_with_any_of_the_three_line_ends(void **state) {
    (void)state;
    EXPECT("a,b\r1,2\r3,4\r", "1<a|b>2<1|2>3<3|4>");
    EXPECT("a,b\r1,2\r3,4", "1<a|b>2<1|2>3<3|4>");
    EXPECT("a,b\n1,2\r3,4\r\n5,6", "1<a|b>2<1|2>3<3|4>4<5|6>");
    EXPECT("a\r\r\n\rb", "1<a>4<b>"); // empty lines
    EXPECT("\"a\"\r\"b\rc\r\nd\"\re\r", "1<a>2<b\rc\r\nd>5<e>");
    EXPECT("a,\"b\"c\rd\r",
           "1!<a>(a,\"b\"c: text follows a closing quote (a quote inside quotes must "
           "be doubled))2<d>");
    EXPECT(
        "a,\"b\rc,d\r",
        "1!<a>(a,\"b: a quote is opened here and not closed until the end, 2 lines later)2<c|d>");
    EXPECT("0123456789abcdef\r0123\r\n012345\n", "1<0123456789abcdef>2<0123>3<012345>");
}

static void a_quote_closed_by_that_of_a_later_row_costs_one_line(void **state) {
    (void)state;
#define TAKES(n, lines)                                                                            \
    "a quote is opened here and closed " n " " lines                                               \
    " later, but the lines between look like rows "                                                \
    "of their own (a quote inside quotes must be doubled)"
#define INSIDE "a quote inside a cell that does not start with one"
    expect_width(TEXT_LIT("i,t,n\n1,5,\"open\n2,6,\n3,7,shut\"\n4,8,\n"), 3,
                 "1<i|t|n>2!<1|5>(1,5,\"open: " TAKES(
                     "2", "lines") ")3<2|6|>4!<3|7>(3,7,shut\": " INSIDE ")5<4|8|>");
    expect_width(TEXT_LIT("i,n,t\r1,\"x,5\r2,y\",6\r"), 3,
                 "1<i|n|t>2!<1>(1,\"x,5: " TAKES("1", "line") ")3!<2>(2,y\",6: " INSIDE ")");
    // Lines that are no rows of this file are text.
    expect_width(TEXT_LIT("i,t,n\n1,5,\"Ring twice,\nor knock, please, softly\"\n"), 3,
                 "1<i|t|n>2<1|5|Ring twice,\nor knock, please, softly>");
    expect_width(TEXT_LIT("i,t,n\n1,5,\"a\nb, c, d\"\n2,5,\"a\n7, c\"\n3,5,\"\n\"\n"), 3,
                 "1<i|t|n>2<1|5|a\nb, c, d>4<2|5|a\n7, c>6<3|5|\n>");
    EXPECT("1,\"x,5\n2,y\",6\n", "1<1|x,5\n2,y|6>"); // nobody told how rows look
#undef INSIDE
}

static void a_quote_left_open_is_told_whatever_column_it_stands_in(void **state) {
    (void)state;
    // The rows inside have other cells than a row: the number of cells tells.
    expect_width(
        TEXT_LIT("i,t,n\n1,5,\"open\n2,6,a\n3,7,\"b\"\n4,8,c\n"), 3,
        "1<i|t|n>2!<1|5>(1,5,\"open: a quote is opened here and closed 2 lines later, text "
        "follows a closing quote (a quote inside quotes must be doubled))3<2|6|a>4<3|7|b>5<"
        "4|8|c>");
    expect_width(
        TEXT_LIT("i,n,t\n\"1,5,x\n2,6,\"\n3,7,y\n"), 3,
        "1<i|n|t>2!<>(\"1,5,x: a quote is opened here and closed 1 line later, the row has "
        "1 cell, the header has 3)3!<2|6>(2,6,\": a quote is opened here and not closed "
        "until the end, 2 lines later)4<3|7|y>");
}

static void cells_are_parted_by_the_delimiter_that_is_told(void **state) {
    (void)state;
    delimiter = ';';
    EXPECT("a;b\n1,5;\"x;y\"\n", "1<a|b>2<1,5|x;y>");
    delimiter = '\t';
    EXPECT("a\tb\n\t\n \t \n", "1<a|b>2<|>3< | >");
    EXPECT("5\" cup\t\"Best\" cup\ta \"b\"\n1\t\"a\tb\"\t\"c\"\"\"\n\"\"x\t\"\n\"\t\"\"\"\"\n",
           "1<5\" cup|\"Best\" cup|a \"b\">2<1|a\tb|c\">3<\"\"x|\n|\">");
    EXPECT("\"a\tb\"c\td\ne\tf\n",
           "1!<>(\"a\tb\"c\td: text follows a closing quote (a quote inside quotes must be "
           "doubled))2<e|f>");
    delimiter = '|';
    EXPECT("0123456789|0123456\r\n,;|\"|\"\r\n", "1<0123456789|0123456>2<,;||>");
    expect_width(TEXT_LIT("i|t|n\n1|5|\"open\n2|6|\n3|7|shut\"\n"), 3,
                 "1<i|t|n>2!<1|5>(1|5|\"open: a quote is opened here and closed 2 lines later, but "
                 "the lines between look like rows of their own (a quote inside quotes must be "
                 "doubled))3<2|6|>4!<3|7>(3|7|shut\": a quote inside a cell that does not start "
                 "with one)");
    delimiter = ',';
}

static void the_first_line_can_be_looked_at_and_passed_over(void **state) {
    (void)state;
    struct text input = TEXT_LIT("\xEF\xBB\xBF\r\nsep=;\r\n\r\n\"a\nb\";c\r\n1;2\r\n3;4\r\n");
    for (size_t chunk = 1; chunk <= input.len; chunk++) {
        struct csv *c = mem_must(csv_new(NULL));
        struct text line;
        struct csv_row row;
        size_t at = 0;
        enum csv_next n;
        for (int i = 0; i < 2; i++) {
            while ((n = csv_first_line(c, &line)) == CSV_MORE) {
                struct text part = {input.at + at, chunk};
                part.len = part.len < input.len - at ? part.len : input.len - at;
                at += csv_feed(c, part);
            }
            assert_int_equal(n, CSV_ROW);
            assert_true(text_equal(line, i == 0 ? TEXT_LIT("sep=;") : TEXT_LIT("\"a\nb\";c")));
            if (i == 0) {
                csv_skip_first_line(c);
            }
        }
        csv_set_delimiter(c, ';');
        assert_int_equal(csv_feed(c, (struct text){input.at + at, input.len - at}), input.len - at);
        csv_fed(c, 0);
        assert_int_equal(csv_next(c, &row), CSV_ROW);
        assert_int_equal(row.line, 4);
        csv_mark(c);
        assert_int_equal(csv_next(c, &row), CSV_ROW);
        assert_int_equal(csv_next(c, &row), CSV_ROW);
        assert_int_equal(csv_next(c, &row), CSV_END);
        csv_go_back(c);
        assert_int_equal(csv_next(c, &row), CSV_ROW);
        assert_int_equal(row.line, 6);
        assert_true(text_equal(row.cells[1], TEXT_LIT("2")));
        csv_free(c);
    }
}

static void an_input_without_a_line_has_no_first_line(void **state) {
    (void)state;
    struct csv *c = mem_must(csv_new(NULL));
    struct text line;
    assert_int_equal(csv_first_line(c, &line), CSV_MORE);
    assert_int_equal(csv_feed(c, TEXT_LIT("\n\r")), 2);
    assert_int_equal(csv_first_line(c, &line), CSV_MORE);
    csv_fed(c, 0);
    assert_int_equal(csv_first_line(c, &line), CSV_END);
    csv_reset(c);
    assert_int_equal(csv_feed(c, TEXT_LIT("a\"b\nc")), 5); // a stray quote: the line alone
    csv_fed(c, 0);
    assert_int_equal(csv_first_line(c, &line), CSV_ROW);
    assert_true(text_equal(line, TEXT_LIT("a\"b")));
    csv_free(c);
}

static void a_stray_quote_costs_one_line(void **state) {
    (void)state;
#define INSIDE "a quote inside a cell that does not start with one"
#define BEHIND "text follows a closing quote (a quote inside quotes must be doubled)"
    EXPECT("a,5\" pipe,b\nc,d\n", "1!<a>(a,5\" pipe,b: " INSIDE ")2<c|d>");
    EXPECT("a,\"b\"c,d\r\ne,f\n", "1!<a>(a,\"b\"c,d: " BEHIND ")2<e|f>");
    EXPECT("a,\"b\" ,d\ne\n", "1!<a>(a,\"b\" ,d: " BEHIND ")2<e>");
    // The quote of line 2 swallows line 3 until the one of line 4 shows that it was stray.
    EXPECT("a,b\n1,\"x\n2,y\n3,\"z\"\n4,w\n",
           "1<a|b>2!<1>(1,\"x: a quote is opened here and closed 2 lines later, " BEHIND
           ")3<2|y>4<3|z>5<4|w>");
}

static void a_quote_that_is_never_closed_costs_one_line(void **state) {
    (void)state;
    EXPECT(
        "a,\"b\nc,d\n",
        "1!<a>(a,\"b: a quote is opened here and not closed until the end, 2 lines later)2<c|d>");
    EXPECT("\"", "1!<>(\": a quote is opened and never closed)");
}

static void rows_of_another_width_than_the_header_are_bad(void **state) {
    (void)state;
    expect_width(TEXT_LIT("a,b\n1\n1,2,3\n4,5\n"), 2,
                 "1<a|b>2!<1>(1: the row has 1 cell, the header has 2)"
                 "3!<1|2|3>(1,2,3: the row has 3 cells, the header has 2)4<4|5>");
}

static struct text repeat(struct buf *b, const char *piece, size_t n) {
    for (size_t i = 0; i < n; i++) {
        buf_put_str(b, piece);
    }
    return buf_text(b);
}

static void a_row_with_too_many_cells_is_bad(void **state) {
    (void)state;
    struct buf b = {0};
    repeat(&b, ",", CSV_CELLS_MAX - 1);
    buf_put_str(&b, "\n");
    repeat(&b, ",", CSV_CELLS_MAX);
    buf_put_str(&b, "\nx\n");
    struct csv *c = mem_must(csv_new(NULL));
    struct csv_row row;
    assert_int_equal(csv_feed(c, buf_text(&b)), b.len);
    csv_fed(c, 0);
    assert_int_equal(csv_next(c, &row), CSV_ROW);
    assert_int_equal(row.n_cells, CSV_CELLS_MAX);
    assert_int_equal(csv_next(c, &row), CSV_BAD_ROW);
    assert_string_equal(row.problem, "too many cells");
    assert_int_equal(csv_next(c, &row), CSV_ROW);
    assert_int_equal(row.line, 3);
    assert_int_equal(csv_next(c, &row), CSV_END);
    csv_reset(c); // as new: line numbers, byte order mark, end
    csv_set_width(c, 1);
    csv_reset(c);
    assert_int_equal(csv_feed(c, TEXT_LIT("\xEF\xBB\xBF"
                                          "a,b\n")),
                     7);
    assert_int_equal(csv_next(c, &row), CSV_ROW);
    assert_int_equal(row.line, 1);
    assert_true(text_equal(row.cells[0], TEXT_LIT("a")));
    assert_int_equal(csv_next(c, &row), CSV_MORE);
    csv_free(c);
    buf_free(&b);
}

// Feeds in large chunks; returns line and kind of each row in `out`, without the text.
static void outline(struct text input, struct buf *out) {
    struct csv *c = mem_must(csv_new(NULL));
    struct csv_row row;
    size_t at = 0;
    for (enum csv_next n; (n = csv_next(c, &row)) != CSV_END;) {
        if (n == CSV_MORE) {
            size_t fed = csv_feed(c, (struct text){input.at + at, input.len - at});
            assert_true(fed > 0 || at == input.len);
            if (fed == 0) {
                csv_fed(c, 0);
            }
            at += fed;
            continue;
        }
        assert_true(row.raw.len <= 2 * CSV_ROW_MAX_BYTES);
        buf_printf(out, "%lld%s ", (long long)row.line, n == CSV_BAD_ROW ? "!" : "");
    }
    buf_put_char(out, '\0');
    csv_free(c);
}

static void a_row_that_is_too_long_is_bad_and_reading_goes_on(void **state) {
    (void)state;
    struct buf b = {0}, got = {0};
    buf_put_str(&b, "a,b\n");
    repeat(&b, "0123456789abcdef", 5 * CSV_ROW_MAX_BYTES / 16); // one line of 5 MiB
    buf_put_str(&b, "\nc,d\n");
    outline(buf_text(&b), &got);
    assert_string_equal(got.at, "1 2! 3 ");
    buf_clear(&got);
    buf_clear(&b);
    repeat(&b, "x",
           CSV_ROW_MAX_BYTES - 1); // the longest row that is taken: with its line end 1 MiB
    buf_put_str(&b, "\nc,d\n");
    outline(buf_text(&b), &got);
    assert_string_equal(got.at, "1 2 ");
    buf_free(&b);
    buf_free(&got);
}

static void an_open_quote_before_a_long_file_costs_one_line(void **state) {
    (void)state;
    struct buf b = {0}, got = {0};
    buf_put_str(&b, "a,\"b\n");
    for (int i = 0; i < 300000; i++) {
        buf_put_str(&b, "c,d,e,f\n"); // 2.4 MB without a quote
    }
    outline(buf_text(&b), &got);
    assert_memory_equal(got.at, "1! 2 3 4 5 ", 11);
    assert_string_equal(got.at + got.len - 1 - 7, "300001 ");
    buf_free(&b);
    buf_free(&got);
}

static void split_cuts_a_row_once_more_and_reads_no_byte_too_far(void **state) {
    (void)state;
    static const char *const rows[] = {
        "a",  "a,b",   "\"a\"",         ",",           "0123456,89abcdef,0",
        "\"", "a,\"b", "\"a\nb\",\"\"", "\"\"\"\",xy", "\"a\"x",
    };
    struct guard_page g = guard_page_new(4096);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct text row = guard_page_place(&g, text_of(rows[i]));
        struct text cells[8];
        char *scratch = malloc(row.len); // its own red zone under the sanitizer
        size_t n = 0;
        bool ok = csv_split(row, ',', cells, COUNT_OF(cells), &n, scratch);
        assert_int_equal(ok, i != 5 && i != 6 && i != 9);
        free(scratch);
    }
    struct text cells[2];
    size_t n;
    char scratch[16];
    assert_true(csv_split(TEXT_LIT("\"x\"\"y\",z"), ',', cells, 2, &n, scratch));
    assert_int_equal(n, 2);
    assert_true(text_equal(cells[0], TEXT_LIT("x\"y")));
    assert_true(text_equal(cells[1], TEXT_LIT("z")));
    assert_false(csv_split(TEXT_LIT("1,2,3"), ',', cells, 2, &n, scratch));
    assert_false(csv_split(TEXT_LIT("1\n2"), ',', cells, 2, &n, scratch));
    assert_false(csv_split(TEXT_LIT("1\r2"), ',', cells, 2, &n, scratch));
    guard_page_free(&g);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_rows_are_cut_at_commas_and_line_ends),
        cmocka_unit_test(quotes_hold_commas_line_ends_and_doubled_quotes),
        cmocka_unit_test(empty_lines_are_skipped_and_counted),
        cmocka_unit_test(a_byte_order_mark_is_not_part_of_the_first_cell),
        cmocka_unit_test(a_line_ends_with_any_of_the_three_line_ends),
        cmocka_unit_test(a_quote_closed_by_that_of_a_later_row_costs_one_line),
        cmocka_unit_test(a_quote_left_open_is_told_whatever_column_it_stands_in),
        cmocka_unit_test(cells_are_parted_by_the_delimiter_that_is_told),
        cmocka_unit_test(the_first_line_can_be_looked_at_and_passed_over),
        cmocka_unit_test(an_input_without_a_line_has_no_first_line),
        cmocka_unit_test(a_stray_quote_costs_one_line),
        cmocka_unit_test(a_quote_that_is_never_closed_costs_one_line),
        cmocka_unit_test(rows_of_another_width_than_the_header_are_bad),
        cmocka_unit_test(a_row_with_too_many_cells_is_bad),
        cmocka_unit_test(a_row_that_is_too_long_is_bad_and_reading_goes_on),
        cmocka_unit_test(an_open_quote_before_a_long_file_costs_one_line),
        cmocka_unit_test(split_cuts_a_row_once_more_and_reads_no_byte_too_far),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
