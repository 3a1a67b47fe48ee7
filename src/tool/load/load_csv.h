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
    struct csv_binding binding;
    struct order_csv *parser;
    struct csv_groups *groups; // with --group-by
    struct error *err;
    bool told; // the bindings; a file that is read twice tells them once
};

// Reads more into the CSV reader.
MUST_CHECK bool load_csv_fill(struct csv_load *l, struct load_input *in, struct csv *csv);
// Before the first row: finds the delimiter, if the user wants to go on. False: the error.
MUST_CHECK bool load_csv_begin(struct csv_load *l, struct load_input *in, struct csv *csv);
// The row of column names: binds the fields and tells it.
MUST_CHECK bool load_csv_bind(struct csv_load *l, struct csv *csv, const struct csv_row *header);
// Puts the file's name before the error; always false.
bool load_csv_failed(struct csv_load *l);
