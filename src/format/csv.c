// SPDX-License-Identifier: MIT
// Streaming CSV.
//
// The happy path: bytes are read straight into the reader's buffer; a row is cut where it lies, its
// cells are slices of the buffer. Only a cell with doubled quotes is copied (to `scratch`). A row
// that is not complete yet is cut again from its start when more bytes have come.
//
// How a row fails: a quote where none may be, a quote never closed or only by that of a later row
// (the lines between look like rows of the file), too many cells, a row too long. Reading then goes
// on at the line after the row's *first* line, so that one stray quote costs one line and not the
// rest of the file. That cannot make the work quadratic: a line that leaves a quote open has an odd
// number of quotes, so a second such line closes the first one's quote.
#include "format/csv.h"

#include "format/csv_lines.h"
#include <stdio.h>

enum { BUFFER_BYTES = 2 * CSV_ROW_MAX_BYTES };

struct csv {
    const struct mem_heap *heap;
    char *buffer;
    char *scratch; // unquoted text of cells with doubled quotes, of the newest row
    size_t start;  // of the next row
    size_t end;    // of what was fed
    int64_t line;  // number of the line at `start`
    size_t width;
    char delimiter;
    bool finished; // the input has ended
    bool started;  // the byte order mark has been looked for
    bool skipping; // in the rest of a line that is too long
    char problem[192];
    struct text cells[CSV_CELLS_MAX];
};

struct csv *csv_new(const struct mem_heap *heap) {
    struct csv *c = heap_zalloc(heap, 1, sizeof *c);
    if (c == NULL) {
        return NULL;
    }
    c->heap = heap;
    c->buffer = heap_alloc(heap, BUFFER_BYTES);
    c->scratch = heap_alloc(heap, BUFFER_BYTES);
    if (c->buffer == NULL || c->scratch == NULL) {
        csv_free(c);
        return NULL;
    }
    csv_reset(c);
    return c;
}

void csv_free(struct csv *c) {
    if (c != NULL) {
        heap_free(c->heap, c->buffer);
        heap_free(c->heap, c->scratch);
        heap_free(c->heap, c);
    }
}

void csv_reset(struct csv *c) {
    c->start = c->end = 0;
    c->line = 1;
    c->width = 0;
    c->delimiter = ',';
    c->finished = c->started = c->skipping = false;
}

char *csv_room(struct csv *c, size_t *n_bytes) {
    if (c->start == c->end) {
        c->start = c->end = 0;
    } else if (c->start > 0 && BUFFER_BYTES - c->end < BUFFER_BYTES / 2) {
        memmove(c->buffer, c->buffer + c->start, c->end - c->start);
        c->end -= c->start;
        c->start = 0;
    }
    *n_bytes = BUFFER_BYTES - c->end;
    return c->buffer + c->end;
}

void csv_fed(struct csv *c, size_t n_bytes) {
    c->end += n_bytes;
    c->finished = n_bytes == 0;
}

size_t csv_feed(struct csv *c, struct text bytes) {
    size_t room;
    char *to = csv_room(c, &room);
    size_t n = bytes.len < room ? bytes.len : room;
    if (n > 0) {
        memcpy(to, bytes.at, n);
        c->end += n;
    }
    return n;
}

void csv_set_width(struct csv *c, size_t n_cells) {
    c->width = n_cells;
}

void csv_set_delimiter(struct csv *c, char delimiter) {
    c->delimiter = delimiter;
}

// --- Cutting one row

struct cut {
    const char *end; // of what may be read
    bool final;      // nothing comes after `end`
    char delimiter;
    struct text last_quoted; // what the newest pair of quotes holds
    struct text *cells;
    size_t n_cells, max_cells;
    char *scratch;       // next free byte
    bool quoted;         // some cell had quotes: it may hold line ends
    const char *raw_end; // end of the row's text
    const char *next;    // where the next row starts
    const char *problem;
};
enum cut_result { CUT_ROW, CUT_MORE, CUT_FAULT };

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

static const char never_closed[] = "a quote is opened and never closed";

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
            return k->final ? fault(k, never_closed) : CUT_MORE;
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

