// SPDX-License-Identifier: MIT
// What a file says was taken back: a column with the amount that was given back (--refund), one
// with the time of a cancellation (--cancelled), lines below zero (--returns).
//
// 1. The order is built as if nothing had been taken back, and finished.
// 2. An order that was cancelled is then taken back whole, once, whatever was refunded of it. Else,
//    what was refunded becomes a refund: all of it with its lines, a part of it as an amount.
// 3. Lines below zero become a refund of their own, of the order that the file names.
//
// The event_id of each is made of the file's content alone, so that the same file, loaded again,
// says nothing new.
//
// How it fails: what cannot be read rejects the order too; nothing is half counted.
#include "format/order_csv_internal.h"
#include "order/money.h"
#include "order/timestamp.h"

static bool take_refund(struct order_csv *c, struct text value, struct rejection *why) {
    bool rounded;
    int64_t amount_e4;
    struct text digits = csv_without_minus(CSV_REFUND, value); // some write it as what goes out
    if (money_parse_text(digits, &amount_e4, &rounded) != MONEY_OK) {
        return reject(why, "refund", REJECT_MALFORMED,
                      "the column of --refund must hold an amount such as 12.50, not '%s'",
                      excerpt_of(value).text);
    }
    c->taken_back.refund_e4 += amount_e4; // at most 200 * 10^16: no overflow
    return true;
}

static bool take_cancelled(struct order_csv *c, struct text value, struct rejection *why) {
    c->taken_back.cancelled = true;
    c->taken_back.cancelled_at = value;
    return timestamp_parse(value, c->rules->zone, &c->taken_back.cancelled_ms) == TIMESTAMP_OK ||
           reject(why, "cancelled", REJECT_MALFORMED,
                  "the column of --cancelled must hold a time or nothing, not '%s'",
                  excerpt_of(value).text);
}

bool csv_take_extra(struct order_csv *c, int field, struct text value, struct rejection *why) {
    switch (field) {
    case CSV_REFUND:
        return take_refund(c, value, why);
    case CSV_CANCELLED:
        return take_cancelled(c, value, why);
    default:
        c->taken_back.original = value;
        return true;
    }
}

uint32_t csv_further_parts(const struct csv_taken_back *t) {
    return t->cancelled ? 1u << CSV_ITS_CANCELLATION : t->refund_e4 != 0 ? 1u << CSV_ITS_REFUND : 0;
}

// Which pieces came back of a part is not known: an amount, of the product if there is but one.
static void refund_a_part(struct order *o, int64_t refund_e4) {
    if (o->n_items == 1) {
        o->product_id = o->items[0].product_id;
    } else if (o->n_items > 1) {
        o->product_id = (struct ident){-1, TEXT_LIT("(unknown)")};
    }
    o->items = NULL;
    o->n_items = 0;
    o->items_json = TEXT_NONE;
    o->quantity = 0;
    o->discount_e4 = o->shipping_e4 = o->tax_e4 = 0;
    o->subtotal_e4 = o->total_e4 = refund_e4;
}

void csv_take_back(const struct csv_taken_back *t, enum order_csv_part part,
                   struct order_csv_event *e) {
    struct order *o = &e->order;
    o->warnings = 0; // they were told of the order
    if (part == CSV_ITS_CANCELLATION) {
        o->kind = ORDER_CANCELLED;
        o->created_ms = t->cancelled_ms;
        o->event_id = TEXT_NONE;
        e->created_at = t->cancelled_at;
        return;
    }
    o->kind = ORDER_REFUNDED;
    o->event_id = TEXT_LIT("refund");
    if (t->refund_e4 != o->total_e4) {
        refund_a_part(o, t->refund_e4);
    }
}

// --- Lines below zero

bool csv_is_below_zero(int field, struct text value) {
    const uint32_t of_lines =
        1u << FIELD_QUANTITY | 1u << FIELD_SUBTOTAL | 1u << CSV_UNIT_PRICE | 1u << FIELD_TOTAL;
    if (!csv_is_among(of_lines, field) || value.len < 2 || value.at[0] != '-') {
        return false;
    }
    for (size_t i = 1; i < value.len; i++) {
        if (value.at[i] >= '1' && value.at[i] <= '9') {
            return true;
        }
    }
    return false; // -0.00
}

struct text csv_without_minus(int field, struct text value) {
    return csv_is_among(CSV_NUMBERS, field) && value.len > 1 && value.at[0] == '-'
               ? (struct text){value.at + 1, value.len - 1}
               : value;
}

bool csv_mark_return(struct order_builder *b, const struct csv_taken_back *t, struct text id) {
    bool of_another = t->original.at != NULL && !text_equal(t->original, t->own_id);
    return order_set(b, FIELD_EVENT, VALUE_TEXT, TEXT_LIT("refunded")) &&
           (!of_another || order_set(b, FIELD_ORDER_ID, VALUE_TEXT, t->original)) &&
           ((b->seen >> FIELD_EVENT_ID & 1) != 0 ||
            order_set(b, FIELD_EVENT_ID, VALUE_TEXT, of_another ? t->own_id : id));
}
