// SPDX-License-Identifier: MIT
// Prices of one piece, times quantities.
//
// quantity * unit_price is multiplied digit by digit on the text, so it is exact for prices of any
// length, and rounded once, when it is read as an amount.
#include "order/price.h"

#include "order/money.h"

// quantity * price; price is a number as people write it, not negative. TEXT_NONE when memory is
// refused.
static struct text multiply(struct text price, int64_t quantity, struct arena *arena) {
    const char *at = price.at + (price.len > 0 && (price.at[0] == '-' || price.at[0] == '+'));
    const char *end = price.at + price.len;
    const char *exponent = at;
    while (exponent < end && *exponent != 'e' && *exponent != 'E') {
        exponent++;
    }
    enum { CARRY_DIGITS = 20 };
    size_t room = (size_t)(end - at) + CARRY_DIGITS;
    char *out = arena_try_bytes(arena, room);
    if (out == NULL) {
        return TEXT_NONE;
    }
    char *to = out + room - (end - exponent);
    memcpy(to, exponent, (size_t)(end - exponent));
    uint64_t carry = 0;
    for (const char *p = exponent; p > at;) {
        p--;
        if (*p == '.') {
            *--to = '.';
            continue;
        }
        carry += (uint64_t)(*p - '0') * (uint64_t)quantity;
        *--to = (char)('0' + carry % 10);
        carry /= 10;
    }
    for (; carry > 0; carry /= 10) {
        *--to = (char)('0' + carry % 10);
    }
    while (to[0] == '0' && to + 1 < out + room && to[1] >= '0' && to[1] <= '9') {
        to++;
    }
    return (struct text){to, (size_t)(out + room - to)};
}

// Is this spelling a price that can be multiplied?
static bool check_price(struct text price, enum value_kind kind, const char *field,
                        struct rejection *why) {
    int64_t price_e4;
    bool rounded;
    switch (kind == VALUE_TEXT ? money_parse_text(price, &price_e4, &rounded)
                               : money_parse(price, &price_e4, &rounded)) {
    case MONEY_OK:
        return true;
    case MONEY_NEGATIVE:
        return reject(why, field, REJECT_NEGATIVE, "must not be below zero: '%s'",
                      excerpt_of(price).text);
    case MONEY_TOO_LARGE:
        return reject(why, field, REJECT_RANGE, "must be below 10^12: '%s'",
                      excerpt_of(price).text);
    default:
        return reject(why, field, REJECT_MALFORMED, "not an amount such as 12.50: '%s'",
                      excerpt_of(price).text);
    }
}

bool price_times(struct text price, enum value_kind kind, int64_t quantity, const char *field,
                 struct arena *arena, struct rejection *why, bool *no_memory, struct text *out) {
    if (!check_price(price, kind, field, why)) {
        return false;
    }
    *out = multiply(price, quantity, arena);
    *no_memory = out->at == NULL;
    return !*no_memory;
}
