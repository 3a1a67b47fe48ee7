// SPDX-License-Identifier: MIT
// Inside the CSV reader: where lines end, and lines inside a cell that are rows.
#pragma once
#include "base/text.h"
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

// Behind the line end at `at`: LF, CRLF or a lone CR. NULL: the next byte tells which it is.
static inline const char *csv_after_line_end(const char *at, const char *end, bool final) {
    if (*at == '\n') {
        return at + 1;
    }
    if (at + 1 == end) {
        return final ? end : NULL;
    }
    return at + (at[1] == '\n' ? 2 : 1);
}

// The first byte of a line end, or NULL. In steps, so that a file without the one of them is not
// searched for it to its end at each line.
static inline const char *csv_find_line_end(const char *at, size_t n) {
    enum { STEP_BYTES = 256 };
    while (n > 0) {
        size_t step = n < STEP_BYTES ? n : STEP_BYTES;
        const char *lf = memchr(at, '\n', step);
        const char *cr = memchr(at, '\r', lf != NULL ? (size_t)(lf - at) : step);
        if (cr != NULL || lf != NULL) {
            return cr != NULL ? cr : lf;
        }
        at += step;
        n -= step;
    }
    return NULL;
}

static inline int64_t csv_count_line_ends(const char *at, const char *end) {
    int64_t n = 0;
    while ((at = csv_find_line_end(at, (size_t)(end - at))) != NULL) {
        at = csv_after_line_end(at, end, true);
        n++;
    }
    return n;
}

// The first of the n cells of a row whose quote was left open and closed by that of a later row, as
// the lines inside it show; n: there is none. The cells are all that a row of the file has.
size_t csv_open_quote(const struct text *cells, size_t n, char delimiter);
