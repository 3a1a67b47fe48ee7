// SPDX-License-Identifier: MIT
// Eight characters at a time in one register (SWAR), for the money and timestamp readers: byte k of
// the word is character k, on any machine. Loads never touch a byte outside the given range, unless
// the caller says that there are more (`padded`).
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define SWAR_ZEROS UINT64_C(0x3030303030303030) // "00000000"
#define SWAR_HIGH_BITS UINT64_C(0x8080808080808080)
// Added to a byte, sets its high bit unless the byte is 0..9, or exactly 0.
#define SWAR_DIGIT UINT64_C(0x76)
#define SWAR_EXACT UINT64_C(0x7f)

static inline uint64_t load8(const char *at) {
    uint64_t w;
    memcpy(&w, at, sizeof w);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    w = __builtin_bswap64(w);
#endif
    return w;
}

static inline uint64_t load4(const char *at) {
    uint32_t w;
    memcpy(&w, at, sizeof w);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    w = __builtin_bswap32(w);
#endif
    return w;
}

static inline uint64_t load2(const char *at) {
    return (uint64_t)(unsigned char)at[0] | (uint64_t)(unsigned char)at[1] << 8;
}

// 1 to 8 characters, the last in the highest byte, filled up with '0' below: "7.5" is "000007.5".
static inline uint64_t load_right_aligned(const char *at, size_t len) {
    unsigned shift = 64 - 8 * (unsigned)len;
    uint64_t fill = SWAR_ZEROS >> (8 * ((unsigned)len - 1)) >> 8;
    if (len >= 4) { // two loads that overlap
        return load4(at + len - 4) << 32 | load4(at) << shift | fill;
    }
    if (len >= 2) {
        return load2(at + len - 2) << 48 | load2(at) << shift | fill;
    }
    return (uint64_t)(unsigned char)at[0] << 56 | fill;
}

// 1 to 8 characters as above, XOR zeros: digits are their values. `padded`, a constant: eight bytes
// may be read from `at` on, so that no branch on the length is needed, which nobody can guess.
static inline uint64_t load_digits(const char *at, size_t len, bool padded) {
    return padded ? (load8(at) ^ SWAR_ZEROS) << (64 - 8 * (unsigned)len)
                  : load_right_aligned(at, len) ^ SWAR_ZEROS;
}

// Marks, in their high bits, the bytes of `x` (characters XOR the wanted shape) that are wrong:
// `kinds` holds SWAR_DIGIT or SWAR_EXACT per byte. Only zero or not is exact: a wrong byte may mark
// its upper neighbour too.
static inline uint64_t swar_wrong(uint64_t x, uint64_t kinds) {
    return ((x + kinds) | x) & SWAR_HIGH_BITS;
}

// Adds up eight bytes 0..9, which are four pairs of digits: what each pair is worth is below 2^26,
// and the sum below 2^32.
static inline uint64_t swar_sum(uint64_t x, uint64_t first, uint64_t second, uint64_t third,
                                uint64_t fourth) {
    x = x * 10 + (x >> 8); // pairs in bytes 0, 2, 4, 6
    uint64_t first_and_third = (x & UINT64_C(0x000000ff000000ff)) * (first << 32 | third);
    uint64_t second_and_fourth = (x >> 16 & UINT64_C(0x000000ff000000ff)) * (second << 32 | fourth);
    return (first_and_third + second_and_fourth) >> 32;
}

// Value of eight bytes 0..9, the first character being the lowest byte and the highest digit.
static inline uint64_t swar_value(uint64_t x) {
    return swar_sum(x, 1000000, 10000, 100, 1);
}
