// SPDX-License-Identifier: MIT
// Money: a signed 64-bit count of ten-thousandths of the currency unit (DECIMAL(19,4)), named *_e4.
// Never a float. Pure functions, any thread.
#pragma once
#include "base/must.h"
#include "base/text.h"
#include <stdint.h>

enum money_result {
    MONEY_OK,
    MONEY_NOT_A_NUMBER, // not the JSON number grammar (RFC 8259 section 6): "", NaN, 0x1, 1., +1
    MONEY_NEGATIVE,     // below zero; -0 in any spelling is zero
    MONEY_TOO_LARGE,    // 10^12 or more after rounding
};

#define MONEY_LIMIT_E4 (INT64_C(1000000000000) * 10000) // exclusive

// Reads a decimal in the JSON number grammar, exponent included, of any length. Digits past the
// fourth decimal are rounded half to even; *rounded tells whether anything but zeros was dropped.
// out_e4: 0 .. MONEY_LIMIT_E4 - 1.
MUST_CHECK enum money_result money_parse(struct text digits, int64_t *out_e4, bool *rounded);

// The same of a text that people or spreadsheets wrote: also "+5", "05.00", ".50" and "5.", which
// JSON's numbers are not, and which have one meaning all the same.
MUST_CHECK enum money_result money_parse_text(struct text digits, int64_t *out_e4, bool *rounded);

// Exactly four decimals, for example "-12.3400". Writes at most 24 bytes, no zero at the end;
// returns the length.
size_t money_format(int64_t amount_e4, char out[static 24]);

// Reads back what money_format wrote, and other plain decimals of the whole range with at most four
// decimals, as a database writes them: "-12.34". False when it is none, or does not fit.
MUST_CHECK bool money_read(struct text digits, int64_t *out_e4);

// *sum_e4 += amount_e4. False, and *sum_e4 unchanged, when that would overflow.
MUST_CHECK static inline bool money_add(int64_t *sum_e4, int64_t amount_e4) {
    int64_t sum;
    if (__builtin_add_overflow(*sum_e4, amount_e4, &sum)) {
        return false;
    }
    *sum_e4 = sum;
    return true;
}
