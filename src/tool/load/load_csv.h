// SPDX-License-Identifier: MIT
// Inside the reading of CSV files: how one file is written, found from its first lines
// (load_csv_head.c), for the rows (load_csv.c).
#pragma once
#include "format/csv_groups.h"
#include "format/order_csv.h"
#include "tool/load/load_file.h"

// The work on one file; `err` is the caller's.
struct csv_load {
    const struct load_job *job;
    struct csv_fields *fields; // what was asked for, and what a preset adds to it
    struct csv_binding binding;
    struct zone *zone;        // of --times-in; NULL: the shop's
    struct order_rules rules; // with it
    struct order_csv *parser;
    struct csv_groups *groups; // with --group-by
    struct error *err;
    size_t n_titles; // lines before the row of column names
    bool chosen;     // a preset, or none
    bool told;       // the bindings; a file that is read twice tells them once
};

// Reads more into the CSV reader.
MUST_CHECK bool load_csv_fill(struct csv_load *l, struct load_input *in, struct csv *csv);
// Before the first row: finds which export it is, and the delimiter, if the user wants to go on.
// False: the error.
MUST_CHECK bool load_csv_begin(struct csv_load *l, struct load_input *in, struct csv *csv);
// The row of column names: binds the fields and, of a file that is read twice once only, tells it
// and tries the bindings on the first rows.
MUST_CHECK bool load_csv_bind(struct csv_load *l, struct load_input *in, struct csv *csv,
                              const struct csv_row *header);
// Are amounts that were found by their names what they are taken for (load_csv_trial.c), and dates
// (load_csv_dates.c)? False: the error. Ends the life of all rows.
MUST_CHECK bool load_csv_try(struct csv_load *l, struct load_input *in, struct csv *csv);
// Are its dates written day and month the other way round than is told? False: the error. Looks at
// what is in the reader only.
MUST_CHECK bool load_csv_try_dates(struct csv_load *l, struct csv *csv);
// The rules that the file's orders are read by.
const struct order_rules *load_csv_rules(const struct csv_load *l);
// Puts the file's name before the error; always false.
bool load_csv_failed(struct csv_load *l);
