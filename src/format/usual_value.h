// SPDX-License-Identifier: MIT
// The values that nearly all orders have: short integers, amounts with two decimals, short texts of
// ASCII, times of the minute of the order before. Each is read with its end in one go, from the
// eight or sixteen bytes that it begins with; field_take.h gives the same for it.
//
// Each function takes where a value starts, which reads less than ORDER_SCAN_PADDING bytes from
// there on, and returns where it ends: behind the closing quote of a text, at the comma after a
// number. NULL: the value is another one, or something else comes after it; nothing is written
// then, and order_scan.c goes the general way. Inside src/format only.
#pragma once
#include "order/field_take.h"
#include "order/timestamp_minute.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define USUAL static inline __attribute__((always_inline))

enum { COMMA = ',', QUOTE = '"' };

// Eight characters XOR zeros: how many bits those before the first that is no digit have. 64: all
// are digits. Their lowest mark is exact.
USUAL unsigned digit_bits(uint64_t x) {
    uint64_t others = swar_wrong(x, EACH_BYTE(SWAR_DIGIT));
    return others == 0 ? 64 : (unsigned)__builtin_ctzll(others) - 7;
}

// A digit after a 0 that it begins with. One comparison of both: of amounts many are below 1, and
// no branch on the 0 alone could be guessed.
USUAL bool has_leading_zero(uint64_t x) {
    uint16_t first_two = (uint16_t)(x << 8 | (x >> 8 & 0xff));
    return first_two <= 9;
}

// "12": up to seven digits.
USUAL const char *usual_short_integer(const char *at, int64_t *out) {
    uint64_t x = load8(at) ^ SWAR_ZEROS;
    unsigned bits = digit_bits(x);
    if (UNLIKELY(bits - 8 > 48 || has_leading_zero(x) || at[bits / 8] != COMMA)) {
        return NULL;
    }
    *out = (int64_t)swar_value(x << (64 - bits));
    return at + bits / 8;
}

// "2": one digit.
USUAL const char *usual_digit(const char *at, int64_t *out) {
    unsigned digit = (unsigned)(unsigned char)*at - '0';
    if (UNLIKELY(digit > 9 || at[1] != COMMA)) {
        return NULL;
    }
    *out = digit;
    return at + 1;
}

// "5000000001": up to fifteen.
USUAL const char *usual_integer(const char *at, int64_t *out) {
    static const uint32_t powers[] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000};
    uint64_t x = load8(at) ^ SWAR_ZEROS;
    if (digit_bits(x) != 64) {
        return usual_short_integer(at, out);
    }
    uint64_t y = load8(at + 8) ^ SWAR_ZEROS;
    unsigned bits = digit_bits(y), n = bits / 8;
    if (UNLIKELY(bits == 64 || has_leading_zero(x) || at[8 + n] != COMMA)) {
        return NULL;
    }
    uint64_t tail = swar_value(y << 8 << (56 - bits)); // no digit: shifted out as a whole
    *out = (int64_t)(swar_value(x) * powers[n] + tail);
    return at + 8 + n;
}

// "123.45", as take_usual_amount has it. The point is where the digits end.
USUAL const char *usual_amount(const char *at, int64_t *out_e4) {
    const uint64_t point = (uint64_t)('.' ^ '0') << 40;
    const uint64_t kinds = EACH_BYTE(SWAR_DIGIT) + ((SWAR_EXACT - SWAR_DIGIT) << 40);
    uint64_t x = load8(at) ^ SWAR_ZEROS;
    unsigned bits = digit_bits(x);
    if (UNLIKELY(bits - 8 > 32 || has_leading_zero(x) || at[bits / 8 + 3] != COMMA)) {
        return NULL;
    }
    uint64_t y = (x << (40 - bits)) ^ point;
    if (UNLIKELY(swar_wrong(y, kinds) != 0)) {
        return NULL;
    }
    *out_e4 = (int64_t)swar_sum(y, 10000000, 100000, 1000, 100);
    return at + bits / 8 + 3;
}

// Bits of the bytes from `at` on that are no usual text's: quote, escape, DEL, control characters
// and what is not ASCII.
#ifdef __SSE2__
USUAL uint32_t mark_unusual(const char *at) {
    __m128i w = _mm_loadu_si128((const __m128i *)at); // bytes from 0x80 on are negative
    __m128i quote = _mm_cmpeq_epi8(w, _mm_set1_epi8('"'));
    __m128i escape = _mm_cmpeq_epi8(w, _mm_set1_epi8('\\'));
    __m128i del = _mm_cmpeq_epi8(w, _mm_set1_epi8(0x7F));
    __m128i below = _mm_cmpgt_epi8(_mm_set1_epi8(' '), w);
    return (uint32_t)_mm_movemask_epi8(
        _mm_or_si128(_mm_or_si128(quote, escape), _mm_or_si128(del, below)));
}
#else
USUAL uint32_t mark_unusual(const char *at) {
    uint64_t w = load8(at), low = w & ~SWAR_HIGH_BITS;
    // Each sum has its byte's high bit set unless that byte is the one that is looked for.
    uint64_t usual = ((low ^ EACH_BYTE('"')) + EACH_BYTE(0x7F)) &
                     ((low ^ EACH_BYTE('\\')) + EACH_BYTE(0x7F)) &
                     ((low ^ EACH_BYTE(0x7F)) + EACH_BYTE(0x7F)) & (low + EACH_BYTE(0x80 - ' '));
    uint64_t unusual = (~usual | w) & SWAR_HIGH_BITS;
    return (uint32_t)((unusual >> 7) * UINT64_C(0x0102040810204080) >> 56);
}
#endif

// "TWITTER", quotes included. Not one that begins or ends with a space, which is trimmed.
USUAL const char *usual_text(const char *at, struct text *out) {
    uint32_t stop = mark_unusual(at + 1);
    if (UNLIKELY(*at != QUOTE || stop == 0)) {
        return NULL;
    }
    size_t len = (size_t)__builtin_ctz(stop);
    const char *last = at + len;
    if (UNLIKELY(last[1] != QUOTE || len == 0 || at[1] == ' ' || *last == ' ')) {
        return NULL;
    }
    *out = (struct text){at + 1, len};
    return last + 2;
}

// "2026-01-31T12:00:00.123Z", quotes included, of the minute that was read last.
USUAL const char *usual_time(const struct timestamp_minute *m, const char *at, int64_t *out_ms) {
    int64_t ms;
    if (*at != QUOTE || !timestamp_minute_read(m, (struct text){at + 1, MINUTE_TIME_BYTES}, &ms) ||
        at[1 + MINUTE_TIME_BYTES] != QUOTE) {
        return NULL;
    }
    *out_ms = ms;
    return at + 1 + MINUTE_TIME_BYTES + 1;
}
