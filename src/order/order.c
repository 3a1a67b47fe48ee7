// SPDX-License-Identifier: MIT
// The order event as a whole: what an event starts with, what must be there when its fields are
// set, what its items add up to, which of its facts are warnings, and when two events are the same
// order. The rules of single fields are in order_fields.c.
//
// Happy path: order_begin, order_set for each field (order_set_items once), order_finish; the
// engine adds order_mark_arrival.
//
// Fails: a required field is absent (missing), items beside product_id or quantity (ambiguous).
#include "order/order.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

const char *order_kind_name(enum order_kind kind) {
    switch (kind) {
    case ORDER_PLACED:
        return "placed";
    case ORDER_CANCELLED:
        return "cancelled";
    case ORDER_REFUNDED:
        return "refunded";
    }
    return "";
}

static const char *const reject_codes[] = {
    REJECT_MISSING,       REJECT_TYPE,          REJECT_MALFORMED, REJECT_NEGATIVE,
    REJECT_RANGE,         REJECT_TOO_LONG,      REJECT_EMPTY,     REJECT_BAD_CHARACTER,
    REJECT_UNKNOWN_VALUE, REJECT_DUPLICATE_KEY, REJECT_TOO_DEEP,  REJECT_TOO_LARGE,
    REJECT_NOT_JSON,      REJECT_NOT_OBJECT,    REJECT_AMBIGUOUS, REJECT_BAD_ROW,
    REJECT_CONFLICT,      REJECT_OVERFLOW,      REJECT_FORM,      REJECT_CHANGED};

const char *reject_code_of(struct text code) {
    for (size_t i = 0; i < COUNT_OF(reject_codes); i++) {
        if (text_equal(code, text_of(reject_codes[i]))) {
            return reject_codes[i];
        }
    }
    return NULL;
}

void reject_codes_list(char *out, size_t out_bytes) {
    size_t at = 0;
    for (size_t i = 0; i < COUNT_OF(reject_codes) && at < out_bytes; i++) {
        at +=
            (size_t)snprintf(out + at, out_bytes - at, "%s%s", i > 0 ? ", " : "", reject_codes[i]);
    }
}

// --- Messages

// Takes a character that was cut in its middle off the end of `out`, which is zero-terminated.
static void drop_partial_character(char *out) {
    size_t len = strlen(out);
    size_t start = len;
    while (start > 0 && len - start < 4) {
        unsigned char c = (unsigned char)out[--start];
        if ((c & 0xC0) != 0x80) { // the last character starts here
            if (!text_is_utf8((struct text){out + start, len - start})) {
                out[start] = '\0';
            }
            return;
        }
    }
}

bool reject(struct rejection *why, const char *field, const char *code, const char *format, ...) {
    int n_field = snprintf(why->field, sizeof why->field, "%s", field);
    if (n_field >= (int)sizeof why->field) {
        drop_partial_character(why->field);
    }
    why->code = code;
    va_list args;
    va_start(args, format);
    int n = vsnprintf(why->message, sizeof why->message, format, args);
    va_end(args);
    if (n >= (int)sizeof why->message) {
        drop_partial_character(why->message);
    }
    return false;
}

struct excerpt excerpt_of(struct text value) {
    enum { MAX_CHARACTERS = 40, CUT_CHARACTERS = 3 }; // the latter for "..."
    struct excerpt e;
    size_t at = 0, out = 0, n = 0;
    size_t cut_at = 0; // where "..." would start
    for (; at < value.len && n < MAX_CHARACTERS; n++) {
        cut_at = n <= MAX_CHARACTERS - CUT_CHARACTERS ? out : cut_at;
        size_t taken;
        size_t bytes = text_shown((struct text){value.at + at, value.len - at}, &taken);
        if (bytes == 0) {
            e.text[out++] = '?';
        }
        memcpy(e.text + out, value.at + at, bytes);
        out += bytes;
        at += taken;
    }
    if (at < value.len) {
        memcpy(e.text + cut_at, "...", CUT_CHARACTERS);
        out = cut_at + CUT_CHARACTERS;
    }
    e.text[out] = '\0';
    return e;
}

