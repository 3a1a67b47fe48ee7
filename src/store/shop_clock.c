// SPDX-License-Identifier: MIT
// One year of a zone: where its clock stands at the beginning, and each change until the end.
#include "store/shop_clock.h"

#include "order/timestamp.h"

bool shop_clock_year_of(const struct zone *z, int year, struct shop_clock_year *out) {
    int64_t begin_s = (int64_t)days_from_civil(year, 1, 1) * 86400;
    int64_t end_s = (int64_t)days_from_civil(year + 1, 1, 1) * 86400;
    *out = (struct shop_clock_year){.year = year, .offset_s = zone_offset_s(z, begin_s)};
    struct shop_clock_change change = {.at_s = begin_s};
    while (zone_next_change(z, change.at_s, &change.at_s, &change.offset_s) &&
           change.at_s < end_s) {
        if (out->n_changes == SHOP_CLOCK_CHANGES) {
            return false;
        }
        out->changes[out->n_changes++] = change;
    }
    return true;
}
