// SPDX-License-Identifier: MIT
// Currencies as small numbers, and the sum that guards all others against overflow.
#pragma once
#include "order/order.h"

enum { N_CURRENCIES = 26 * 26 * 26 };

// Whether a text is three capital letters.
bool currency_is(struct text name);
// Three capital letters as a number 0 .. N_CURRENCIES - 1, and back.
int32_t currency_number(const char *letters);
void currency_name(int32_t number, char out[static 4]);

// The largest amount by which any sum of its currency moves with this event: while the sum of these
// over all events fits into 64 bits, every other sum does.
int64_t currency_gross_of(const struct order *o);
// Why an event that would push that sum past 64 bits is rejected; always returns false.
bool currency_reject_overflow(const struct order *o, struct rejection *why);
