// SPDX-License-Identifier: MIT
// An ordinary order in one pass: an object of known fields, each a string without escapes, a number
// or null. Nearly every event is one, and reading it so takes about half the time of building a
// JSON tree first: most of what both cost is branches that the processor guesses wrong, so names
// are told apart by one multiplication and values are searched for their end sixteen bytes at a
// time; most of them are read whole from there (usual_value.h).
//
// Happy path, until the closing brace: find the field by its name, find where the value ends, hand
// its spelling to order_set; then order_finish.
//
// Fails at the first thing that is not ordinary, by saying so: order_json.c then reads the text
// from the start by the general parser, and only that one decides what is wrong. So this file needs
// no messages, but must never accept what JSON or the rules do not: a string is checked for
// controls and UTF-8 here, the grammar of a number by the rule of its field, which is narrower than
// JSON's.
//
// Reads past the end of the text by less than ORDER_SCAN_PADDING: a search goes on only from within
// the text, and an order that ends elsewhere than the text is none.
#include "format/order_scan.h"

#include "format/usual_value.h"
#include "order/field_take.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define INLINE static inline __attribute__((always_inline))

// Every four bytes that a name begins with have a bucket of their own, but for event and event_id
// (a script searched for the multiplier; a clash would be a case given twice).
#define BUCKET_OF(word) ((uint32_t)(word)*UINT32_C(0x0594184d) >> 28)
#define BUCKET(a, b, c, d)                                                                         \
    BUCKET_OF((uint32_t)(a) | (uint32_t)(b) << 8 | (uint32_t)(c) << 16 | (uint32_t)(d) << 24)

INLINE const char *skip_space(const char *at, const char *end) {
    while (UNLIKELY((unsigned char)*at <= ' ')) {
        if (at >= end || (*at != ' ' && *at != '\n' && *at != '\t' && *at != '\r')) {
            break;
        }
        at++;
    }
    return at;
}

// --- Where a value ends: the two searches, sixteen bytes at a time where the processor can

#ifdef __SSE2__
enum { STEP = 16 };

struct string_marks {
    uint32_t stop;      // a bit per byte: quote, escape or control character
    uint32_t not_ascii; // likewise
};
INLINE struct string_marks mark_string(const char *at) {
    __m128i w = _mm_loadu_si128((const __m128i *)at);
    __m128i quote = _mm_cmpeq_epi8(w, _mm_set1_epi8('"'));
    __m128i escape = _mm_cmpeq_epi8(w, _mm_set1_epi8('\\'));
    __m128i control = _mm_cmpeq_epi8(_mm_max_epu8(w, _mm_set1_epi8(0x1F)), _mm_set1_epi8(0x1F));
    __m128i stop = _mm_or_si128(_mm_or_si128(quote, escape), control);
    return (struct string_marks){(uint32_t)_mm_movemask_epi8(stop), (uint32_t)_mm_movemask_epi8(w)};
}

// A bit per byte that is below '-' or above '|'.
INLINE uint32_t mark_number(const char *at) {
    __m128i w = _mm_loadu_si128((const __m128i *)at); // bytes from 0x80 on are negative
    __m128i stop =
        _mm_or_si128(_mm_cmplt_epi8(w, _mm_set1_epi8('-')), _mm_cmpgt_epi8(w, _mm_set1_epi8('|')));
    return (uint32_t)_mm_movemask_epi8(stop);
}
#else
enum { STEP = 8 };

// The bits 7, 15, ... of `w` to bits 0, 1, ...
INLINE uint32_t gather_high_bits(uint64_t w) {
    return (uint32_t)((w >> 7 & EACH_BYTE(1)) * UINT64_C(0x0102040810204080) >> 56);
}

struct string_marks {
    uint32_t stop;
    uint32_t not_ascii;
};
INLINE struct string_marks mark_string(const char *at) {
    uint64_t w = load8(at), low = w & ~SWAR_HIGH_BITS;
    // A byte of `low` plus 0x7F has its high bit set unless it is 0: exact, nothing carries over.
    uint64_t not_quote = (low ^ EACH_BYTE('"')) + EACH_BYTE(0x7F);
    uint64_t not_escape = (low ^ EACH_BYTE('\\')) + EACH_BYTE(0x7F);
    uint64_t not_control = low + EACH_BYTE(0x80 - 0x20);
    uint64_t stop = ~((not_quote & not_escape & not_control) | w);
    return (struct string_marks){gather_high_bits(stop), gather_high_bits(w)};
}

INLINE uint32_t mark_number(const char *at) {
    uint64_t w = load8(at), low = w & ~SWAR_HIGH_BITS;
    uint64_t not_below = low + EACH_BYTE(0x80 - '-'), above = low + EACH_BYTE(0x80 - '}');
    return gather_high_bits(~not_below | above | w);
}
#endif

