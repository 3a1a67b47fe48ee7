// SPDX-License-Identifier: MIT
// One row of customers, wherever it comes from. Inside src/sums only.
#pragma once
#include "sums/customers.h"

enum { CUSTOMER_ID, CUSTOMER_SOURCE, CUSTOMER_STATE, CUSTOMER_FIELDS };
static const enum order_field customer_fields[CUSTOMER_FIELDS] = {FIELD_CUSTOMER_ID, FIELD_SOURCE,
                                                                  FIELD_STATE};

enum customer_row_result { CUSTOMER_ROW_ADDED, CUSTOMER_ROW_WRONG, CUSTOMER_ROW_NO_MEMORY };
struct customer_row_problem {
    char text[400]; // what is wrong with a row, for people
};

// Adds one row; `texts` are by CUSTOMER_ID and so on, absent where there is none. Unless ADDED
// nothing has changed; *p is set when WRONG.
MUST_CHECK enum customer_row_result customers_add_row(struct customers *c,
                                                      const struct text texts[CUSTOMER_FIELDS],
                                                      struct customer_row_problem *p);
