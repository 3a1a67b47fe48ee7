// SPDX-License-Identifier: MIT
// The whole answer of a sales question, from what a store answers for its ranges: the largest
// groups with the rest as one, their order, and the sums of the range that it is compared with. The
// same code for every store.
#pragma once
#include "order/zone.h"
#include "store/sales_reader.h"

struct sales_answer_row {
    struct sales_row row;   // the rest: no source, state and product
    int64_t n_others;       // > 0: this is the rest, of so many groups
    int32_t rank;           // from 1 within its currency; 0: the rest, or none was asked for
    struct measures before; // of the second range
    // Within the second range; 0: nothing was sold there, or there is none.
    int32_t rank_before;
};
typedef bool (*sales_answer_fn)(void *user, const struct sales_answer_row *row);

// What was asked for in the end.
struct sales_answer {
    int32_t compare_to;     // the first bucket after the second range
    int64_t compare_end_ms; // where the second range was cut; INT64_MAX: it was not
};

// Asks within the caller's snapshot (begin and end), since it may ask several times. Rows come by
// bucket; within it by key, or by rank with the rest of a currency last. ERROR_USAGE when there
// would be more than max_rows. `zone` says when days begin.
MUST_CHECK bool sales_answer(struct sales_reader *r, const struct sales_query *q,
                             const struct zone *zone, sales_answer_fn each, void *user,
                             struct sales_answer *out, struct error *err);
