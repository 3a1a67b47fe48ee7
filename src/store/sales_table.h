// SPDX-License-Identifier: MIT
// Rows of an answer by bucket and group, in the order in which they came. One thread.
#pragma once
#include "base/arena.h"
#include "store/sales_answer.h"

// Where a row is: its number + 1 (0: free), and half of its key's hash, which tells another's slot
// without a look at the row, and where to go when the table grows.
struct sales_slot {
    uint32_t number, hash;
};

// Zeroed: empty. Open addressing from a key's hash.
struct sales_table {
    struct sales_answer_row *rows;
    struct sales_slot *slots;
    size_t n, cap; // cap: of rows; twice as many slots
};

// The row of this key, made with zeros when it is new; its texts go into `texts`. NULL: no memory.
// Valid until the next call.
MUST_CHECK struct sales_answer_row *sales_table_row(struct sales_table *t, struct arena *texts,
                                                    const struct sales_row *key);
// The row of a key that is there.
struct sales_answer_row *sales_table_known(const struct sales_table *t,
                                           const struct sales_row *key);
// Rows from `first` on whose sums of the second range are all zero go.
void sales_table_drop_empty(struct sales_table *t, size_t first);
void sales_table_free(struct sales_table *t);
