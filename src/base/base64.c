// SPDX-License-Identifier: MIT
#include "base/base64.h"

#include <stdint.h>

static int base64_value(char c) {
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool base64_decode(struct text in, char *out, size_t cap, size_t *len) {
    while (in.len > 0 && in.at[in.len - 1] == '=') {
        in.len--;
    }
    uint32_t bits = 0;
    int n_bits = 0;
    size_t n = 0;
    for (size_t i = 0; i < in.len; i++) {
        int v = base64_value(in.at[i]);
        if (v < 0) {
            return false;
        }
        bits = bits << 6 | (uint32_t)v;
        n_bits += 6;
        if (n_bits >= 8) {
            n_bits -= 8;
            if (n == cap) {
                return false;
            }
            out[n++] = (char)(bits >> n_bits);
        }
    }
    *len = n;
    return n_bits < 6 && (bits & ((1U << n_bits) - 1)) == 0; // else it was cut off
}