// --- The event

struct text ident_text(struct ident i, char digits[static 24]) {
    if (i.num < 0) {
        return i.text;
    }
    char *end = digits + 24, *at = end;
    uint64_t left = (uint64_t)i.num;
    do {
        *--at = (char)('0' + left % 10);
        left /= 10;
    } while (left > 0);
    return (struct text){at, (size_t)(end - at)};
}

static bool same_customer(struct ident a, struct ident b) {
    return ident_equal(a, b) || ident_forgotten(a) || ident_forgotten(b);
}

bool order_same_content(const struct order *a, const struct order *b) {
    return a->total_e4 == b->total_e4 && a->subtotal_e4 == b->subtotal_e4 &&
           a->discount_e4 == b->discount_e4 && a->shipping_e4 == b->shipping_e4 &&
           a->tax_e4 == b->tax_e4 && a->quantity == b->quantity &&
           memcmp(a->currency, b->currency, sizeof a->currency) == 0 &&
           same_customer(a->customer_id, b->customer_id) &&
           ident_equal(a->product_id, b->product_id) && text_equal(a->items_json, b->items_json);
}

void order_begin(struct order_builder *b, const struct order_rules *rules, struct order *out,
                 struct rejection *why) {
    *b = (struct order_builder){.rules = rules, .order = out, .why = why};
    // In pieces so small that the compiler clears each by a few stores: the whole it would clear by
    // "rep stos", whose start alone takes longer, or by a call.
    enum { PIECE = 64, PIECES = sizeof *out / PIECE };
    _Static_assert(PIECES == 3, "each is cleared");
    memset(out, 0, PIECE);
    memset((char *)out + PIECE, 0, PIECE);
    memset((char *)out + 2 * PIECE, 0, PIECE);
    memset((char *)out + PIECES * PIECE, 0, sizeof *out - PIECES * PIECE);
    out->order_id.num = out->customer_id.num = out->product_id.num = IDENT_NONE.num;
    out->kind = ORDER_PLACED;
    memcpy(out->currency, rules->currency, sizeof out->currency);
}

// Writes `text` as a JSON string; it holds no control characters. At most 2 + 2 * len bytes.
static char *put_json_text(char *at, struct text text) {
    *at++ = '"';
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] == '"' || text.at[i] == '\\') {
            *at++ = '\\';
        }
        *at++ = text.at[i];
    }
    *at++ = '"';
    return at;
}

static char *put_text(char *at, struct text text) {
    if (text.len > 0) { // an absent text has no address to copy from
        memcpy(at, text.at, text.len);
    }
    return at + text.len;
}

static char *put_item(char *at, const struct order_item *item) {
    char digits[24];
    at = put_text(at, TEXT_LIT("{\"product_id\":"));
    at = item->product_id.num >= 0 ? put_text(at, ident_text(item->product_id, digits))
                                   : put_json_text(at, item->product_id.text);
    at = put_text(at, TEXT_LIT(",\"quantity\":"));
    at = put_text(at, ident_text((struct ident){item->quantity, TEXT_NONE}, digits));
    at = put_text(at, TEXT_LIT(",\"subtotal\":\""));
    at += money_format(item->subtotal_e4, at);
    return put_text(at, TEXT_LIT("\"}"));
}

