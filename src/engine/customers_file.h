// SPDX-License-Identifier: MIT
// Customers from a file. The core makes them from bytes; opening and reading is done here.
#pragma once
#include "sums/customers.h"

// A CSV as sums/customers.h says. On failure nothing is kept, *out is NULL and `err` names file and
// row.
MUST_CHECK bool customers_load(const char *path, struct customers **out, struct error *err);
