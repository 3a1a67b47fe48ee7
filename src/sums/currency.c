// SPDX-License-Identifier: MIT
#include "sums/currency.h"

bool currency_is(struct text name) {
    bool capitals = name.len == 3;
    for (size_t i = 0; capitals && i < 3; i++) {
        capitals = name.at[i] >= 'A' && name.at[i] <= 'Z';
    }
    return capitals;
}

void currency_name(int32_t number, char out[static 4]) {
    out[0] = (char)('A' + number / 676);
    out[1] = (char)('A' + number / 26 % 26);
    out[2] = (char)('A' + number % 26);
    out[3] = '\0';
}

int64_t currency_gross_of_lines(const struct order *o, int64_t most) {
    int64_t lines = 0;
    for (uint32_t i = 0; i < o->n_items; i++) {
        lines += o->items[i].subtotal_e4; // 200 lines below 10^16 each: fits
    }
    return lines > most ? lines : most;
}

bool currency_reject_overflow(const struct order *o, struct rejection *why) {
    return reject(why, "total", REJECT_OVERFLOW,
                  "the sums in %s would no longer fit into 15 digits before the decimal point",
                  o->currency);
}