// The closing quote of the string whose characters start at `at`. NULL when an escape or a control
// character comes first, it is not UTF-8, or it is not there.
INLINE const char *string_end(const char *at, const char *end) {
    const char *start = at;
    struct string_marks m = mark_string(at);
    uint32_t not_ascii = 0;
    while (m.stop == 0) {
        if (UNLIKELY(at >= end)) {
            return NULL;
        }
        not_ascii |= m.not_ascii;
        at += STEP;
        m = mark_string(at);
    }
    not_ascii |= m.not_ascii & (m.stop ^ (m.stop - 1)); // no further than the mark
    at += __builtin_ctz(m.stop);
    if (UNLIKELY(*at != '"')) {
        return NULL;
    }
    if (UNLIKELY(not_ascii != 0) && !text_is_utf8((struct text){start, (size_t)(at - start)})) {
        return NULL;
    }
    return at;
}

// Where the characters of a number end. What is between is up to the rule of the field; a '+', as
// in 1e+5, ends it too early and is so not ordinary.
INLINE const char *number_end(const char *at, const char *end) {
    uint32_t stop = mark_number(at);
    while (UNLIKELY(stop == 0)) {
        if (at >= end) {
            return at;
        }
        at += STEP;
        stop = mark_number(at);
    }
    return at + __builtin_ctz(stop);
}

// Reads the value at `at`, not null, into the field. Returns where it ends, NULL when it is not
// ordinary.
INLINE const char *read_value(struct order_builder *b, enum order_field f, const char *at,
                              const char *end) {
    enum value_kind kind = *at == '"' ? VALUE_TEXT : VALUE_NUMBER;
    const char *from = at + 1, *to, *after;
    if (kind == VALUE_TEXT) {
        to = string_end(from, end);
        if (UNLIKELY(to == NULL)) {
            return NULL;
        }
        after = to + 1;
    } else if (LIKELY(*at == '-' || (unsigned char)(*at - '0') <= 9)) {
        from = at;
        after = to = number_end(at, end);
    } else {
        return NULL;
    }
    struct text spelling = {from, (size_t)(to - from)};
    if (UNLIKELY(!take_field(b->order, b->rules, f, kind,
                             kind == VALUE_TEXT ? trimmed(spelling) : spelling, true))) {
        return NULL;
    }
    if (f == FIELD_CREATED_AT) {
        timestamp_minute_note(b->minute, spelling, b->order->created_ms);
    }
    return after;
}

// The same of a value that is as nearly all are. NULL: it is not.
INLINE const char *read_usual_value(const struct order_builder *b, enum order_field f,
                                    const char *at) {
    struct order *o = b->order;
    switch (f) {
    case FIELD_ORDER_ID:
        return usual_integer(at, &o->order_id.num);
    case FIELD_CREATED_AT:
        return usual_time(b->minute, at, &o->created_ms);
    case FIELD_CUSTOMER_ID:
        return usual_integer(at, &o->customer_id.num);
    case FIELD_PRODUCT_ID:
        return usual_short_integer(at, &o->product_id.num);
    case FIELD_QUANTITY:
        return usual_digit(at, &o->quantity);
    case FIELD_SUBTOTAL:
        return usual_amount(at, &o->subtotal_e4);
    case FIELD_DISCOUNT:
        return usual_amount(at, &o->discount_e4);
    case FIELD_SHIPPING:
        return usual_amount(at, &o->shipping_e4);
    case FIELD_TAX:
        return usual_amount(at, &o->tax_e4);
    case FIELD_TOTAL:
        return usual_amount(at, &o->total_e4);
    case FIELD_SOURCE:
        return usual_text(at, &o->source);
    case FIELD_STATE:
        return usual_text(at, &o->state);
    default:
        return NULL;
    }
}

// memcmp of 5 to 16 bytes, a constant: in two loads that may overlap.
INLINE bool same_bytes(const char *a, const char *b, size_t n) {
    return n < 8 ? ((load4(a) ^ load4(b)) | (load4(a + n - 4) ^ load4(b + n - 4))) == 0
                 : ((load8(a) ^ load8(b)) | (load8(a + n - 8) ^ load8(b + n - 8))) == 0;
}

// What comes after the name and the colon, where these are not as usual: with white space between
// the two. NULL: it is another name, or no colon comes.
static __attribute__((noinline)) const char *after_colon(const char *at, const char *end,
                                                         const char *name, size_t quoted_bytes) {
    if (memcmp(at, name, quoted_bytes) != 0) {
        return NULL;
    }
    at = skip_space(at + quoted_bytes, end);
    return *at == ':' ? at + 1 : NULL;
}

