// SPDX-License-Identifier: MIT
// Rows that are left out (--skip): those that have certain values in one column. Pure functions,
// any thread.
#pragma once
#include "base/error.h"
#include "base/must.h"
#include "base/text.h"

struct csv_skip {
    struct text column;
    struct text values; // "VALUE,VALUE", a part with a comma in it in double quotes
    bool others;        // rows that have none of them are left out
    bool by_preset;     // for whoever reads it from one
};

// Reads "COLUMN=VALUE,VALUE" or "COLUMN!=VALUE,VALUE"; *out borrows from it.
MUST_CHECK bool csv_skip_read(struct text rule, struct csv_skip *out, struct error *err);
// Is a row with this cell left out? Outer white space and the case of letters do not count.
MUST_CHECK bool csv_skip_fits(const struct csv_skip *s, struct text cell);
