// SPDX-License-Identifier: MIT
// Sums of cells by what a question asks for, without sorting the cells: they come bucket by bucket,
// each with a number that stands for its names. The same for every store that numbers them. One
// thread.
//
// 1. A cell's number is looked up in the list of numbers; of a new one the caller says the names,
//    and they say to which group it belongs, or that the filters leave it out.
// 2. The measures are added to the group; the first cell of a bucket notes it.
// 3. When the bucket ends its groups are sorted by key and handed over.
#pragma once
#include "base/arena.h"
#include "store/sales_reader.h"

#define SALES_FOLD_LEFT_OUT UINT32_MAX

struct sales_fold {
    const struct sales_query *q;
    sales_row_fn each;
    void *user;
    bool done; // `each` has enough
    // Its own.
    struct arena texts;
    struct fold_group *groups;
    uint32_t *slots; // by key: number + 1; twice cap_groups
    size_t n_groups, cap_groups;
    uint32_t *of_id; // a cell's number: group + 1; 0: not known yet; SALES_FOLD_LEFT_OUT
    size_t cap_ids;
    uint32_t *touched; // groups of this bucket; room for cap_groups
    size_t n_touched;
    int64_t n_rows; // handed over
};

// Borrows `q`. No allocation.
struct sales_fold sales_fold_begin(const struct sales_query *q, sales_row_fn each, void *user);
void sales_fold_free(struct sales_fold *f);

// Of a cell's names (all that its table has) those that are asked for, into *key. False: the
// filters by source, state and currency leave it out.
MUST_CHECK bool sales_fold_choose(const struct sales_query *q, const struct sales_row *names,
                                  struct sales_row *key);
// Where the group of this number is kept; NULL: no memory. Valid until the next call.
MUST_CHECK uint32_t *sales_fold_of_id(struct sales_fold *f, uint32_t id);
// The group of this key + 1, made when it is new; 0: err tells. Copies the texts.
MUST_CHECK uint32_t sales_fold_group(struct sales_fold *f, const struct sales_row *key,
                                     struct error *err);
// The sum of a group (counted from 0) in this bucket, to be added to.
struct measures *sales_fold_sum(struct sales_fold *f, uint32_t group);
// Hands the groups of a bucket over and empties them. ERROR_USAGE when the rows are too many.
MUST_CHECK bool sales_fold_end_bucket(struct sales_fold *f, int32_t bucket, struct error *err);
// A row that is a cell as it is: counted and handed over.
MUST_CHECK bool sales_fold_pass(struct sales_fold *f, const struct sales_row *row,
                                struct error *err);
