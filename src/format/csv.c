// SPDX-License-Identifier: MIT
// Streaming CSV.
//
// The happy path: bytes are read straight into the reader's buffer; a row is cut where it lies
// (csv_cut.c). A row that is not complete yet is cut again from its start when more bytes have
// come.
//
// How a row fails: a quote where none may be, a quote never closed or only by that of a later row
// (the lines between look like rows of the file), too many cells, a row too long. Reading then goes
// on at the line after the row's *first* line, so that one stray quote costs one line and not the
// rest of the file. That cannot make the work quadratic: a line that leaves a quote open has an odd
// number of quotes, so a second such line closes the first one's quote.
#include "format/csv.h"

#include "format/csv_cut.h"
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
    struct {
        size_t start;
        int64_t line;
        bool skipping;
    } mark; // where csv_go_back goes to
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
        bool open = k->problem == csv_never_closed;
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
    switch (csv_cut_row(&k, c->buffer + c->start)) {
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

void csv_mark(struct csv *c) {
    c->mark.start = c->start;
    c->mark.line = c->line;
    c->mark.skipping = c->skipping;
}

void csv_go_back(struct csv *c) {
    c->start = c->mark.start;
    c->line = c->mark.line;
    c->skipping = c->mark.skipping;
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
        const char *next = csv_after_line_end(at, end, c->finished);
        if (next == NULL) {
            return CSV_MORE;
        }
        c->start += (size_t)(next - at);
        c->line++;
    }
}

void csv_skip_first_line(struct csv *c) {
    const char *at = c->buffer + c->start, *end = c->buffer + c->end;
    const char *line_end = end_of_first_line(c, at, end);
    if (line_end != NULL) { // its end is an empty line now
        c->line += csv_count_line_ends(at, line_end);
        c->start += (size_t)(line_end - at);
    }
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
