// SPDX-License-Identifier: MIT
// Text slices: trimming, counting and checking UTF-8. Pure functions over (base, length): no state,
// no allocation, never a byte read past the end.
#include "base/text.h"

#include <stdint.h>

static bool is_space(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

struct text text_trim(struct text t) {
    while (t.len > 0 && is_space(t.at[0])) {
        t.at++;
        t.len--;
    }
    while (t.len > 0 && is_space(t.at[t.len - 1])) {
        t.len--;
    }
    return t;
}

size_t text_characters(struct text t) {
    size_t n = 0;
    for (size_t i = 0; i < t.len; i++) {
        n += ((unsigned char)t.at[i] & 0xC0) != 0x80;
    }
    return n;
}

// Length of the well-formed sequence at s (Unicode 15, table 3-7), 0 if there is none.
static size_t utf8_sequence(const unsigned char *s, size_t left) {
    unsigned char c = s[0];
    if (c >= 0xC2 && c <= 0xDF) {
        return left >= 2 && (s[1] & 0xC0) == 0x80 ? 2 : 0;
    }
    if (c >= 0xE0 && c <= 0xEF) {
        unsigned char low = c == 0xE0 ? 0xA0 : 0x80;
        unsigned char high = c == 0xED ? 0x9F : 0xBF;
        return left >= 3 && s[1] >= low && s[1] <= high && (s[2] & 0xC0) == 0x80 ? 3 : 0;
    }
    if (c >= 0xF0 && c <= 0xF4) {
        unsigned char low = c == 0xF0 ? 0x90 : 0x80;
        unsigned char high = c == 0xF4 ? 0x8F : 0xBF;
        return left >= 4 && s[1] >= low && s[1] <= high && (s[2] & 0xC0) == 0x80 &&
                       (s[3] & 0xC0) == 0x80
                   ? 4
                   : 0;
    }
    return 0;
}

bool text_is_utf8(struct text t) {
    const unsigned char *s = (const unsigned char *)t.at;
    size_t i = 0;
    while (i < t.len) {
        if (i + 8 <= t.len) { // eight ASCII bytes at a time: nearly all real text
            uint64_t word;
            memcpy(&word, s + i, sizeof word);
            if ((word & UINT64_C(0x8080808080808080)) == 0) {
                i += 8;
                continue;
            }
        }
        if (s[i] < 0x80) {
            i++;
            continue;
        }
        size_t n = utf8_sequence(s + i, t.len - i);
        if (n == 0) {
            return false;
        }
        i += n;
    }
    return true;
}

// U+061C, U+200E/F, U+2028..E and U+2066..9 turn or break the line that shows them; U+FEFF is
// invisible. `s` is a whole character of n bytes.
static bool may_be_shown(const unsigned char *s, size_t n) {
    bool c1_control = s[0] == 0xC2 && s[1] < 0xA0;
    bool turns_line =
        (s[0] == 0xD8 && s[1] == 0x9C) ||
        (n == 3 && s[0] == 0xE2 &&
         ((s[1] == 0x80 && (s[2] == 0x8E || s[2] == 0x8F || (s[2] >= 0xA8 && s[2] <= 0xAE))) ||
          (s[1] == 0x81 && s[2] >= 0xA6 && s[2] <= 0xA9)));
    bool mark = n == 3 && s[0] == 0xEF && s[1] == 0xBB && s[2] == 0xBF;
    return !c1_control && !turns_line && !mark;
}

size_t text_shown(struct text t, size_t *taken) {
    const unsigned char *s = (const unsigned char *)t.at;
    if (s[0] < 0x80) {
        *taken = 1;
        return s[0] >= 0x20 && s[0] != 0x7F ? 1 : 0;
    }
    size_t n = utf8_sequence(s, t.len);
    *taken = n;
    if (n > 0 && may_be_shown(s, n)) {
        return n;
    }
    // The rest of a sequence that is not shown is not more of '?'.
    *taken = 1;
    while (*taken < t.len && (s[*taken] & 0xC0) == 0x80) {
        ++*taken;
    }
    return 0;
}
