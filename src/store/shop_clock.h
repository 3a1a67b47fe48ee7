// SPDX-License-Identifier: MIT
// The table shop_clock: what a view needs to show an instant in the shop's local time, as databases
// do not all know time zones. A row for each year (of UTC) in which orders can be; found by
// equality, so that no view has to search. Pure.
#pragma once
#include "order/zone.h"

enum { SHOP_CLOCK_FIRST_YEAR = 1970, SHOP_CLOCK_LAST_YEAR = 2200, SHOP_CLOCK_CHANGES = 4 };

struct shop_clock_year {
    int year;
    int32_t offset_s; // to be added to UTC at its beginning
    int n_changes;
    struct shop_clock_change {
        int64_t at_s; // from this second since 1970 on
        int32_t offset_s;
    } changes[SHOP_CLOCK_CHANGES];
};

// False: the zone changes its clock more often than that in this year, which no real one does; the
// year is to be left out, and has no local time in views.
bool shop_clock_year_of(const struct zone *z, int year, struct shop_clock_year *out);

// For both dialects: the seconds to add to `t`, of the row `z`, whose columns are
// utc_year, offset_s, change_1, offset_1_s ... change_4, offset_4_s (NULL: no such change).
#define SHOP_CLOCK_OFFSET(t)                                                                       \
    "CASE WHEN " t " >= z.change_4 THEN z.offset_4_s WHEN " t " >= z.change_3 THEN z.offset_3_s "  \
    "WHEN " t " >= z.change_2 THEN z.offset_2_s WHEN " t " >= z.change_1 THEN z.offset_1_s "       \
    "ELSE z.offset_s END"
