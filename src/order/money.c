// SPDX-License-Identifier: MIT
// Money from its digits, and back.
//
// Happy path: up to eight characters, at most four of them decimals ("123.45"), are read in one
// register without a branch per digit. Everything else takes the general way:
//   1. check the grammar and remember where the digits are (read_number);
//   2. find which digit is the last to keep, from the point and the exponent;
//   3. add up the kept digits and round by the first dropped one and whether anything follows it.
// No step depends on the value of the exponent or builds a number wider than 64 bits, so neither
// 1e999999999 nor a megabyte of digits costs more than reading its text.
//
// Fails with MONEY_NOT_A_NUMBER, _NEGATIVE or _TOO_LARGE; the outputs are then unchanged.
#include "order/money.h"

#include "order/digits.h"

enum {
    DECIMALS = 4,
    LIMIT_DIGITS = 16,    // digits of the largest amount, decimals included
    SHORT_MAX = 8,        // characters that fit one register
    EXPONENT_DIGITS = 18, // more of them are clamped: no text is long enough to make up for that
};

static const int64_t power_of_ten[DECIMALS + 1] = {1, 10, 100, 1000, 10000};

struct number { // in the JSON grammar; slices of the text
    bool negative;
    struct text whole;
    struct text fraction;
    int64_t exponent; // clamped to +-10^18
};

static inline bool is_digit(char c) {
    return (unsigned char)(c - '0') <= 9;
}

// "123.45" and the like, by far most amounts. False: take the general way.
static inline bool parse_short(struct text t, int64_t *out_e4) {
    if (t.len - 1 >= SHORT_MAX || (t.at[0] == '0' && t.len > 1 && t.at[1] != '.')) {
        return false;
    }
    uint64_t x = load_right_aligned(t.at, t.len) ^ SWAR_ZEROS;
    uint64_t others = swar_wrong(x, SWAR_DIGIT * UINT64_C(0x0101010101010101));
    if (others == 0) {
        *out_e4 = (int64_t)swar_value(x) * power_of_ten[DECIMALS];
        return true;
    }
    unsigned point = (unsigned)__builtin_ctzll(others) / 8; // the lowest mark is exact
    unsigned decimals = 7 - point;
    if ((others & (others - 1)) != 0 || (x >> (8 * point) & 0xff) != ('.' ^ '0') || decimals == 0 ||
        decimals > DECIMALS || decimals + 1 >= t.len) {
        return false;
    }
    uint64_t whole = x & ((UINT64_C(1) << (8 * point)) - 1);
    uint64_t fraction = x >> (8 * point + 8) << (8 * point + 8);
    *out_e4 = (int64_t)swar_value(whole << 8 | fraction) * power_of_ten[DECIMALS - decimals];
    return true;
}

static struct text take_digits(const char **at, const char *end) {
    struct text digits = {*at, 0};
    while (*at < end && is_digit(**at)) {
        ++*at;
    }
    digits.len = (size_t)(*at - digits.at);
    return digits;
}

// The exponent after its 'e'. False when there is no digit.
static bool take_exponent(const char **at, const char *end, int64_t *exponent) {
    bool minus = *at < end && **at == '-';
    if (*at < end && (**at == '-' || **at == '+')) {
        ++*at;
    }
    struct text digits = take_digits(at, end);
    if (digits.len == 0) {
        return false;
    }
    while (digits.len > 1 && digits.at[0] == '0') {
        digits.at++;
        digits.len--;
    }
    int64_t value = 0;
    if (digits.len > EXPONENT_DIGITS) {
        value = INT64_C(1000000000000000000);
    } else {
        for (size_t k = 0; k < digits.len; k++) {
            value = value * 10 + (digits.at[k] - '0');
        }
    }
    *exponent = minus ? -value : value;
    return true;
}

// JSON's grammar; `written`: also as people write numbers, with a plus, zeros before the first
// digit, or no digit on one side of the point.
static inline bool read_number(struct text t, bool written, struct number *n) {
    const char *at = t.at;
    const char *end = t.at + t.len;
    *n = (struct number){.negative = at < end && *at == '-', .fraction = {at, 0}};
    at += n->negative || (written && at < end && *at == '+') ? 1 : 0;
    n->whole = take_digits(&at, end);
    if (!written && (n->whole.len == 0 || (n->whole.at[0] == '0' && n->whole.len > 1))) {
        return false;
    }
    if (at < end && *at == '.') {
        at++;
        n->fraction = take_digits(&at, end);
        if (!written && n->fraction.len == 0) {
            return false;
        }
    }
    if (n->whole.len + n->fraction.len == 0) {
        return false;
    }
    if (at < end && (*at == 'e' || *at == 'E')) {
        at++;
        if (!take_exponent(&at, end, &n->exponent)) {
            return false;
        }
    }
    return at == end;
}

