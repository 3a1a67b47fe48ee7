// SPDX-License-Identifier: MIT
// Inside the CSV reader: one row, cut into cells where it lies. Pure but for the struct; any
// thread.
#pragma once
#include "base/must.h"
#include "base/text.h"
#include <stdbool.h>

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
// Cuts the row at `at` into k->cells. CUT_MORE: it does not end before k->end, and more may come.
// CUT_FAULT: k->problem; the cells before the fault are there.
MUST_CHECK enum cut_result csv_cut_row(struct cut *k, const char *at);
extern const char csv_never_closed[]; // the problem of a quote that nothing closes
