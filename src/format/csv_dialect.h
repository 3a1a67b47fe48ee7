// SPDX-License-Identifier: MIT
// What the first lines of a CSV file say about how it is written. Pure functions, any thread.
#pragma once
#include "base/must.h"
#include "base/text.h"
#include "format/csv.h"

// "sep=;", the line that spreadsheets read and write. *delimiter: one of CSV_DELIMITERS; 0: another
// sign, which cannot be.
MUST_CHECK bool csv_is_sep_line(struct text line, char *delimiter);

enum { CSV_DELIMITERS_COUNT = sizeof CSV_DELIMITERS - 1 };
// The delimiters that stand in the row of column names outside quotes, the most frequent first; a
// comma alone when there is none. Returns how many.
size_t csv_delimiters_in(struct text header, char out[static CSV_DELIMITERS_COUNT]);
