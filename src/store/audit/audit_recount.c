// SPDX-License-Identifier: MIT
// Adding a raw event up again. What the order code could not have made, or no sum could hold, is
// counted, not added.
#include "store/audit/audit_recount.h"

static bool amount_is(int64_t amount_e4) {
    return amount_e4 >= 0 && amount_e4 < MONEY_LIMIT_E4;
}

static bool possible(const struct order *o, bool placed) {
    bool kind =
        placed ? o->kind == ORDER_PLACED : o->kind == ORDER_CANCELLED || o->kind == ORDER_REFUNDED;
    bool ok = kind && currency_is(text_of(o->currency)) && o->created_ms >= 0 &&
              o->created_ms < INT64_C(7289654400000) && // the year 2201
              o->quantity >= 0 && o->quantity <= (int64_t)ORDER_QUANTITY_MAX * ORDER_ITEMS_MAX &&
              amount_is(o->total_e4 < 0 ? -(o->total_e4 + 1) : o->total_e4) &&
              amount_is(o->subtotal_e4) && amount_is(o->discount_e4) && amount_is(o->shipping_e4) &&
              amount_is(o->tax_e4) && o->n_items <= ORDER_ITEMS_MAX;
    for (uint32_t i = 0; ok && i < o->n_items; i++) { // money_parse has read their subtotals
        ok = o->items[i].quantity >= 0 && o->items[i].quantity <= ORDER_QUANTITY_MAX;
    }
    return ok;
}

bool recount_add(struct recount *r, struct cube *cube, const struct stored_event *event,
                 bool placed, int32_t minute_floor, int32_t hour_floor) {
    const struct order *o = &event->order;
    r->orders += placed;
    r->adjustments += !placed;
    if (!possible(o, placed)) {
        r->impossible++;
        return true;
    }
    uint32_t group;
    switch (cube_add(cube, o, minute_floor, hour_floor, &group)) {
    case CUBE_OK:
        break;
    case CUBE_OVERFLOW:
        r->impossible++;
        return true;
    case CUBE_NO_MEMORY:
        return false;
    }
    // Wraps instead of trapping: a wrong sum is what the comparison is there to find.
    int64_t *gross = &r->gross_e4[currency_number(o->currency)];
    *gross = (int64_t)((uint64_t)*gross + (uint64_t)currency_gross_of(o));
    return true;
}
