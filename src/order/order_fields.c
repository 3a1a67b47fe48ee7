// SPDX-License-Identifier: MIT
// The rules of each field of an order event: what its spelling may be, and what it then means.
//
// Happy path of order_set: trim a text, look at the field, check and convert the spelling, put the
// value into the order, mark the field as seen. Items' fields go the same way by order_item_set.
//
// Fails: `why` says which field, which rule, and what came; the order is then not to be used.
#include "order/order.h"

#include "order/characters.h"
#include "order/digits.h"
#include "order/timestamp.h"
#include <inttypes.h>
#include <stdio.h>

#define ID_TEXT                                                                                    \
    "an integer from 0 to 9223372036854775807 or a text of 1 to 64 printable ASCII characters"

static const struct {
    const char *name;
    const char *expects;
} fields[FIELD_COUNT + 1] = {
    [FIELD_ORDER_ID] = {"order_id", ID_TEXT},
    [FIELD_EVENT] = {"event", "placed, cancelled or refunded"},
    [FIELD_EVENT_ID] = {"event_id", "a text of 1 to 64 printable ASCII characters"},
    [FIELD_CREATED_AT] = {"created_at", "a time such as \"2026-01-31T12:00:00Z\""},
    [FIELD_CUSTOMER_ID] = {"customer_id", ID_TEXT},
    [FIELD_PRODUCT_ID] = {"product_id",
                          "an integer from 0 to 9223372036854775807 or a text of 1 to "
                          "100 characters"},
    [FIELD_QUANTITY] = {"quantity", "a whole number from 0 to 1000000"},
    [FIELD_ITEMS] = {"items", "an array of 1 to 200 objects of product_id, quantity and subtotal"},
    [FIELD_SUBTOTAL] = {"subtotal", "an amount such as 12.50"},
    [FIELD_DISCOUNT] = {"discount", "an amount such as 12.50"},
    [FIELD_SHIPPING] = {"shipping", "an amount such as 12.50"},
    [FIELD_TAX] = {"tax", "an amount such as 12.50"},
    [FIELD_TOTAL] = {"total", "an amount such as 12.50"},
    [FIELD_CURRENCY] = {"currency", "a text of three capital letters such as \"USD\""},
    [FIELD_SOURCE] = {"source", "a text of at most 100 characters"},
    [FIELD_STATE] = {"state", "a text of at most 100 characters"},
    [FIELD_UNKNOWN] = {"", "anything"},
};

const char *order_field_name(enum order_field f) {
    return fields[f].name;
}

const char *order_field_expects(enum order_field f) {
    return fields[f].expects;
}

// Comparisons of a constant length: the compiler makes each one or two machine words.
#define IS(literal, f)                                                                             \
    if (memcmp(name.at, literal, sizeof(literal) - 1) == 0) {                                      \
        return f;                                                                                  \
    }

enum order_field order_field_of(struct text name) {
    switch (name.len) {
    case 3:
        IS("tax", FIELD_TAX);
        break;
    case 5:
        IS("total", FIELD_TOTAL);
        IS("state", FIELD_STATE);
        IS("event", FIELD_EVENT);
        IS("items", FIELD_ITEMS);
        break;
    case 6:
        IS("source", FIELD_SOURCE);
        break;
    case 8:
        IS("order_id", FIELD_ORDER_ID);
        IS("quantity", FIELD_QUANTITY);
        IS("subtotal", FIELD_SUBTOTAL);
        IS("discount", FIELD_DISCOUNT);
        IS("shipping", FIELD_SHIPPING);
        IS("currency", FIELD_CURRENCY);
        IS("event_id", FIELD_EVENT_ID);
        break;
    case 10:
        IS("created_at", FIELD_CREATED_AT);
        IS("product_id", FIELD_PRODUCT_ID);
        break;
    case 11:
        IS("customer_id", FIELD_CUSTOMER_ID);
        break;
    default:
        break;
    }
    return FIELD_UNKNOWN;
}

