// SPDX-License-Identifier: MIT
// Which characters a text holds, looked at eight bytes at a time: ids and names are short and every
// order has several, so this is on the hot path. Pure functions that never read outside the text.
#pragma once
#include "base/text.h"
#include <stdint.h>

#define EACH_BYTE(b) (UINT64_C(0x0101010101010101) * (b))

// The word of the 1 to 8 bytes at `at`: some come twice when there are fewer than eight.
static inline uint64_t word_of(const char *at, size_t n) {
    uint64_t word;
    if (n == 8) {
        memcpy(&word, at, 8);
        return word;
    }
    if (n >= 4) {
        uint32_t low, high;
        memcpy(&low, at, 4);
        memcpy(&high, at + n - 4, 4);
        return low | (uint64_t)high << 32;
    }
    const unsigned char *s = (const unsigned char *)at;
    uint64_t few = (uint64_t)s[0] | (uint64_t)s[n / 2] << 8 | (uint64_t)s[n - 1] << 16;
    return few | (EACH_BYTE(0x20) & ~UINT64_C(0xFFFFFF));
}

static inline uint64_t not_printable_ascii(uint64_t word) {
    uint64_t below_space = ~((word | EACH_BYTE(0x80)) - EACH_BYTE(0x20));
    uint64_t above_tilde = (word & ~EACH_BYTE(0x80)) + EACH_BYTE(0x01);
    return (word | below_space | above_tilde) & EACH_BYTE(0x80);
}

static inline uint64_t control_character(uint64_t word) {
    uint64_t below_space = (word - EACH_BYTE(0x20)) & ~word;
    uint64_t from_delete = word ^ EACH_BYTE(0x7F);
    uint64_t delete = (from_delete - EACH_BYTE(0x01)) & ~from_delete;
    return (below_space | delete) & EACH_BYTE(0x80);
}

// `t` is not empty.
static inline bool is_printable_ascii(struct text t) {
    for (; t.len > 8; t.at += 8, t.len -= 8) {
        if (not_printable_ascii(word_of(t.at, 8)) != 0) {
            return false;
        }
    }
    return not_printable_ascii(word_of(t.at, t.len)) == 0;
}

// `t` is not empty.
static inline bool has_control_character(struct text t) {
    for (; t.len > 8; t.at += 8, t.len -= 8) {
        if (control_character(word_of(t.at, 8)) != 0) {
            return true;
        }
    }
    return control_character(word_of(t.at, t.len)) != 0;
}
