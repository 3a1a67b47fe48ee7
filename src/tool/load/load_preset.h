// SPDX-License-Identifier: MIT
// Presets for the loader: the one that a file's row of column names is, put into its options. Main
// thread.
#pragma once
#include "tool/load/load_file.h"

// `line` is the row of column names; `delimiter` parts it, 0: that is to be found. `own` is a copy
// of what the user asked for, with an arena of its own; a preset's options are added to it, and
// that is told. False: the error.
MUST_CHECK bool load_preset_choose(const struct load_job *job, struct text line, char delimiter,
                                   struct csv_fields *own, struct error *err);
// Is it the row of column names of an order, or of a preset? Nothing is told.
MUST_CHECK bool load_preset_is_header(const struct load_job *job, struct text line, char delimiter,
                                      struct csv_fields *own);
// Is there nothing but delimiters and empty quotes in this line?
bool load_line_is_empty(struct text line);
