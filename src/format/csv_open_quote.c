// SPDX-License-Identifier: MIT
// A quote that is left open and closed by that of a later row: by the grammar of CSV that is one
// row with a cell of several lines, and the rows between would be lost without a word. What tells
// is that each line of that cell is a row of the file: as many delimiters, and a first cell that
// might be one. Text that people write into several lines of a cell is not like that.
#include "format/csv_lines.h"

static size_t count_of(struct text t, char delimiter) {
    size_t n = 0;
    const char *at = t.at, *end = t.at + t.len;
    while (at < end && (at = memchr(at, delimiter, (size_t)(end - at))) != NULL) {
        at++;
        n++;
    }
    return n;
}

static struct text first_cell(struct text line, char delimiter) {
    const char *stop = line.len > 0 ? memchr(line.at, delimiter, line.len) : NULL;
    return stop != NULL ? (struct text){line.at, (size_t)(stop - line.at)} : line;
}

// May both be values of one column? Prose that happens to have the commas of a row seldom begins
// as the rows of its file do.
static bool alike(struct text a, struct text b) {
    bool digit_a = a.len > 0 && a.at[0] >= '0' && a.at[0] <= '9';
    bool digit_b = b.len > 0 && b.at[0] >= '0' && b.at[0] <= '9';
    bool space_a = a.len > 0 && memchr(a.at, ' ', a.len) != NULL;
    bool space_b = b.len > 0 && memchr(b.at, ' ', b.len) != NULL;
    return digit_a == digit_b && (a.len > 0) == (b.len > 0) && (space_a || !space_b);
}

// Is each line of cell i a whole row of the file, so that its quote was left open? The first line
// has the cells from i on, the last those up to i, each between them has all.
static bool holds_rows(const struct text *cells, size_t i, size_t n, char delimiter) {
    struct text rest = cells[i];
    const struct text id = first_cell(cells[0], delimiter);
    bool is_first = true, all_alike = true;
    size_t n_whole = 0;
    for (;;) {
        const char *line_end = rest.len > 0 ? csv_find_line_end(rest.at, rest.len) : NULL;
        struct text line = {rest.at, line_end != NULL ? (size_t)(line_end - rest.at) : rest.len};
        size_t want = is_first ? n - 1 - i : line_end != NULL ? n - 1 : i;
        if ((is_first && line_end == NULL) || count_of(line, delimiter) != want) {
            return false;
        }
        all_alike &= is_first || alike(id, first_cell(line, delimiter));
        n_whole += !is_first && line_end != NULL;
        if (line_end == NULL) {
            // Whole lines of that many cells are rows even where their first cells differ, as they
            // do where only an order's first row has its number.
            return all_alike || (n_whole > 0 && n > 3);
        }
        const char *next = csv_after_line_end(line_end, rest.at + rest.len, true);
        rest = (struct text){next, (size_t)(rest.at + rest.len - next)};
        is_first = false;
    }
}

size_t csv_open_quote(const struct text *cells, size_t n, char delimiter) {
    size_t i = 0;
    while (i < n && !(n > 1 && cells[i].len > 0 && holds_rows(cells, i, n, delimiter))) {
        i++;
    }
    return i;
}
