// SPDX-License-Identifier: MIT
// Cutting one row of CSV.
//
// The happy path: cell after cell, each from its start to the delimiter or line end behind it,
// eight bytes at a time; a cell in quotes to its closing quote. Cells are slices of the row; only
// one with doubled quotes is copied, to `scratch`.
//
// Cells parted by tabs are written without quoting by most that write them: there a quote that
// cannot be one of a quoted cell is a character.
//
// How it fails: a quote where none may be, a quote never closed, too many cells.
#include "format/csv_cut.h"

#include "format/csv.h"
#include "format/csv_lines.h"

#define ONES UINT64_C(0x0101010101010101)
#define HIGHS UINT64_C(0x8080808080808080)

// High bit set in the bytes of x that are zero. Above the lowest of them it may be set wrongly, so
// only the lowest is to be looked at.
static inline uint64_t zero_bytes(uint64_t x) {
    return (x - ONES) & ~x & HIGHS;
}

// The first delimiter, quote or byte of a line end, or `end`; eight bytes at a time.
static inline const char *find_special(const char *at, const char *end, char delimiter) {
    const uint64_t delimiters = ONES * (unsigned char)delimiter;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    while (end - at >= 8) {
        uint64_t word;
        memcpy(&word, at, sizeof word);
        uint64_t hits = zero_bytes(word ^ delimiters) | zero_bytes(word ^ (ONES * '\n')) |
                        zero_bytes(word ^ (ONES * '\r')) | zero_bytes(word ^ (ONES * '"'));
        if (hits != 0) {
            return at + __builtin_ctzll(hits) / 8;
        }
        at += 8;
    }
#endif
    while (at < end && *at != delimiter && *at != '\n' && *at != '\r' && *at != '"') {
        at++;
    }
    return at;
}

const char csv_never_closed[] = "a quote is opened and never closed";

static enum cut_result fault(struct cut *k, const char *problem) {
    k->problem = problem;
    return CUT_FAULT;
}

// The text between the quotes, from..to, with doubled quotes made single.
static struct text unquote(struct cut *k, const char *from, const char *to) {
    char *start = k->scratch;
    while (from < to) {
        const char *quote = memchr(from, '"', (size_t)(to - from));
        const char *stop = quote != NULL ? quote + 1 : to; // keeps one of the two
        memcpy(k->scratch, from, (size_t)(stop - from));
        k->scratch += stop - from;
        from = quote != NULL ? quote + 2 : to;
    }
    return (struct text){start, (size_t)(k->scratch - start)};
}

// A cell that starts with a quote, at[-1]. *after: the byte behind the closing quote.
static enum cut_result cut_quoted(struct cut *k, const char *at, const char **after,
                                  struct text *cell) {
    const char *from = at;
    bool doubled = false;
    k->quoted = true;
    for (;;) {
        const char *quote = memchr(at, '"', (size_t)(k->end - at));
        if (quote == NULL) {
            k->last_quoted = (struct text){from, (size_t)(k->end - from)};
            return k->final ? fault(k, csv_never_closed) : CUT_MORE;
        }
        if (quote + 1 == k->end && !k->final) {
            return CUT_MORE; // the next byte tells whether it is doubled
        }
        if (quote + 1 < k->end && quote[1] == '"') {
            doubled = true;
            at = quote + 2;
            continue;
        }
        *after = quote + 1;
        k->last_quoted = (struct text){from, (size_t)(quote - from)};
        *cell = doubled ? unquote(k, from, quote) : (struct text){from, (size_t)(quote - from)};
        return CUT_ROW;
    }
}

// Text follows a closing quote. `"Best" cup` between tabs has but one meaning.
static bool is_plain_between_tabs(const struct cut *k) {
    struct text t = k->last_quoted;
    return k->delimiter == '\t' && (t.len == 0 || (memchr(t.at, '\t', t.len) == NULL &&
                                                   csv_find_line_end(t.at, t.len) == NULL));
}

// Goes on behind a quote that stands in a cell that does not start with one.
static enum cut_result behind_quote(struct cut *k, const char *at, const char **stop,
                                    struct text *cell) {
    while (*stop < k->end && **stop == '"') {
        if (k->delimiter != '\t') {
            return fault(k, "a quote inside a cell that does not start with one");
        }
        *stop = find_special(*stop + 1, k->end, k->delimiter);
    }
    *cell = (struct text){at, (size_t)(*stop - at)};
    return CUT_ROW;
}

// Cuts one cell; *stop: the comma or line end behind it, or the end.
static enum cut_result cut_cell(struct cut *k, const char *at, const char **stop,
                                struct text *cell) {
    if (at < k->end && *at == '"') {
        *stop = at;
        enum cut_result r = cut_quoted(k, at + 1, stop, cell);
        const char *p = *stop;
        if (r == CUT_ROW && p < k->end && *p != k->delimiter && *p != '\n' && *p != '\r') {
            *stop = at;
            return is_plain_between_tabs(k)
                       ? behind_quote(k, at, stop, cell)
                       : fault(k, "text follows a closing quote (a quote inside quotes must be "
                                  "doubled)");
        }
        return r;
    }
    *stop = find_special(at, k->end, k->delimiter);
    if (UNLIKELY(*stop < k->end && **stop == '"')) {
        return behind_quote(k, at, stop, cell);
    }
    *cell = (struct text){at, (size_t)(*stop - at)};
    return CUT_ROW;
}

enum cut_result csv_cut_row(struct cut *k, const char *at) {
    for (;;) {
        struct text cell;
        const char *stop;
        enum cut_result r = cut_cell(k, at, &stop, &cell);
        if (r != CUT_ROW) {
            return r;
        }
        const char *next = NULL;
        bool line_ends = stop == k->end || *stop != k->delimiter;
        if (line_ends) {
            next = stop < k->end ? csv_after_line_end(stop, k->end, k->final)
                   : k->final    ? stop
                                 : NULL;
            if (next == NULL) {
                return CUT_MORE;
            }
        }
        if (k->n_cells == k->max_cells) {
            return fault(k, "too many cells");
        }
        k->cells[k->n_cells++] = cell;
        if (line_ends) {
            k->raw_end = stop;
            k->next = next;
            return CUT_ROW;
        }
        at = stop + 1;
    }
}

bool csv_split(struct text row, char delimiter, struct text *cells, size_t max_cells,
               size_t *n_cells, char *scratch) {
    struct cut k = {.end = row.at + row.len,
                    .final = true,
                    .delimiter = delimiter,
                    .cells = cells,
                    .max_cells = max_cells,
                    .scratch = scratch};
    bool one_row = csv_cut_row(&k, row.at) == CUT_ROW && k.next == k.end;
    *n_cells = k.n_cells;
    return one_row;
}
