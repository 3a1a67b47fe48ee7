// SPDX-License-Identifier: MIT
// The rows of the panels of sums: what was read, added up for each panel, and what of it is shown.
// One thread.
#pragma once
#include "live/panels.h"

// A name's number in the book; 0: absent, or the others.
typedef uint32_t panel_name;

struct panel_row {
    int32_t days_ago, bucket;
    panel_name source, state;
    int64_t n_others; // > 0: so many groups are in it that are not shown by themselves
    struct live_sum sum;
};

// Rows by key: open addressing from a key's hash to its number. A zeroed struct is empty.
struct panel_rows {
    struct panel_row *at;
    size_t n, cap;
    uint32_t *slots; // number + 1; twice cap
    bool too_many;   // more groups than are read: there are no rows
};

struct panel_book;
MUST_CHECK struct panel_book *panel_book_new(void);
void panel_book_free(struct panel_book *b); // NULL is fine
// Everything is forgotten, names too: numbers mean others from here on (generation).
void panel_book_clear(struct panel_book *b);
// It holds so many names that it is time to clear it and to read all anew.
bool panel_book_is_full(const struct panel_book *b);

// Reads a span's sums of the buckets [from, to), which are forgotten first (from to, any: those of
// a span without buckets), and adds them to its panels. Buckets are kept less `origin`. False: the
// reader failed. More groups than are read is no failure: the panels say so.
struct panel_range {
    int32_t from, to, origin, days_ago;
};
MUST_CHECK bool panel_book_read(struct panel_book *b, struct sales_reader *r, enum panel_span span,
                                struct panel_range range, const char *currency, struct error *err);
// The same in two steps, for who reads the rows anyway: forget, then add each.
void panel_book_forget(struct panel_book *b, enum panel_span span, struct panel_range range);
void panel_book_add(struct panel_book *b, enum panel_span span, const struct sales_row *row);
// Panels of a span of which whoever reads has found too many groups, each asked by itself.
MUST_CHECK bool panel_book_read_apart(struct panel_book *b, struct sales_reader *r,
                                      enum panel_span span, struct panel_range range,
                                      const char *currency, struct error *err);
// Buckets below `from` are over: a window has moved on.
void panel_book_expire(struct panel_book *b, enum panel_span span, int32_t from);

// Makes what is shown of the panels that have changed since the last time: the largest, the others
// added up, sorted by key.
void panel_book_show(struct panel_book *b);
// Of a panel of rows, by its place in the table. Valid until the next call.
const struct panel_rows *panel_book_shown(const struct panel_book *b, size_t panel);
struct text panel_book_name(const struct panel_book *b, panel_name name);
uint64_t panel_book_generation(const struct panel_book *b);
