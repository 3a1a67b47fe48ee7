// SPDX-License-Identifier: MIT
// 1. The bytes, and of a negative number its opposite's.
// 2. Its digits, the lowest first, by dividing the bytes by ten until nothing is left.
// 3. A sign, digits, a point before the last `scale` of them; with a negative scale zeros instead.
#include "format/connect_decimal.h"

#include "base/base64.h"

// 64 bytes have at most 155 digits.
enum { DIGITS_MAX = 160 };

static void negate(unsigned char *at, size_t n) {
    unsigned carry = 1;
    for (size_t i = n; i > 0; i--) {
        carry += (unsigned char)~at[i - 1];
        at[i - 1] = (unsigned char)carry;
        carry >>= 8;
    }
}

// Divides by ten in place; returns the remainder. *zero: nothing is left.
static unsigned divide_by_ten(unsigned char *at, size_t n, bool *zero) {
    unsigned rest = 0;
    *zero = true;
    for (size_t i = 0; i < n; i++) {
        rest = rest << 8 | at[i];
        at[i] = (unsigned char)(rest / 10);
        rest %= 10;
        *zero = *zero && at[i] == 0;
    }
    return rest;
}

size_t connect_decimal(struct text base64, int scale, char out[static DECIMAL_TEXT_MAX]) {
    unsigned char bytes[DECIMAL_BYTES_MAX + 1]; // one for the opposite of the lowest number
    char digits[DIGITS_MAX];
    size_t n_bytes, n = 0, len = 0;
    bool zero;
    if (scale > DECIMAL_SCALE_MAX || scale < -DECIMAL_SCALE_MAX ||
        !base64_decode(base64, (char *)bytes + 1, DECIMAL_BYTES_MAX, &n_bytes) || n_bytes == 0) {
        return 0;
    }
    bool negative = (bytes[1] & 0x80) != 0;
    bytes[0] = negative ? 0xFF : 0;
    if (negative) {
        negate(bytes, n_bytes + 1);
    }
    do {
        digits[n++] = (char)('0' + divide_by_ten(bytes, n_bytes + 1, &zero));
    } while (!zero);
    if (negative) {
        out[len++] = '-';
    }
    for (int i = (int)n > scale ? (int)n : scale + 1; i > 0; i--) {
        if (i == scale) {
            out[len++] = '.';
        }
        out[len++] = i > (int)n ? '0' : digits[i - 1];
    }
    for (; scale < 0 && !(n == 1 && digits[0] == '0'); scale++) {
        out[len++] = '0';
    }
    return len;
}
