// SPDX-License-Identifier: MIT
// A streaming CSV reader (RFC 4180): bytes go in by chunks, rows come out. Cells are parted by
// commas or by what csv_set_delimiter says. Quotes, doubled quotes, delimiters and line ends inside
// quotes; a line ends with LF, CRLF or CR, whichever comes; a UTF-8 byte order mark, a last line
// without an end; empty lines are skipped. A row that breaks the grammar is reported and reading
// goes on; so is one whose quoted cell holds lines that look like rows (once csv_set_width has told
// how those look), since then a quote was left open. Memory is bounded: about 2 MiB a reader,
// whatever the input. One owner at a time.
#pragma once
#include "base/heap.h"
#include "base/must.h"
#include "base/text.h"
#include <stdint.h>

enum {
    CSV_ROW_MAX_BYTES = 1024 * 1024,
    CSV_CELLS_MAX = 1024,
};

struct csv_row {
    const struct text *cells; // unquoted, not trimmed; of a bad row: those before the fault
    size_t n_cells;
    struct text raw;     // as it came, without its line end; of a broken row: its first line
    int64_t line;        // where it starts, from 1
    const char *problem; // of a bad row: what is wrong, in words; else NULL
    bool broken;         // the grammar is broken; a bad row that is not has too many or too few
                         // cells
};

enum csv_next {
    CSV_ROW,
    CSV_BAD_ROW, // *row says which and why; the next call goes on behind it
    CSV_MORE,    // feed more bytes, or tell the end
    CSV_END,
};

struct csv;
MUST_CHECK struct csv *csv_new(const struct mem_heap *heap); // NULL when memory is refused
void csv_free(struct csv *c);                                // NULL is fine
void csv_reset(struct csv *c);                               // as new, for the next input

// Where to put the next bytes, and how many fit (never 0 after CSV_MORE). Ends the life of all
// rows.
MUST_CHECK char *csv_room(struct csv *c, size_t *n_bytes);
void csv_fed(struct csv *c, size_t n_bytes); // so many were put there; 0: the input has ended
// For callers that have the bytes already: copies at most what fits, returns how many.
size_t csv_feed(struct csv *c, struct text bytes);

// One of CSV_DELIMITERS, before the first csv_next. A comma unless it is told.
#define CSV_DELIMITERS ",;\t|"
void csv_set_delimiter(struct csv *c, char delimiter);
// Before the first csv_next: the first line that is not empty, without its end, as it stands: a
// line end inside quotes belongs to it. It stays to be read. CSV_ROW, or CSV_MORE, or CSV_END when
// there is none.
MUST_CHECK enum csv_next csv_first_line(struct csv *c, struct text *line);
void csv_skip_first_line(struct csv *c); // after CSV_ROW

// Rows with another number of cells are bad from now on (0: any number will do).
void csv_set_width(struct csv *c, size_t n_cells);

// *row borrows from the reader until the next csv_next, csv_room or csv_feed.
MUST_CHECK enum csv_next csv_next(struct csv *c, struct csv_row *row);

// Rows may be looked at before they are read: csv_mark, any number of csv_next, csv_go_back. What
// is in the reader is all that can be seen so: no csv_room between them.
void csv_mark(struct csv *c);
void csv_go_back(struct csv *c);

// Cuts one row held in memory, as csv_next gave it in `raw`, once more. `scratch` has room for
// row.len bytes; cells borrow from both. False when it is not one row or has more than max_cells.
MUST_CHECK bool csv_split(struct text row, char delimiter, struct text *cells, size_t max_cells,
                          size_t *n_cells, char *scratch);