// --- Where a value stands, for rejections: made into text only when one is needed.

struct place {
    struct rejection *why;
    enum order_field field;
    long item; // -1: of the order itself
};

struct place_name {
    char text[48];
};
static struct place_name name_of(const struct place *p) {
    struct place_name n;
    if (p->item < 0) {
        snprintf(n.text, sizeof n.text, "%s", order_field_name(p->field));
    } else {
        snprintf(n.text, sizeof n.text, "items[%ld].%s", p->item, order_field_name(p->field));
    }
    return n;
}

// "total must not be negative: '-5'"
static bool refuse(const struct place *p, const char *code, const char *rule, struct text value) {
    struct place_name n = name_of(p);
    return reject(p->why, n.text, code, "%s %s: '%s'", n.text, rule, excerpt_of(value).text);
}

// "total must be an amount such as 12.50, not 'abc'"
static bool refuse_spelling(const struct place *p, const char *code, struct text value) {
    struct place_name n = name_of(p);
    return reject(p->why, n.text, code, "%s must be %s, not '%s'", n.text,
                  order_field_expects(p->field), excerpt_of(value).text);
}

// --- Identifiers

static inline struct text trimmed(struct text t) {
    if (LIKELY(t.len > 0 && (unsigned char)t.at[0] > ' ' && (unsigned char)t.at[t.len - 1] > ' ')) {
        return t;
    }
    return text_trim(t);
}

// Decimal digits without leading zeros, at most 2^63-1.
static inline bool canonical_integer(struct text t, int64_t *out) {
    if (t.len - 1 >= 19 || (t.at[0] == '0' && t.len > 1)) { // no characters wrap around
        return false;
    }
    size_t head = t.len > 8 ? t.len - 8 : 0;
    uint64_t v = 0; // 19 digits fit
    for (size_t i = 0; i < head; i++) {
        unsigned digit = (unsigned)(unsigned char)t.at[i] - '0';
        if (digit > 9) {
            return false;
        }
        v = v * 10 + digit;
    }
    uint64_t x = load_right_aligned(t.at + head, t.len - head) ^ SWAR_ZEROS;
    if (swar_wrong(x, EACH_BYTE(SWAR_DIGIT)) != 0) {
        return false;
    }
    v = v * 100000000 + swar_value(x);
    *out = (int64_t)v;
    return v <= INT64_MAX;
}

struct ident ident_of_text(struct text t) {
    struct ident i = IDENT_NONE;
    if (!canonical_integer(t, &i.num)) {
        i = (struct ident){-1, t};
    }
    return i;
}

// Says why a JSON number or the text of a whole number is not a canonical integer.
static bool refuse_integer(const struct place *p, struct text t, const char *too_large) {
    size_t sign = t.len > 0 && t.at[0] == '-';
    size_t n = sign;
    while (n < t.len && t.at[n] >= '0' && t.at[n] <= '9') {
        n++;
    }
    bool digits = n == t.len && n > sign;
    if (!digits || (t.at[sign] == '0')) { // 1.0, 1e3, -0, 007
        return refuse_spelling(p, REJECT_MALFORMED, t);
    }
    return sign ? refuse(p, REJECT_NEGATIVE, "must not be negative", t)
                : refuse(p, REJECT_RANGE, too_large, t);
}

static bool set_text_ident(const struct place *p, struct text t, struct text *out) {
    if (t.len == 0) {
        return refuse(p, REJECT_EMPTY, "must not be empty", t);
    }
    if (!is_printable_ascii(t)) {
        return refuse(p, REJECT_BAD_CHARACTER, "may hold printable ASCII characters only", t);
    }
    if (t.len > ORDER_ID_MAX) {
        return refuse(p, REJECT_TOO_LONG, "must have at most 64 characters", t);
    }
    *out = t;
    return true;
}