bool order_set_items(struct order_builder *b, const struct order_item *items, size_t n,
                     struct arena *arena) {
    struct order *o = b->order;
    size_t room = sizeof "[]";
    for (size_t i = 0; i < n; i++) {
        // The fixed text, a comma, two integers and an amount, or a text with each byte escaped.
        room += sizeof ",{\"product_id\":,\"quantity\":,\"subtotal\":\"\"}" + 3 * (size_t)24 +
                (items[i].product_id.num < 0 ? 2 + 2 * items[i].product_id.text.len : 0);
    }
    char *json = arena_try_bytes(arena, room);
    if (json == NULL) {
        b->out_of_memory = true;
        return false;
    }
    char *at = json;
    *at++ = '[';
    o->quantity = 0;
    for (size_t i = 0; i < n; i++) {
        if (i > 0) {
            *at++ = ',';
        }
        at = put_item(at, &items[i]);
        o->quantity += items[i].quantity;
    }
    *at++ = ']';
    o->items_json = (struct text){json, (size_t)(at - json)};
    arena_give_back(arena, room - o->items_json.len);
    o->items = items;
    o->n_items = (uint32_t)n;
    b->seen |= UINT32_C(1) << FIELD_ITEMS;
    return true;
}

// --- What must be there

#define BIT(f) (UINT32_C(1) << (f))

static bool missing(const struct order_builder *b, enum order_field f, const char *when) {
    const char *name = order_field_name(f);
    return reject(b->why, name, REJECT_MISSING, "%s is required%s: %s", name, when,
                  order_field_expects(f));
}

static bool check_presence(const struct order_builder *b) {
    static const uint32_t always = BIT(FIELD_ORDER_ID) | BIT(FIELD_CREATED_AT) | BIT(FIELD_TOTAL);
    static const uint32_t product = BIT(FIELD_PRODUCT_ID) | BIT(FIELD_QUANTITY);
    bool items = (b->seen & BIT(FIELD_ITEMS)) != 0;
    if (LIKELY((b->seen & (always | product)) == (always | product) && !items)) {
        return true;
    }
    if (items && (b->seen & product) != 0) {
        return reject(b->why, "items", REJECT_AMBIGUOUS,
                      "items stand instead of product_id and quantity: send either, not both");
    }
    for (enum order_field f = 0; f < FIELD_COUNT; f++) {
        if ((b->seen & BIT(f)) != 0) {
            continue;
        }
        if ((always & BIT(f)) != 0) {
            return missing(b, f, "");
        }
        if (!items && (product & BIT(f)) != 0) {
            return missing(b, f, " (or items)");
        }
    }
    return true;
}

bool order_finish(struct order_builder *b) {
    struct order *o = b->order;
    if (!check_presence(b)) {
        return false;
    }
    if (o->kind == ORDER_REFUNDED && o->event_id.at == NULL) {
        return missing(b, FIELD_EVENT_ID, " for a refund, since two equal partial refunds are two");
    }
    // Each is below 10^16: no sum of five can overflow.
    int64_t expected_e4 = o->subtotal_e4 - o->discount_e4 + o->shipping_e4 + o->tax_e4;
    if (UNLIKELY(o->total_e4 < 0 && expected_e4 >= 0)) {
        char total[24];
        return reject(b->why, "total", REJECT_NEGATIVE,
                      "total must not be negative unless the discount makes it so: '%.*s'",
                      (int)money_format(o->total_e4, total), total);
    }
    int64_t off = o->total_e4 - expected_e4;
    const int64_t one_cent_e4 = 100;
    if (off > one_cent_e4 || off < -one_cent_e4) {
        o->warnings |= WARN_TOTAL_MISMATCH;
    }
    if (o->quantity == 0) {
        o->warnings |= WARN_QUANTITY_ZERO;
    }
    return true;
}

void order_mark_arrival(struct order *o, int64_t arrival_ms, int64_t late_limit_ms) {
    const int64_t day_ms = INT64_C(24) * 60 * 60 * 1000;
    o->warnings &= ~(uint32_t)(WARN_LATE | WARN_FUTURE);
    if (o->created_ms < arrival_ms - late_limit_ms) {
        o->warnings |= WARN_LATE;
    }
    if (o->created_ms > arrival_ms + day_ms) {
        o->warnings |= WARN_FUTURE;
    }
}
