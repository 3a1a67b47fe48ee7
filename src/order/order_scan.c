// SPDX-License-Identifier: MIT
// An ordinary order in one pass: an object of known fields, each a string without escapes, a number
// or null. Nearly every event is one, and reading it so takes about half the time of building a
// JSON tree first: most of what both cost is branches that the processor guesses wrong, so names
// are told apart by one multiplication and values are searched for their end eight bytes at a time.
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
// Reads past the end of the text by less than ORDER_SCAN_PADDING: the zeros there end every search.
#include "order/order_scan.h"

#include "order/characters.h"
#include "order/digits.h"

#define INLINE static inline __attribute__((always_inline))

// Every four bytes that a name begins with have a bucket of their own, but for event and event_id
// (a script searched for the multiplier; a clash would be a case given twice).
#define BUCKET_OF(word) ((uint32_t)(word)*UINT32_C(0x0594184d) >> 28)
#define BUCKET(a, b, c, d)                                                                         \
    BUCKET_OF((uint32_t)(a) | (uint32_t)(b) << 8 | (uint32_t)(c) << 16 | (uint32_t)(d) << 24)

INLINE const char *skip_space(const char *at) {
    while (UNLIKELY((unsigned char)*at <= ' ')) {
        if (*at != ' ' && *at != '\n' && *at != '\t' && *at != '\r') {
            break;
        }
        at++;
    }
    return at;
}

INLINE unsigned first_marked(uint64_t high_bits) {
    return (unsigned)__builtin_ctzll(high_bits) / 8;
}

// The closing quote of the string whose characters start at `at`. NULL when an escape or a control
// character comes first, or it is not UTF-8. (In the searches below only the lowest mark is exact,
// and only that one is used.)
INLINE const char *string_end(const char *at) {
    const char *start = at;
    uint64_t not_ascii = 0;
    for (;; at += 8) {
        uint64_t w = load8(at);
        uint64_t quote = w ^ EACH_BYTE('"'), escape = w ^ EACH_BYTE('\\');
        uint64_t marks = ((quote - EACH_BYTE(1)) & ~quote) | ((escape - EACH_BYTE(1)) & ~escape) |
                         ((w - EACH_BYTE(0x20)) & ~w);
        marks &= SWAR_HIGH_BITS;
        if (marks == 0) {
            not_ascii |= w;
            continue;
        }
        not_ascii |= w & (marks ^ (marks - 1)); // no further than the mark
        at += first_marked(marks);
        if (*at != '"') {
            return NULL;
        }
        if (UNLIKELY((not_ascii & SWAR_HIGH_BITS) != 0) &&
            !text_is_utf8((struct text){start, (size_t)(at - start)})) {
            return NULL;
        }
        return at;
    }
}

// Where the characters of a number end: at the first that is below '-' or above '|'. What is
// between is up to the rule of the field; a '+', as in 1e+5, ends it too early and is so not
// ordinary.
INLINE const char *number_end(const char *at) {
    for (;; at += 8) {
        uint64_t w = load8(at);
        uint64_t marks = (w - EACH_BYTE('-')) | (w + EACH_BYTE(0x80 - '}')) | w;
        marks &= SWAR_HIGH_BITS;
        if (marks != 0) {
            return at + first_marked(marks);
        }
    }
}

// Reads the value at `at` into the field. Returns where it ends, NULL when it is not ordinary.
INLINE const char *read_value(struct order_builder *b, enum order_field f, const char *at) {
    if (*at == '"') {
        const char *to = string_end(at + 1);
        struct text spelling = {at + 1, (size_t)(to - at - 1)};
        return to != NULL && order_set(b, f, VALUE_TEXT, spelling) ? to + 1 : NULL;
    }
    if (LIKELY(*at == '-' || (unsigned char)(*at - '0') <= 9)) {
        const char *to = number_end(at);
        struct text spelling = {at, (size_t)(to - at)};
        return order_set(b, f, VALUE_NUMBER, spelling) ? to : NULL;
    }
    return load4(at) == load4("null") ? at + 4 : NULL; // null is absent
}

// memcmp of 4 to 16 bytes, a constant: in two loads that may overlap.
INLINE bool same_bytes(const char *a, const char *b, size_t n) {
    return n < 8 ? ((load4(a) ^ load4(b)) | (load4(a + n - 4) ^ load4(b + n - 4))) == 0
                 : ((load8(a) ^ load8(b)) | (load8(a + n - 8) ^ load8(b + n - 8))) == 0;
}

// Reads a member of the object, its name starting at `at`, if it is field `f`, whose name with the
// closing quote is `name`; else returns NULL.
INLINE const char *read_member(struct order_builder *b, uint32_t *seen, enum order_field f,
                               const char *at, const char *name, size_t name_bytes) {
    if (UNLIKELY(!same_bytes(at, name, name_bytes) || (*seen & UINT32_C(1) << f) != 0)) {
        return NULL;
    }
    *seen |= UINT32_C(1) << f;
    at = skip_space(at + name_bytes);
    return LIKELY(*at == ':') ? read_value(b, f, skip_space(at + 1)) : NULL;
}
#define READ(f, name) read_member(b, seen, f, at, name "\"", sizeof(name))

// All is expanded for each field on purpose: the jump to a field's own code, which the processor
// guesses well since orders of one shop look alike, makes the length of the name a constant, so
// that the value is looked at without waiting for the name; and each field's branches are guessed
// apart.
static const char *read_any_member(struct order_builder *b, uint32_t *seen, const char *at) {
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

bool order_scan(struct order_builder *b, struct text json) {
    const char *at = skip_space(json.at), *end = json.at + json.len;
    uint32_t seen = 0;
    if (*at != '{') {
        return false;
    }
    do {
        at = skip_space(at + 1);
        if (UNLIKELY(*at != '"')) {
            return false;
        }
        at = read_any_member(b, &seen, at + 1);
        if (UNLIKELY(at == NULL)) {
            return false;
        }
        at = skip_space(at);
    } while (*at == ',');
    return *at == '}' && skip_space(at + 1) == end && order_finish(b);
}