static bool set_number_ident(const struct place *p, struct text t, struct ident *out) {
    *out = IDENT_NONE;
    return canonical_integer(t, &out->num) ||
           refuse_integer(p, t, "must be at most 9223372036854775807");
}

static bool set_ident(const struct place *p, enum value_kind kind, struct text t,
                      struct ident *out) {
    if (kind == VALUE_NUMBER) {
        return set_number_ident(p, t, out);
    }
    if (!set_text_ident(p, t, &t)) {
        return false;
    }
    *out = ident_of_text(t);
    return true;
}

// 0 to 100 characters, none of them a control character.
static bool check_text(const struct place *p, struct text t) {
    if (t.len == 0) {
        return true;
    }
    if (has_control_character(t)) {
        return refuse(p, REJECT_BAD_CHARACTER, "must not hold control characters", t);
    }
    if (t.len > ORDER_TEXT_MAX && text_characters(t) > ORDER_TEXT_MAX) {
        return refuse(p, REJECT_TOO_LONG, "must have at most 100 characters", t);
    }
    return true;
}

static bool set_product(const struct place *p, enum value_kind kind, struct text t,
                        struct ident *out) {
    if (kind == VALUE_NUMBER) {
        return set_number_ident(p, t, out);
    }
    if (t.len == 0) {
        return refuse(p, REJECT_EMPTY, "must not be empty", t);
    }
    if (!check_text(p, t)) {
        return false;
    }
    *out = ident_of_text(t);
    return true;
}

// --- The other fields

static bool set_event(const struct place *p, struct text t, enum order_kind *out) {
    if (LIKELY(t.len == 6 && memcmp(t.at, "placed", 6) == 0)) {
        *out = ORDER_PLACED;
        return true;
    }
    for (enum order_kind k = ORDER_PLACED; k <= ORDER_REFUNDED; k++) {
        if (text_equal(t, text_of(order_kind_name(k)))) {
            *out = k;
            return true;
        }
    }
    return refuse_spelling(p, REJECT_UNKNOWN_VALUE, t);
}

static bool set_created_at(const struct place *p, struct text t, const struct zone *zone,
                           int64_t *out) {
    switch (timestamp_parse(t, zone, out)) {
    case TIMESTAMP_OK:
        return true;
    case TIMESTAMP_MALFORMED:
        return refuse_spelling(p, REJECT_MALFORMED, t);
    case TIMESTAMP_NO_SUCH_DATE:
        return refuse(p, REJECT_MALFORMED, "is a date or time that does not exist", t);
    case TIMESTAMP_OUT_OF_RANGE:
        return refuse(p, REJECT_RANGE, "must be in the years 1970 to 2200", t);
    }
    return false;
}

static bool set_quantity(const struct place *p, struct text t, int64_t *out, uint32_t *warnings) {
    if (!canonical_integer(t, out)) {
        return refuse_integer(p, t, "must be at most 1000000");
    }
    if (*out > ORDER_QUANTITY_MAX) {
        return refuse(p, REJECT_RANGE, "must be at most 1000000", t);
    }
    *warnings |= *out == 0 ? WARN_QUANTITY_ZERO : 0;
    return true;
}

static bool set_amount(const struct place *p, struct text t, int64_t *out, uint32_t *warnings) {
    bool rounded;
    enum money_result result = money_parse(t, out, &rounded);
    if (LIKELY(result == MONEY_OK)) {
        *warnings |= rounded ? WARN_AMOUNT_ROUNDED : 0;
        return true;
    }
    switch (result) {
    case MONEY_NEGATIVE:
        return refuse(p, REJECT_NEGATIVE, "must not be negative", t);
    case MONEY_TOO_LARGE:
        return refuse(p, REJECT_RANGE, "must be below 1000000000000", t);
    default:
        return refuse_spelling(p, REJECT_MALFORMED, t);
    }
}

static inline bool is_capital(char c) {
    return c >= 'A' && c <= 'Z';
}

