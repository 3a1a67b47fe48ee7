// SPDX-License-Identifier: MIT
#include "base/hex.h"

void hex_write(const void *bytes, size_t n, char *out) {
    const unsigned char *at = bytes;
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = "0123456789abcdef"[at[i] >> 4];
        out[2 * i + 1] = "0123456789abcdef"[at[i] & 15];
    }
    out[2 * n] = '\0';
}

static int digit_value(char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool hex_read(struct text digits, void *out, size_t n) {
    unsigned char *at = out;
    if (digits.len != 2 * n) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        int high = digit_value(digits.at[2 * i]), low = digit_value(digits.at[2 * i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        at[i] = (unsigned char)(high << 4 | low);
    }
    return true;
}
