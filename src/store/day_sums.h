// SPDX-License-Identifier: MIT
// Sums of days by the numbers of their names (day_names.h): as they are kept, and as they are added
// up. Pure.
#pragma once
#include "store/sales_reader.h"

enum day_kind { DAY_GROUPS, DAY_PRODUCTS, DAY_KINDS };
// Of a group as struct measures has them, in its order; of a product orders, units and total.
enum { DAY_GROUP_MEASURES = 10, DAY_PRODUCT_MEASURES = 3 };
static inline size_t day_measures(enum day_kind kind) {
    return kind == DAY_PRODUCTS ? DAY_PRODUCT_MEASURES : DAY_GROUP_MEASURES;
}
// Adds; sums wrap, since the engine has refused what could overflow.
void day_measures_add(struct measures *to, enum day_kind kind, const int64_t *sums);
void day_measures_put(const struct measures *from, enum day_kind kind, int64_t *sums);

// Of some days: a row for each name that has cells there.
struct day_node {
    uint32_t n;            // rows, in the order of their numbers
    const uint32_t *names; // numbers of them
    const int64_t *sums;   // of each row day_measures(kind)
};

// Nodes added up. One of a number has its sums at number * day_measures(kind).
struct day_sums {
    enum day_kind kind;
    uint32_t n_names; // numbers below it
    uint32_t n;       // of them that have sums
    bool *has;        // by number
    int64_t *sums;
};
// All zero, for numbers below n_names. False: no memory.
MUST_CHECK bool day_sums_begin(struct day_sums *s, enum day_kind kind, uint32_t n_names);
void day_sums_add(struct day_sums *s, const struct day_node *node); // its numbers are below
void day_sums_free(struct day_sums *s);