static bool set_currency(const struct place *p, struct text t, char out[static 4]) {
    if (t.len != 3 || !is_capital(t.at[0]) || !is_capital(t.at[1]) || !is_capital(t.at[2])) {
        return refuse_spelling(p, REJECT_MALFORMED, t);
    }
    memcpy(out, t.at, 3);
    out[3] = '\0';
    return true;
}

static bool set_text(const struct place *p, struct text t, struct text *out) {
    *out = t.len == 0 ? TEXT_NONE : t;
    return check_text(p, t);
}

// --- By name

// The fields that a JSON number cannot spell.
#define TEXT_ONLY                                                                                  \
    (1u << FIELD_EVENT | 1u << FIELD_EVENT_ID | 1u << FIELD_CREATED_AT | 1u << FIELD_CURRENCY |    \
     1u << FIELD_SOURCE | 1u << FIELD_STATE)

static inline bool set_field(struct order_builder *b, const struct place *p, enum value_kind kind,
                             struct text t) {
    struct order *o = b->order;
    if (kind == VALUE_NUMBER && (TEXT_ONLY >> p->field & 1) != 0) {
        return refuse_spelling(p, REJECT_TYPE, t);
    }
    switch (p->field) {
    case FIELD_ORDER_ID:
        return set_ident(p, kind, t, &o->order_id);
    case FIELD_EVENT:
        return set_event(p, t, &o->kind);
    case FIELD_EVENT_ID:
        return set_text_ident(p, t, &o->event_id);
    case FIELD_CREATED_AT:
        return set_created_at(p, t, b->rules->zone, &o->created_ms);
    case FIELD_CUSTOMER_ID:
        return set_ident(p, kind, t, &o->customer_id);
    case FIELD_PRODUCT_ID:
        return set_product(p, kind, t, &o->product_id);
    case FIELD_QUANTITY:
        return set_quantity(p, t, &o->quantity, &o->warnings);
    case FIELD_ITEMS:
        return refuse_spelling(p, REJECT_TYPE, t);
    case FIELD_SUBTOTAL:
        return set_amount(p, t, &o->subtotal_e4, &o->warnings);
    case FIELD_DISCOUNT:
        return set_amount(p, t, &o->discount_e4, &o->warnings);
    case FIELD_SHIPPING:
        return set_amount(p, t, &o->shipping_e4, &o->warnings);
    case FIELD_TAX:
        return set_amount(p, t, &o->tax_e4, &o->warnings);
    case FIELD_TOTAL:
        return set_amount(p, t, &o->total_e4, &o->warnings);
    case FIELD_CURRENCY:
        return set_currency(p, t, o->currency);
    case FIELD_SOURCE:
        return set_text(p, t, &o->source);
    case FIELD_STATE:
        return set_text(p, t, &o->state);
    case FIELD_UNKNOWN:
        break;
    }
    return true;
}

bool order_set(struct order_builder *b, enum order_field f, enum value_kind kind,
               struct text spelling) {
    if (f >= FIELD_UNKNOWN) {
        return true;
    }
    // A number has no white space to trim: asking all the same saves a branch on the kind.
    struct text t = trimmed(spelling);
    struct place p = {b->why, f, -1};
    if (!set_field(b, &p, kind, t)) {
        return false;
    }
    b->seen |= UINT32_C(1) << f;
    return true;
}

bool order_item_set(struct order_builder *b, struct order_item *item, size_t index,
                    enum order_field f, enum value_kind kind, struct text spelling) {
    struct text t = trimmed(spelling);
    struct place p = {b->why, f, (long)index};
    switch (f) {
    case FIELD_PRODUCT_ID:
        return set_product(&p, kind, t, &item->product_id);
    case FIELD_QUANTITY:
        return set_quantity(&p, t, &item->quantity, &b->order->warnings);
    case FIELD_SUBTOTAL:
        return set_amount(&p, t, &item->subtotal_e4, &b->order->warnings);
    default: // an item has no other fields: ignored as any unknown one
        return true;
    }
}
