// SPDX-License-Identifier: MIT
// The fields of an order event: their names, setting one from its spelling, and what to say about a
// spelling that cannot be. The rules themselves are in field_take.h.
//
// Happy path of order_set: trim the spelling, let the field's rule take it into the order, mark the
// field as seen. Items' fields go the same way by order_item_set.
//
// Fails: the spelling is looked at again to find which rule it breaks; `why` says which field,
// which rule, and what came. The order is then not to be used.
#include "order/order.h"

#include "order/field_take.h"
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
    [FIELD_CURRENCY] = {"currency", "a text of three letters such as \"USD\""},
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
static bool order_fields_refuse(const struct place *p, const char *code, const char *rule,
                                struct text value) {
    struct place_name n = name_of(p);
    return reject(p->why, n.text, code, "%s %s: '%s'", n.text, rule, excerpt_of(value).text);
}

// "total must be an amount such as 12.50, not 'abc'"
static bool refuse_spelling(const struct place *p, const char *code, struct text value) {
    struct place_name n = name_of(p);
    return reject(p->why, n.text, code, "%s must be %s, not '%s'", n.text,
                  order_field_expects(p->field), excerpt_of(value).text);
}

// --- What is wrong with a spelling that field_take.h did not take

// A JSON number, or the text of a whole number.
static bool refuse_integer(const struct place *p, struct text t, const char *too_large) {
    size_t sign = t.len > 0 && t.at[0] == '-';
    size_t n = sign;
    while (n < t.len && t.at[n] >= '0' && t.at[n] <= '9') {
        n++;
    }
    bool digits = n == t.len && n > sign;
    if (!digits || t.at[sign] == '0') { // 1.0, 1e3, -0, 007
        return refuse_spelling(p, REJECT_MALFORMED, t);
    }
    return sign ? order_fields_refuse(p, REJECT_NEGATIVE, "must not be negative", t)
                : order_fields_refuse(p, REJECT_RANGE, too_large, t);
}

static bool refuse_text_ident(const struct place *p, struct text t) {
    if (t.len == 0) {
        return order_fields_refuse(p, REJECT_EMPTY, "must not be empty", t);
    }
    if (!is_printable_ascii(t)) {
        return order_fields_refuse(p, REJECT_BAD_CHARACTER,
                                   "may hold printable ASCII characters only", t);
    }
    return order_fields_refuse(p, REJECT_TOO_LONG, "must have at most 64 characters", t);
}

static bool refuse_text(const struct place *p, struct text t) {
    if (has_control_character(t)) {
        return order_fields_refuse(p, REJECT_BAD_CHARACTER, "must not hold control characters", t);
    }
    return order_fields_refuse(p, REJECT_TOO_LONG, "must have at most 100 characters", t);
}

static bool refuse_created_at(const struct place *p, struct text t, const struct zone *zone) {
    int64_t ignored;
    switch (timestamp_parse(t, zone, &ignored)) {
    case TIMESTAMP_NO_SUCH_DATE:
        return order_fields_refuse(p, REJECT_MALFORMED, "is a date or time that does not exist", t);
    case TIMESTAMP_OUT_OF_RANGE:
        return order_fields_refuse(p, REJECT_RANGE, "must be in the years 1970 to 2200", t);
    default:
        return refuse_spelling(p, REJECT_MALFORMED, t);
    }
}

static bool refuse_amount(const struct place *p, enum value_kind kind, struct text t) {
    int64_t ignored;
    bool rounded;
    switch (read_amount(kind, t, &ignored, &rounded)) {
    case MONEY_NEGATIVE:
        return order_fields_refuse(p, REJECT_NEGATIVE, "must not be negative", t);
    case MONEY_TOO_LARGE:
        return order_fields_refuse(p, REJECT_RANGE, "must be below 1000000000000", t);
    default:
        return refuse_spelling(p, REJECT_MALFORMED, t);
    }
}

// Always false. Kept out of the way of orders that have nothing wrong.
__attribute__((cold, noinline)) static bool
refuse_field(const struct place *p, const struct zone *zone, enum value_kind kind, struct text t) {
    if (kind == VALUE_NUMBER && (TEXT_ONLY >> p->field & 1) != 0) {
        return refuse_spelling(p, REJECT_TYPE, t);
    }
    switch (p->field) {
    case FIELD_ORDER_ID:
    case FIELD_CUSTOMER_ID:
        return kind == VALUE_NUMBER ? refuse_integer(p, t, "must be at most 9223372036854775807")
                                    : refuse_text_ident(p, t);
    case FIELD_PRODUCT_ID:
        return kind == VALUE_NUMBER ? refuse_integer(p, t, "must be at most 9223372036854775807")
                                    : refuse_text(p, t);
    case FIELD_EVENT_ID:
        return refuse_text_ident(p, t);
    case FIELD_EVENT:
        return refuse_spelling(p, REJECT_UNKNOWN_VALUE, t);
    case FIELD_CREATED_AT:
        return refuse_created_at(p, t, zone);
    case FIELD_QUANTITY:
        return refuse_integer(p, without_zero_decimals(t), "must be at most 1000000");
    case FIELD_SUBTOTAL:
    case FIELD_DISCOUNT:
    case FIELD_SHIPPING:
    case FIELD_TAX:
    case FIELD_TOTAL:
        return refuse_amount(p, kind, t);
    case FIELD_CURRENCY:
        return refuse_spelling(p, REJECT_MALFORMED, t);
    case FIELD_SOURCE:
    case FIELD_STATE:
        return refuse_text(p, t);
    case FIELD_ITEMS:
    case FIELD_UNKNOWN:
        break;
    }
    return refuse_spelling(p, REJECT_TYPE, t);
}

// --- By name

struct ident ident_of_text(struct text t) {
    return t.len == 0 ? (struct ident){-1, t} : canonical_ident(t, false);
}

bool order_set(struct order_builder *b, enum order_field f, enum value_kind kind,
               struct text spelling) {
    if (f >= FIELD_UNKNOWN) {
        return true;
    }
    struct text t = trimmed(spelling);
    if (UNLIKELY(!take_field(b->order, b->rules, f, kind, t, false))) {
        return refuse_field(&(struct place){b->why, f, -1}, b->rules->zone, kind, t);
    }
    b->seen |= UINT32_C(1) << f;
    return true;
}

bool order_item_set(struct order_builder *b, struct order_item *item, size_t index,
                    enum order_field f, enum value_kind kind, struct text spelling) {
    struct text t = trimmed(spelling);
    bool taken = true;
    switch (f) {
    case FIELD_PRODUCT_ID:
        taken = take_product(kind, t, false, &item->product_id);
        break;
    case FIELD_QUANTITY:
        taken = take_quantity(kind, t, false, &item->quantity);
        break;
    case FIELD_SUBTOTAL:
        taken = take_amount(kind, t, false, &item->subtotal_e4, &b->order->warnings);
        break;
    default: // an item has no other fields: ignored as any unknown one
        break;
    }
    return taken || refuse_field(&(struct place){b->why, f, (long)index}, b->rules->zone, kind, t);
}
