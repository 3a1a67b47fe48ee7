// SPDX-License-Identifier: MIT
// The rules of the fields, as yes or no: take_field puts a value into an order if its spelling
// obeys the rule of its field. Inline, because each order asks it a dozen times and in order_scan.c
// the field is a constant. Inside src/order only: others call order_set, which also says what is
// wrong. `padded`, a constant too: eight bytes from the text's first on may be read.
#pragma once
#include "order/characters.h"
#include "order/digits.h"
#include "order/order.h"
#include "order/timestamp.h"

#define TAKE static inline __attribute__((always_inline))

TAKE struct text trimmed(struct text t) {
    if (LIKELY(t.len > 0 && (unsigned char)t.at[0] > ' ' && (unsigned char)t.at[t.len - 1] > ' ')) {
        return t;
    }
    return text_trim(t);
}

// Decimal digits without leading zeros, at most 2^63-1.
TAKE bool take_integer(struct text t, bool padded, int64_t *out) {
    if (t.len - 1 >= 19 || (t.at[0] == '0' && t.len > 1)) { // no characters: wraps around
        return false;
    }
    uint64_t head = 0;
    struct text tail = t;
    if (UNLIKELY(t.len > 16)) {
        for (; tail.len > 16; tail.at++, tail.len--) {
            unsigned digit = (unsigned)(unsigned char)*tail.at - '0';
            if (digit > 9) {
                return false;
            }
            head = head * 10 + digit;
        }
    }
    if (tail.len > 8) {
        uint64_t x = load_digits(tail.at, tail.len - 8, padded);
        if (swar_wrong(x, EACH_BYTE(SWAR_DIGIT)) != 0) {
            return false;
        }
        head = head * 100000000 + swar_value(x);
        tail = (struct text){tail.at + tail.len - 8, 8};
    }
    uint64_t x = load_digits(tail.at, tail.len, padded);
    if (swar_wrong(x, EACH_BYTE(SWAR_DIGIT)) != 0) {
        return false;
    }
    uint64_t v = head * 100000000 + swar_value(x); // 19 digits fit
    *out = (int64_t)v;
    return v <= INT64_MAX;
}

TAKE bool take_number_ident(struct text t, bool padded, struct ident *out) {
    out->text = TEXT_NONE;
    return take_integer(t, padded, &out->num);
}

TAKE struct ident canonical_ident(struct text t, bool padded) {
    struct ident i = IDENT_NONE;
    if ((unsigned char)(t.at[0] - '0') > 9 || !take_integer(t, padded, &i.num)) {
        i = (struct ident){-1, t};
    }
    return i;
}

TAKE bool take_text_ident(struct text t, struct text *out) {
    *out = t;
    return t.len - 1 < ORDER_ID_MAX && is_printable_ascii(t);
}

TAKE bool take_ident(enum value_kind kind, struct text t, bool padded, struct ident *out) {
    if (kind == VALUE_NUMBER) {
        return take_number_ident(t, padded, out);
    }
    if (!take_text_ident(t, &t)) {
        return false;
    }
    *out = canonical_ident(t, padded);
    return true;
}

// Up to 100 characters, none of them a control character; `t` is not empty.
TAKE bool is_short_text(struct text t) {
    return (t.len <= ORDER_TEXT_MAX || text_characters(t) <= ORDER_TEXT_MAX) &&
           !has_control_character(t);
}

TAKE bool take_product(enum value_kind kind, struct text t, bool padded, struct ident *out) {
    if (kind == VALUE_NUMBER) {
        return take_number_ident(t, padded, out);
    }
    if (UNLIKELY(t.len == 0)) { // counted under the name that source and state have then
        *out = (struct ident){-1, TEXT_LIT("(unknown)")};
        return true;
    }
    if (!is_short_text(t)) {
        return false;
    }
    *out = canonical_ident(t, padded);
    return true;
}

TAKE bool take_text(struct text t, struct text *out) {
    if (t.len == 0) { // absent
        *out = TEXT_NONE;
        return true;
    }
    *out = t;
    return is_short_text(t);
}

TAKE bool take_event(struct text t, enum order_kind *out) {
    if (LIKELY(t.len == 6 && memcmp(t.at, "placed", 6) == 0)) {
        *out = ORDER_PLACED;
        return true;
    }
    *out = t.len == 8 ? ORDER_REFUNDED : ORDER_CANCELLED;
    return text_equal(t, t.len == 8 ? TEXT_LIT("refunded") : TEXT_LIT("cancelled"));
}

// "2.00" is "2"; what has other decimals stays as it is.
TAKE struct text without_zero_decimals(struct text t) {
    size_t n = t.len;
    while (n > 0 && t.at[n - 1] == '0') {
        n--;
    }
    bool whole = n >= 2 && n < t.len && t.at[n - 1] == '.';
    return whole ? (struct text){t.at, n - 1} : t;
}

// "+5" and "05" are 5, as people and spreadsheets write it; JSON's own numbers are not so.
TAKE struct text without_sign_and_zeros(struct text t) {
    size_t i = t.len > 1 && t.at[0] == '+';
    while (i + 1 < t.len && t.at[i] == '0' && (unsigned char)(t.at[i + 1] - '0') <= 9) {
        i++;
    }
    return (struct text){t.at + i, t.len - i};
}

TAKE bool take_quantity(enum value_kind kind, struct text t, bool padded, int64_t *out) {
    if (UNLIKELY(!take_integer(t, padded, out))) {
        struct text plain = without_zero_decimals(t);
        plain = kind == VALUE_TEXT ? without_sign_and_zeros(plain) : plain;
        if (!take_integer(plain, false, out)) {
            return false;
        }
    }
    return *out <= ORDER_QUANTITY_MAX;
}

