// SPDX-License-Identifier: MIT
#include "sums/currency.h"

bool currency_is(struct text name) {
    bool capitals = name.len == 3;
    for (size_t i = 0; capitals && i < 3; i++) {
        capitals = name.at[i] >= 'A' && name.at[i] <= 'Z';
    }
    return capitals;
}

int32_t currency_number(const char *letters) {
    return ((letters[0] - 'A') * 26 + (letters[1] - 'A')) * 26 + (letters[2] - 'A');
}

void currency_name(int32_t number, char out[static 4]) {
    out[0] = (char)('A' + number / 676);
    out[1] = (char)('A' + number / 26 % 26);
    out[2] = (char)('A' + number % 26);
    out[3] = '\0';
}

int64_t currency_gross_of(const struct order *o) {
    int64_t most = o->total_e4 < 0 ? -o->total_e4 : o->total_e4, lines = 0;
    const int64_t others[] = {o->subtotal_e4, o->discount_e4, o->shipping_e4, o->tax_e4};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        most = others[i] > most ? others[i] : most;
    }
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
