// SPDX-License-Identifier: MIT
// Currencies as small numbers, and the sum that guards all others against overflow.
#pragma once
#include "order/order.h"

enum { N_CURRENCIES = 26 * 26 * 26 };

// Whether a text is three capital letters.
bool currency_is(struct text name);
// Three capital letters as a number 0 .. N_CURRENCIES - 1, and back.
static inline int32_t currency_number(const char *letters) {
    return ((letters[0] - 'A') * 26 + (letters[1] - 'A')) * 26 + (letters[2] - 'A');
}
void currency_name(int32_t number, char out[static 4]);

// `most`, or what the order's lines add up to if that is more.
int64_t currency_gross_of_lines(const struct order *o, int64_t most);
// The largest amount by which any sum of its currency moves with this event: while the sum of these
// over all events fits into 64 bits, every other sum does.
static inline int64_t currency_gross_of(const struct order *o) {
    int64_t most = o->total_e4 < 0 ? -o->total_e4 : o->total_e4;
    most = o->subtotal_e4 > most ? o->subtotal_e4 : most;
    most = o->discount_e4 > most ? o->discount_e4 : most;
    most = o->shipping_e4 > most ? o->shipping_e4 : most;
    most = o->tax_e4 > most ? o->tax_e4 : most;
    return o->n_items == 0 ? most : currency_gross_of_lines(o, most);
}
// Why an event that would push that sum past 64 bits is rejected; always returns false.
bool currency_reject_overflow(const struct order *o, struct rejection *why);