// Cuts one cell; *stop: the comma or line end behind it, or the end.
static enum cut_result cut_cell(struct cut *k, const char *at, const char **stop,
                                struct text *cell) {
    if (at < k->end && *at == '"') {
        *stop = at;
        enum cut_result r = cut_quoted(k, at + 1, stop, cell);
        const char *p = *stop;
        if (r == CUT_ROW && p < k->end && *p != k->delimiter && *p != '\n' && *p != '\r') {
            return fault(k, "text follows a closing quote (a quote inside quotes must be doubled)");
        }
        return r;
    }
    *stop = find_special(at, k->end, k->delimiter);
    if (*stop < k->end && **stop == '"') {
        return fault(k, "a quote inside a cell that does not start with one");
    }
    *cell = (struct text){at, (size_t)(*stop - at)};
    return CUT_ROW;
}

static enum cut_result cut_row(struct cut *k, const char *at) {
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
    bool one_row = cut_row(&k, row.at) == CUT_ROW && k.next == k.end;
    *n_cells = k.n_cells;
    return one_row;
}

// --- Rows of a stream

static bool skip_byte_order_mark(struct csv *c) {
    static const char mark[3] = {'\xEF', '\xBB', '\xBF'};
    size_t n = c->end - c->start;
    if (n < sizeof mark && !c->finished && memcmp(c->buffer + c->start, mark, n) == 0) {
        return false; // cannot be told yet
    }
    if (n >= sizeof mark && memcmp(c->buffer + c->start, mark, sizeof mark) == 0) {
        c->start += sizeof mark;
    }
    c->started = true;
    return true;
}

// Passes over the rest of a line that was reported as too long. False: more bytes are needed.
static bool skip_line(struct csv *c) {
    const char *at = c->buffer + c->start, *end = c->buffer + c->end;
    const char *line_end = csv_find_line_end(at, (size_t)(end - at));
    const char *next = line_end != NULL ? csv_after_line_end(line_end, end, c->finished) : NULL;
    c->start = (size_t)((next != NULL ? next : line_end != NULL ? line_end : end) - c->buffer);
    c->line += next != NULL;
    c->skipping = next == NULL;
    return next != NULL;
}

// Reports a broken row and moves behind its first line.
static enum csv_next broken_row(struct csv *c, struct cut *k, struct csv_row *row) {
    const char *at = c->buffer + c->start;
    size_t n = c->end - c->start;
    const char *line_end = csv_find_line_end(at, n);
    const char *next = line_end != NULL ? csv_after_line_end(line_end, at + n, c->finished) : NULL;
    if (next == NULL && !c->finished && n <= CSV_ROW_MAX_BYTES) {
        return CSV_MORE;
    }
    *row = (struct csv_row){.cells = c->cells,
                            .n_cells = k->n_cells,
                            .raw = {at, line_end != NULL ? (size_t)(line_end - at) : n},
                            .line = c->line,
                            .problem = k->problem,
                            .broken = true};
    c->skipping = next == NULL;
    c->line += next != NULL;
    c->start = (size_t)((next != NULL ? next : line_end != NULL ? line_end : at + n) - c->buffer);
    return CSV_BAD_ROW;
}

// --- Quotes left open. By the grammar their cell holds the lines up to the next quote; those lines
// must not go without a word.

// The first cell of the cut that holds line ends: those before the fault, then the one in quotes
// that came last. *n_lines: how many it holds; 0: there is none.
static size_t csv_cell_of_lines(const struct cut *k, int64_t *n_lines) {
    for (size_t i = 0; i <= k->n_cells; i++) {
        struct text cell = i < k->n_cells ? k->cells[i] : k->last_quoted;
        *n_lines = cell.len > 0 ? csv_count_line_ends(cell.at, cell.at + cell.len) : 0;
        if (*n_lines > 0) {
            return i;
        }
    }
    return k->n_cells;
}

// A row that has a fault: when a quote before it took lines, it is told how many, and the row is
// cut down to the cells before that quote.
static enum csv_next csv_faulty_row(struct csv *c, struct cut *k, struct csv_row *row) {
    int64_t n = 0;
    size_t i = k->quoted ? csv_cell_of_lines(k, &n) : 0;
    if (n > 0) {
        bool open = k->problem == never_closed;
        char problem[sizeof c->problem];
        snprintf(problem, sizeof problem, "a quote is opened here and %s %lld line%s later%s%s",
                 open ? "not closed until the end," : "closed", (long long)n, n == 1 ? "" : "s",
                 open ? "" : ", ", open ? "" : k->problem);
        memcpy(c->problem, problem, sizeof problem);
        k->problem = c->problem;
        k->n_cells = i;
    }
    return broken_row(c, k, row);
}

