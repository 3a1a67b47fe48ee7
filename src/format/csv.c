// SPDX-License-Identifier: MIT
// Streaming CSV.
//
// The happy path: bytes are read straight into the reader's buffer; a row is cut where it lies, its
// cells are slices of the buffer. Only a cell with doubled quotes is copied (to `scratch`). A row
// that is not complete yet is cut again from its start when more bytes have come.
//
// How a row fails: a quote where none may be, a quote never closed, too many cells, a row too long.
// Reading then goes on at the line after the row's *first* line, so that one stray quote costs one
// line and not the rest of the file. That cannot make the work quadratic: a line that leaves a
// quote open has an odd number of quotes, so a second such line closes the first one's quote.
#include "format/csv.h"

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
    bool finished; // the input has ended
    bool started;  // the byte order mark has been looked for
    bool skipping; // in the rest of a line that is too long
    char problem[128];
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

// --- Cutting one row

struct cut {
    const char *end; // of what may be read
    bool final;      // nothing comes after `end`
    bool stripped;   // and the row's line end is gone already
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
#define LOWS UINT64_C(0x7F7F7F7F7F7F7F7F)

// High bit set in exactly the bytes of x that are zero.
static inline uint64_t zero_bytes(uint64_t x) {
    return ~(((x & LOWS) + LOWS) | x | LOWS);
}

// The first comma, quote or line feed, or `end`; eight bytes at a time.
static inline const char *find_special(const char *at, const char *end) {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    while (end - at >= 8) {
        uint64_t word;
        memcpy(&word, at, sizeof word);
        uint64_t hits = zero_bytes(word ^ (ONES * ',')) | zero_bytes(word ^ (ONES * '\n')) |
                        zero_bytes(word ^ (ONES * '"'));
        if (hits != 0) {
            return at + __builtin_ctzll(hits) / 8;
        }
        at += 8;
    }
#endif
    while (at < end && *at != ',' && *at != '\n' && *at != '"') {
        at++;
    }
    return at;
}

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
            return k->final ? fault(k, "a quote is opened and never closed") : CUT_MORE;
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
        *cell = doubled ? unquote(k, from, quote) : (struct text){from, (size_t)(quote - from)};
        return CUT_ROW;
    }
}

// Behind a closing quote: a carriage return belongs to the line end that must follow it.
static enum cut_result after_quote(struct cut *k, const char **at) {
    const char *p = *at;
    if (p < k->end && *p == '\r' && !k->stripped) {
        if (p + 1 == k->end && !k->final) {
            return CUT_MORE;
        }
        if (p + 1 == k->end || p[1] == '\n') {
            p++;
        }
    }
    if (p < k->end && *p != ',' && *p != '\n') {
        return fault(k, "text follows a closing quote (a quote inside quotes must be doubled)");
    }
    *at = p;
    return CUT_ROW;
}

static enum cut_result cut_row(struct cut *k, const char *at) {
    for (;;) {
        struct text cell;
        const char *stop;
        if (at < k->end && *at == '"') {
            const char *closed = at;
            enum cut_result r = cut_quoted(k, at + 1, &closed, &cell);
            stop = closed;
            if (r == CUT_ROW) {
                r = after_quote(k, &stop);
            }
            if (r != CUT_ROW) {
                return r;
            }
        } else {
            stop = find_special(at, k->end);
            if (stop < k->end && *stop == '"') {
                return fault(k, "a quote inside a cell that does not start with one");
            }
            bool line_ends = stop == k->end || *stop == '\n';
            bool cr = line_ends && stop > at && stop[-1] == '\r' && !k->stripped;
            cell = (struct text){at, (size_t)(stop - at) - cr};
        }
        if (stop == k->end && !k->final) {
            return CUT_MORE;
        }
        if (k->n_cells == k->max_cells) {
            return fault(k, "too many cells");
        }
        k->cells[k->n_cells++] = cell;
        if (stop == k->end || *stop == '\n') {
            k->raw_end = stop > at && stop[-1] == '\r' ? stop - 1 : stop;
            k->next = stop < k->end ? stop + 1 : stop;
            return CUT_ROW;
        }
        at = stop + 1;
    }
}

bool csv_split(struct text row, struct text *cells, size_t max_cells, size_t *n_cells,
               char *scratch) {
    struct cut k = {.end = row.at + row.len,
                    .final = true,
                    .stripped = true,
                    .cells = cells,
                    .max_cells = max_cells,
                    .scratch = scratch};
    bool one_row = cut_row(&k, row.at) == CUT_ROW && k.next == k.end;
    *n_cells = k.n_cells;
    return one_row;
}

// --- Rows of a stream

static int64_t count_lines(const char *at, const char *end) {
    int64_t n = 0;
    while ((at = memchr(at, '\n', (size_t)(end - at))) != NULL) {
        at++;
        n++;
    }
    return n;
}

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
    const char *at = c->buffer + c->start;
    const char *lf = memchr(at, '\n', c->end - c->start);
    if (lf == NULL) {
        c->start = c->end;
        return false;
    }
    c->start += (size_t)(lf + 1 - at);
    c->line++;
    c->skipping = false;
    return true;
}

// Reports a broken row and moves behind its first line.
static enum csv_next broken_row(struct csv *c, struct cut *k, struct csv_row *row) {
    const char *at = c->buffer + c->start;
    size_t n = c->end - c->start;
    const char *lf = memchr(at, '\n', n);
    if (lf == NULL && !c->finished && n <= CSV_ROW_MAX_BYTES) {
        return CSV_MORE;
    }
    size_t len = lf != NULL ? (size_t)(lf - at) : n;
    *row = (struct csv_row){.cells = c->cells,
                            .n_cells = k->n_cells,
                            .raw = {at, len > 0 && at[len - 1] == '\r' ? len - 1 : len},
                            .line = c->line,
                            .problem = k->problem,
                            .broken = true};
    c->skipping = lf == NULL;
    c->line += lf != NULL;
    c->start += lf != NULL ? len + 1 : len;
    return CSV_BAD_ROW;
}

static enum csv_next whole_row(struct csv *c, struct cut *k, struct csv_row *row) {
    const char *at = c->buffer + c->start;
    *row = (struct csv_row){.cells = c->cells,
                            .n_cells = k->n_cells,
                            .raw = {at, (size_t)(k->raw_end - at)},
                            .line = c->line};
    c->line += k->quoted ? count_lines(at, k->next) : 1;
    c->start += (size_t)(k->next - at);
    if (c->width == 0 || k->n_cells == c->width) {
        return CSV_ROW;
    }
    snprintf(c->problem, sizeof c->problem, "the row has %zu cell%s, the header has %zu",
             k->n_cells, k->n_cells == 1 ? "" : "s", c->width);
    row->problem = c->problem;
    return CSV_BAD_ROW;
}

static enum csv_next try_row(struct csv *c, struct csv_row *row) {
    size_t n = c->end - c->start;
    bool too_long = n > CSV_ROW_MAX_BYTES; // if no row ends within
    struct cut k = {.end = c->buffer + c->start + (too_long ? CSV_ROW_MAX_BYTES : n),
                    .final = c->finished && !too_long,
                    .cells = c->cells,
                    .max_cells = CSV_CELLS_MAX,
                    .scratch = c->scratch};
    switch (cut_row(&k, c->buffer + c->start)) {
    case CUT_ROW:
        return whole_row(c, &k, row);
    case CUT_FAULT:
        return broken_row(c, &k, row);
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