// "123.45": one to five digits, the point, two decimals. So most amounts look, and they are read
// where the caller is; the others are money_parse's, which takes these too.
TAKE bool take_usual_amount(struct text t, bool padded, int64_t *out) {
    const uint64_t point = (uint64_t)('.' ^ '0') << 40;
    const uint64_t kinds = EACH_BYTE(SWAR_DIGIT) + ((SWAR_EXACT - SWAR_DIGIT) << 40);
    if (t.len - 4 > 4 || (t.at[0] == '0' && t.len > 4)) { // fewer than 4 wrap around
        return false;
    }
    uint64_t x = load_digits(t.at, t.len, padded) ^ point;
    if (swar_wrong(x, kinds) != 0) {
        return false;
    }
    // The point is a digit 0 now: the third pair is the last whole digit and that.
    *out = (int64_t)swar_sum(x, 10000000, 100000, 1000, 100);
    return true;
}

TAKE enum money_result read_amount(enum value_kind kind, struct text t, int64_t *out,
                                   bool *rounded) {
    enum money_result r = money_parse(t, out, rounded);
    return UNLIKELY(r == MONEY_NOT_A_NUMBER) && kind == VALUE_TEXT
               ? money_parse_text(t, out, rounded)
               : r;
}

TAKE bool take_amount(enum value_kind kind, struct text t, bool padded, int64_t *out,
                      uint32_t *warnings) {
    bool rounded;
    if (LIKELY(take_usual_amount(t, padded, out))) {
        return true;
    }
    if (UNLIKELY(read_amount(kind, t, out, &rounded) != MONEY_OK)) {
        return false;
    }
    *warnings |= rounded ? WARN_AMOUNT_ROUNDED : 0;
    return true;
}

// The total alone may be below zero, when the discount is what makes it so: order_finish looks.
TAKE bool take_total(enum value_kind kind, struct text t, bool padded, int64_t *out,
                     uint32_t *warnings) {
    if (LIKELY(t.len == 0 || t.at[0] != '-')) {
        return take_amount(kind, t, padded, out, warnings);
    }
    bool rounded;
    struct text rest = {t.at + 1, t.len - 1};
    if ((rest.len > 0 && rest.at[0] == '+') || read_amount(kind, rest, out, &rounded) != MONEY_OK ||
        (*out == 0 && rounded)) {
        return false;
    }
    *out = -*out;
    *warnings |= rounded ? WARN_AMOUNT_ROUNDED : 0;
    return true;
}

// The letters of a code have no case: "usd" is USD.
TAKE bool take_currency(struct text t, char out[static 4]) {
    if (t.len != 3) {
        return false;
    }
    for (int i = 0; i < 3; i++) {
        out[i] = (char)(t.at[i] & ~0x20);
        if ((unsigned char)(out[i] - 'A') >= 26) {
            return false;
        }
    }
    return true;
}

// The fields that a JSON number cannot spell.
#define TEXT_ONLY                                                                                  \
    (1u << FIELD_EVENT | 1u << FIELD_EVENT_ID | 1u << FIELD_CREATED_AT | 1u << FIELD_CURRENCY |    \
     1u << FIELD_SOURCE | 1u << FIELD_STATE)

// A time that is a number has as many meanings as units; the rules may tell which.
TAKE bool take_epoch(const struct order_rules *rules, struct text t, int64_t *out_ms) {
    return rules->epoch != EPOCH_NONE && epoch_read(rules->epoch, t, out_ms) &&
           timestamp_in_range(*out_ms);
}

// `t` is trimmed. False: nothing is known about the field of the order.
TAKE bool take_field(struct order *o, const struct order_rules *rules, enum order_field f,
                     enum value_kind kind, struct text t, bool padded) {
    if (kind == VALUE_NUMBER && (TEXT_ONLY >> f & 1) != 0) {
        return f == FIELD_CREATED_AT && take_epoch(rules, t, &o->created_ms);
    }
    switch (f) {
    case FIELD_ORDER_ID:
        return take_ident(kind, t, padded, &o->order_id);
    case FIELD_EVENT:
        return take_event(t, &o->kind);
    case FIELD_EVENT_ID:
        return take_text_ident(t, &o->event_id);
    case FIELD_CREATED_AT:
        return timestamp_parse(t, rules->zone, &o->created_ms) == TIMESTAMP_OK;
    case FIELD_CUSTOMER_ID:
        return take_ident(kind, t, padded, &o->customer_id);
    case FIELD_PRODUCT_ID:
        return take_product(kind, t, padded, &o->product_id);
    case FIELD_QUANTITY:
        return take_quantity(kind, t, padded, &o->quantity);
    case FIELD_ITEMS:
        return false;
    case FIELD_SUBTOTAL:
        return take_amount(kind, t, padded, &o->subtotal_e4, &o->warnings);
    case FIELD_DISCOUNT:
        return take_amount(kind, t, padded, &o->discount_e4, &o->warnings);
    case FIELD_SHIPPING:
        return take_amount(kind, t, padded, &o->shipping_e4, &o->warnings);
    case FIELD_TAX:
        return take_amount(kind, t, padded, &o->tax_e4, &o->warnings);
    case FIELD_TOTAL:
        return take_total(kind, t, padded, &o->total_e4, &o->warnings);
    case FIELD_CURRENCY:
        return take_currency(t, o->currency);
    case FIELD_SOURCE:
        return take_text(t, &o->source);
    case FIELD_STATE:
        return take_text(t, &o->state);
    case FIELD_UNKNOWN:
        break;
    }
    return true;
}