// Which members were there, a bit per enum order_field; and the sum of these bits, which is more
// when one came twice: that is asked once, at the end.
struct members {
    uint64_t seen, sum;
    uint32_t null;
};

// Reads a member of the object, its name starting at `at`, if it is field `f`, whose name with the
// closing quote and the colon is `name`; else returns NULL.
INLINE const char *read_member(struct order_builder *b, struct members *members, enum order_field f,
                               const char *at, const char *end, const char *name,
                               size_t name_bytes) {
    at = LIKELY(same_bytes(at, name, name_bytes)) ? at + name_bytes
                                                  : after_colon(at, end, name, name_bytes - 1);
    if (UNLIKELY(at == NULL)) {
        return NULL;
    }
    members->seen |= UINT64_C(1) << f;
    members->sum += UINT64_C(1) << f;
    const char *after = read_usual_value(b, f, at);
    if (LIKELY(after != NULL)) {
        return after;
    }
    if ((unsigned char)*at <= ' ') { // as many programs write it, after the colon
        at = skip_space(at, end);
        after = read_usual_value(b, f, at);
        if (LIKELY(after != NULL)) {
            return after;
        }
    }
    if (load4(at) == load4("null")) { // absent
        members->null |= UINT32_C(1) << f;
        return at + 4;
    }
    return read_value(b, f, at, end);
}
#define READ(f, name) read_member(b, members, f, at, end, name "\":", sizeof(name) + 1)

// All is expanded for each field on purpose: the jump to a field's own code, which the processor
// guesses well since orders of one shop look alike, makes the length of the name a constant, so
// that the value is looked at without waiting for the name; and each field's branches are guessed
// apart.
INLINE const char *read_any_member(struct order_builder *b, struct members *members, const char *at,
                                   const char *end) {
    switch (BUCKET_OF(load4(at))) {
    case BUCKET('o', 'r', 'd', 'e'):
        return READ(FIELD_ORDER_ID, "order_id");
    case BUCKET('e', 'v', 'e', 'n'):
        return at[5] == '"' ? READ(FIELD_EVENT, "event") : READ(FIELD_EVENT_ID, "event_id");
    case BUCKET('c', 'r', 'e', 'a'):
        return READ(FIELD_CREATED_AT, "created_at");
    case BUCKET('c', 'u', 's', 't'):
        return READ(FIELD_CUSTOMER_ID, "customer_id");
    case BUCKET('p', 'r', 'o', 'd'):
        return READ(FIELD_PRODUCT_ID, "product_id");
    case BUCKET('q', 'u', 'a', 'n'):
        return READ(FIELD_QUANTITY, "quantity");
    case BUCKET('s', 'u', 'b', 't'):
        return READ(FIELD_SUBTOTAL, "subtotal");
    case BUCKET('d', 'i', 's', 'c'):
        return READ(FIELD_DISCOUNT, "discount");
    case BUCKET('s', 'h', 'i', 'p'):
        return READ(FIELD_SHIPPING, "shipping");
    case BUCKET('t', 'a', 'x', '"'):
        return READ(FIELD_TAX, "tax");
    case BUCKET('t', 'o', 't', 'a'):
        return READ(FIELD_TOTAL, "total");
    case BUCKET('c', 'u', 'r', 'r'):
        return READ(FIELD_CURRENCY, "currency");
    case BUCKET('s', 'o', 'u', 'r'):
        return READ(FIELD_SOURCE, "source");
    case BUCKET('s', 't', 'a', 't'):
        return READ(FIELD_STATE, "state");
    default:
        return NULL;
    }
}

// Where the name of the next member starts, after the brace or comma at `at`. `end`: there is none.
INLINE const char *next_name(const char *at, const char *end) {
    at = skip_space(at + 1, end);
    return LIKELY(*at == '"') ? at + 1 : end;
}

bool order_scan(struct order_builder *b, struct text json) {
    const char *end = json.at + json.len, *at = skip_space(json.at, end);
    struct members members = {0, 0, 0};
    if (*at != '{') {
        return false;
    }
    at = next_name(at, end);
    while (LIKELY(at < end)) {
        at = read_any_member(b, &members, at, end);
        if (UNLIKELY(at == NULL)) {
            return false;
        }
        if (LIKELY(load2(at) == load2(",\""))) {
            at += 2;
            continue;
        }
        at = skip_space(at, end);
        if (*at != ',') {
            b->seen = (uint32_t)members.seen & ~members.null;
            return *at == '}' && skip_space(at + 1, end) == end && members.sum == members.seen &&
                   order_finish(b);
        }
        at = next_name(at, end);
    }
    return false;
}
