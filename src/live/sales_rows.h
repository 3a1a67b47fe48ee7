// SPDX-License-Identifier: MIT
// Rows of sales as JSON and as CSV, from one table of columns. Pure.
#pragma once
#include "live/json.h"
#include "store/sales_answer.h"

// The measures of a sum as members: "orders":3,"units":5,...; of_products: the few that are kept by
// product.
void sales_measures_json(struct buf *out, const struct measures *m, bool of_products);
// A bucket's number as the API writes it: an instant, or a date.
void sales_bucket_json(struct buf *out, enum sales_bucket bucket, int32_t number);
// {"bucket":...,"source":...,...}
void sales_row_json(struct buf *out, const struct sales_query *q,
                    const struct sales_answer_row *row);

// The header row, then one row a call. A text that a spreadsheet would take for a formula (it
// begins with = + - @, a tab or a line end) has an apostrophe before it; numbers stay numbers.
void sales_header_csv(struct buf *out, const struct sales_query *q);
void sales_row_csv(struct buf *out, const struct sales_query *q,
                   const struct sales_answer_row *row);