// Digit k of whole and fraction written as one row; zeros follow without end.
static inline int digit_at(const struct number *n, size_t k) {
    if (k < n->whole.len) {
        return n->whole.at[k] - '0';
    }
    k -= n->whole.len;
    return k < n->fraction.len ? n->fraction.at[k] - '0' : 0;
}

static size_t first_nonzero(const struct number *n, size_t from) {
    size_t n_digits = n->whole.len + n->fraction.len;
    while (from < n_digits && digit_at(n, from) == 0) {
        from++;
    }
    return from;
}

static enum money_result number_to_e4(const struct number *n, int64_t *out_e4, bool *rounded) {
    size_t n_digits = n->whole.len + n->fraction.len;
    size_t first = first_nonzero(n, 0);
    if (first == n_digits) { // zero, whatever its sign and exponent
        *out_e4 = 0;
        *rounded = false;
        return MONEY_OK;
    }
    if (n->negative) {
        return MONEY_NEGATIVE;
    }
    int64_t dropped_from = (int64_t)n->whole.len + n->exponent + DECIMALS;
    int64_t n_kept = dropped_from - (int64_t)first;
    if (n_kept > LIMIT_DIGITS) {
        return MONEY_TOO_LARGE;
    }
    if (n_kept < 0) { // below 0.00001
        *out_e4 = 0;
        *rounded = true;
        return MONEY_OK;
    }
    int64_t value = 0;
    for (size_t k = first; k < (size_t)dropped_from; k++) {
        value = value * 10 + digit_at(n, k);
    }
    int next = digit_at(n, (size_t)dropped_from);
    bool more = first_nonzero(n, (size_t)dropped_from + 1) < n_digits;
    if (next > 5 || (next == 5 && (more || value % 2 == 1))) {
        value++;
    }
    if (value >= MONEY_LIMIT_E4) {
        return MONEY_TOO_LARGE;
    }
    *out_e4 = value;
    *rounded = next != 0 || more;
    return MONEY_OK;
}

enum money_result money_parse(struct text digits, int64_t *out_e4, bool *rounded) {
    if (parse_short(digits, out_e4)) {
        *rounded = false;
        return MONEY_OK;
    }
    struct number n;
    if (digits.len == 0 || !read_number(digits, false, &n)) {
        return MONEY_NOT_A_NUMBER;
    }
    return number_to_e4(&n, out_e4, rounded);
}

enum money_result money_parse_text(struct text digits, int64_t *out_e4, bool *rounded) {
    struct number n;
    return read_number(digits, true, &n) ? number_to_e4(&n, out_e4, rounded) : MONEY_NOT_A_NUMBER;
}

size_t money_format(int64_t amount_e4, char out[static 24]) {
    uint64_t rest = amount_e4 < 0 ? 0 - (uint64_t)amount_e4 : (uint64_t)amount_e4;
    char reversed[24]; // 19 digits, the point, the sign
    size_t n = 0;
    for (int k = 0; k < DECIMALS; k++, rest /= 10) {
        reversed[n++] = (char)('0' + rest % 10);
    }
    reversed[n++] = '.';
    do {
        reversed[n++] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (amount_e4 < 0) {
        reversed[n++] = '-';
    }
    for (size_t k = 0; k < n; k++) {
        out[k] = reversed[n - 1 - k];
    }
    return n;
}

// Adds a digit at the end of a number that is kept negative: the range is larger on that side.
static bool append_digit(int64_t *negative, int digit) {
    return !__builtin_mul_overflow(*negative, 10, negative) &&
           !__builtin_sub_overflow(*negative, digit, negative);
}

bool money_read(struct text digits, int64_t *out_e4) {
    bool minus = digits.len > 0 && digits.at[0] == '-';
    int64_t value = 0; // negative
    int n_decimals = -1;
    size_t n_digits = 0;
    for (size_t i = minus; i < digits.len; i++) {
        char c = digits.at[i];
        if (c == '.' && n_decimals < 0 && n_digits > 0) {
            n_decimals = 0;
        } else if (c < '0' || c > '9' || n_decimals == DECIMALS || !append_digit(&value, c - '0')) {
            return false;
        } else {
            n_digits++;
            n_decimals += n_decimals >= 0;
        }
    }
    for (int k = n_decimals < 0 ? 0 : n_decimals; k < DECIMALS; k++) {
        if (!append_digit(&value, 0)) {
            return false;
        }
    }
    if (n_digits == 0 || n_decimals == 0 || (!minus && value == INT64_MIN)) {
        return false;
    }
    *out_e4 = minus ? value : -value;
    return true;
}