static enum csv_next csv_wrong_width(struct csv *c, struct cut *k, struct csv_row *row) {
    snprintf(c->problem, sizeof c->problem, "the row has %zu cell%s, the header has %zu",
             k->n_cells, k->n_cells == 1 ? "" : "s", c->width);
    k->problem = row->problem = c->problem;
    return CSV_BAD_ROW;
}

static enum csv_next whole_row(struct csv *c, struct cut *k, struct csv_row *row) {
    const char *at = c->buffer + c->start;
    int64_t n_lines = k->quoted ? csv_count_line_ends(at, k->next) : 1;
    bool right = c->width == 0 || k->n_cells == c->width;
    if (n_lines > 1 && c->width != 0) {
        if (!right) {
            (void)csv_wrong_width(c, k, row);
            return csv_faulty_row(c, k, row);
        }
        size_t open = csv_open_quote(k->cells, k->n_cells, c->delimiter);
        if (open < k->n_cells) {
            k->problem = "but the lines between look like rows of their own (a quote inside quotes "
                         "must be doubled)";
            return csv_faulty_row(c, k, row);
        }
    }
    *row = (struct csv_row){.cells = c->cells,
                            .n_cells = k->n_cells,
                            .raw = {at, (size_t)(k->raw_end - at)},
                            .line = c->line};
    c->line += n_lines;
    c->start += (size_t)(k->next - at);
    return right ? CSV_ROW : csv_wrong_width(c, k, row);
}

static enum csv_next try_row(struct csv *c, struct csv_row *row) {
    size_t n = c->end - c->start;
    bool too_long = n > CSV_ROW_MAX_BYTES; // if no row ends within
    struct cut k = {.end = c->buffer + c->start + (too_long ? CSV_ROW_MAX_BYTES : n),
                    .final = c->finished && !too_long,
                    .delimiter = c->delimiter,
                    .cells = c->cells,
                    .max_cells = CSV_CELLS_MAX,
                    .scratch = c->scratch};
    switch (cut_row(&k, c->buffer + c->start)) {
    case CUT_ROW:
        return whole_row(c, &k, row);
    case CUT_FAULT:
        return csv_faulty_row(c, &k, row);
    default:
        if (!too_long) {
            return CSV_MORE;
        }
        k.problem = "the row is longer than 1 MiB (is a quote left open?)";
        return broken_row(c, &k, row);
    }
}

static bool is_blank(const struct csv_row *row) {
    return row->n_cells == 1 && row->raw.len == 0;
}

// The end of a line whose quotes all have their pair; NULL: more bytes are needed.
static const char *end_of_first_line(const struct csv *c, const char *at, const char *end) {
    bool inside = false;
    for (const char *p = at; p < end; p++) {
        inside ^= *p == '"';
        if (!inside && (*p == '\n' || *p == '\r')) {
            return p;
        }
    }
    bool whole = c->finished || (size_t)(end - at) > CSV_ROW_MAX_BYTES;
    if (whole && inside) { // one quote is wrong: what is certain is the line
        const char *line_end = csv_find_line_end(at, (size_t)(end - at));
        return line_end != NULL ? line_end : end;
    }
    return whole ? end : NULL;
}

enum csv_next csv_first_line(struct csv *c, struct text *line) {
    if (!c->started && !skip_byte_order_mark(c)) {
        return CSV_MORE;
    }
    const char *end = c->buffer + c->end;
    for (;;) {
        const char *at = c->buffer + c->start;
        const char *line_end = at < end ? end_of_first_line(c, at, end) : NULL;
        if (line_end == NULL) {
            return c->finished ? CSV_END : CSV_MORE;
        }
        *line = (struct text){at, (size_t)(line_end - at)};
        if (line->len > 0) {
            return CSV_ROW;
        }
        c->start++; // an empty line, or the second byte of a line's end
        c->line += *at == '\n' || at + 1 == end || at[1] != '\n';
    }
}

void csv_skip_first_line(struct csv *c) {
    const char *at = c->buffer + c->start, *end = c->buffer + c->end;
    const char *line_end = end_of_first_line(c, at, end);
    c->start += (size_t)(line_end - at);
}

enum csv_next csv_next(struct csv *c, struct csv_row *row) {
    if (!c->started && !skip_byte_order_mark(c)) {
        return CSV_MORE;
    }
    for (;;) {
        bool line_left = !c->skipping || skip_line(c);
        if (!line_left || c->start == c->end) {
            return c->finished ? CSV_END : CSV_MORE;
        }
        enum csv_next r = try_row(c, row);
        if (r == CSV_MORE || !is_blank(row)) {
            return r;
        }
    }
}
