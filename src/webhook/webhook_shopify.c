// SPDX-License-Identifier: MIT
// Shopify: orders/create, orders/updated and others of orders/ have an order as their
// body, refunds/create a refund.
//
// An order tells
// 1. that it was placed, with its amounts as they were before anything was taken back
//    (total_price, not current_total_price);
// 2. each refund in it, by its id: the same event that refunds/create makes;
// 3. with cancelled_at, a cancellation: of what was left when it was cancelled, that is, without
//    the refunds made by then. What is refunded later pays back what the cancellation has taken
//    away already: such a refund has a counter-entry, so that its money is taken back once.
// Which refunds were made by then is told by their times, so every later body tells the same.
// (Cancelling the whole order with a counter-entry for each refund would need no times, but nothing
// gives pieces back, nor a product its sums.)
//
// A refund is the money that went back (transactions), or where none did the value of what came
// back. Amounts are in the shop's currency.
#include "webhook/webhook_shopify.h"

#include <stdio.h>
#include <stdlib.h>

// A refund belongs to a cancellation when it was made up to so long after it.
enum { WITH_CANCELLATION_MS = 10 * 1000 };

// What all events of an order share.
struct shop_order {
    struct text id, currency, source, state;
    yyjson_val *lines;
};

// --- Refunds

static bool refund_items(struct mapping *m, const struct shopify_refund *r,
                         struct webhook_event *e) {
    struct webhook_item *items;
    size_t i, n;
    yyjson_val *v;
    if (!webhook_items_new(m, yyjson_arr_size(r->lines), &items)) {
        return false;
    }
    yyjson_arr_foreach(r->lines, i, n, v) {
        yyjson_val *line = yyjson_obj_get(v, "line_item");
        int64_t quantity;
        if (!webhook_quantity(m, v, "quantity", &quantity) ||
            !shopify_line(m, line, quantity, &items[i]) ||
            (line == NULL &&
             !webhook_amount(m, webhook_text(v, "subtotal"), "subtotal", &items[i].subtotal_e4))) {
            return false;
        }
    }
    e->items = items;
    e->n_items = yyjson_arr_size(r->lines);
    return true;
}

static bool emit_refund(struct mapping *m, const struct shop_order *o,
                        const struct shopify_refund *r) {
    struct webhook_event e = {.kind = ORDER_REFUNDED,
                              .order_id = o->id,
                              .event_id = r->id,
                              .created_at = r->created_at,
                              .currency = r->currency, // as refunds/create has it
                              .source = o->source,
                              .state = o->state};
    webhook_split(&e, r->total_e4, r->tax_e4, r->shipping_e4);
    return r->is_empty || (refund_items(m, r, &e) && webhook_emit(m, &e));
}

// Takes a refund back that was made of a cancelled order.
static bool emit_counter(struct mapping *m, const struct shop_order *o,
                         const struct shopify_refund *r) {
    struct webhook_event e = {.kind = ORDER_REFUNDED,
                              .order_id = o->id,
                              .created_at = r->created_at,
                              .currency = r->currency, // as refunds/create has it
                              .source = o->source,
                              .state = o->state,
                              .discount_e4 = r->total_e4,
                              .total_e4 = -r->total_e4};
    return r->total_e4 == 0 ||
           (webhook_join(m, r->id, "-counter", &e.event_id) && webhook_emit(m, &e));
}

// --- Orders

static bool order_amounts(struct mapping *m, struct webhook_event *e) {
    yyjson_val *o = m->root;
    struct text shipping = shopify_money(o, "total_shipping_price_set");
    if (webhook_text(o, "total_price").len == 0) {
        return webhook_unmapped(m, "total_price", REJECT_MISSING, "total_price is missing");
    }
    if (shipping.len == 0) { // versions before 2019
        size_t i, n;
        yyjson_val *line;
        yyjson_arr_foreach(yyjson_obj_get(o, "shipping_lines"), i, n, line) {
            if (!webhook_add(m, webhook_text(line, "price"), "shipping_lines.price",
                             &e->shipping_e4)) {
                return false;
            }
        }
    } else if (!webhook_amount(m, shipping, "total_shipping_price_set", &e->shipping_e4)) {
        return false;
    }
    bool ok =
        webhook_amount(m, webhook_text(o, "total_price"), "total_price", &e->total_e4) &&
        webhook_amount(m, webhook_text(o, "total_discounts"), "total_discounts", &e->discount_e4) &&
        webhook_amount(m, webhook_text(o, "total_tax"), "total_tax", &e->tax_e4) &&
        webhook_amount(m, webhook_text(o, "total_line_items_price"), "total_line_items_price",
                       &e->subtotal_e4);
    webhook_close_sum(e); // tips, duties and taxes within the prices are in it
    return ok;
}

static bool order_items(struct mapping *m, yyjson_val *lines, struct webhook_event *e) {
    struct webhook_item *items;
    size_t i, n;
    yyjson_val *line;
    if (!webhook_items_new(m, yyjson_arr_size(lines), &items)) {
        return false;
    }
    yyjson_arr_foreach(lines, i, n, line) {
        int64_t quantity;
        if (!webhook_quantity(m, line, "quantity", &quantity) ||
            !shopify_line(m, line, quantity, &items[i])) {
            return false;
        }
    }
    e->items = items;
    e->n_items = yyjson_arr_size(lines);
    return true;
}

// Pieces of a line that came back.
struct came_back {
    struct text line;
    int64_t pieces;
};

static int by_line(const void *a, const void *b) {
    const struct came_back *x = a, *y = b;
    size_t len = x->line.len < y->line.len ? x->line.len : y->line.len;
    int order = len > 0 ? memcmp(x->line.at, y->line.at, len) : 0;
    return order != 0 ? order : (x->line.len > y->line.len) - (x->line.len < y->line.len);
}

// Of these refunds, by line, each line once.
static bool what_came_back(struct mapping *m, const struct shopify_refund *refunds,
                           size_t n_refunds, struct came_back **out, size_t *n_out) {
    size_t n_lines = 0, n_read = 0, kept = 0;
    for (size_t k = 0; k < n_refunds; k++) {
        n_lines += yyjson_arr_size(refunds[k].lines);
    }
    struct came_back *all = arena_try_alloc(&m->sub->arena, (n_lines + 1) * sizeof *all);
    if (all == NULL) {
        m->no_memory = true;
        return false;
    }
    for (size_t k = 0; k < n_refunds; k++) {
        size_t i, n;
        yyjson_val *v;
        yyjson_arr_foreach(refunds[k].lines, i, n, v) {
            all[n_read].line = webhook_text(v, "line_item_id");
            if (!webhook_quantity(m, v, "quantity", &all[n_read++].pieces)) {
                return false;
            }
        }
    }
    qsort(all, n_read, sizeof *all, by_line);
    for (size_t i = 0; i < n_read; i++) {
        if (kept > 0 && text_equal(all[kept - 1].line, all[i].line)) {
            all[kept - 1].pieces += all[i].pieces; // each is at most ORDER_QUANTITY_MAX
        } else {
            all[kept++] = all[i];
        }
    }
    *out = all;
    *n_out = kept;
    return true;
}

static bool items_left(struct mapping *m, yyjson_val *lines, const struct shopify_refund *refunds,
                       size_t n_refunds, struct webhook_event *e) {
    struct webhook_item *items;
    struct came_back *back;
    size_t i, n, n_back, kept = 0;
    yyjson_val *line;
    if (!webhook_items_new(m, yyjson_arr_size(lines), &items) ||
        !what_came_back(m, refunds, n_refunds, &back, &n_back)) {
        return false;
    }
    yyjson_arr_foreach(lines, i, n, line) {
        const struct came_back wanted = {.line = webhook_text(line, "id")};
        const struct came_back *found =
            wanted.line.len > 0 ? bsearch(&wanted, back, n_back, sizeof *back, by_line) : NULL;
        int64_t quantity, pieces = found != NULL ? found->pieces : 0;
        if (!webhook_quantity(m, line, "quantity", &quantity) ||
            (quantity > pieces && !shopify_line(m, line, quantity - pieces, &items[kept++]))) {
            return false;
        }
    }
    e->items = items;
    e->n_items = kept;
    return true;
}

// The first n_before refunds were made by then.
static bool emit_cancelled(struct mapping *m, const struct webhook_event *placed,
                           const struct shopify_refund *refunds, size_t n_before) {
    struct webhook_event e = *placed;
    int64_t back_e4 = 0, tax_e4 = 0, shipping_e4 = 0;
    for (size_t i = 0; i < n_before; i++) {
        struct webhook_event part = {.kind = ORDER_REFUNDED};
        webhook_split(&part, refunds[i].total_e4, refunds[i].tax_e4, refunds[i].shipping_e4);
        if (!webhook_plus(m, part.total_e4, "refunds", &back_e4) ||
            !webhook_plus(m, part.tax_e4, "refunds", &tax_e4) ||
            !webhook_plus(m, part.shipping_e4, "refunds", &shipping_e4)) {
            return false;
        }
    }
    e.kind = ORDER_CANCELLED;
    e.created_at = webhook_text(m->root, "cancelled_at");
    if (n_before > 0) { // all of it is as it was placed otherwise
        int64_t left_e4 = e.total_e4 - back_e4;
        webhook_split(&e, left_e4 > 0 ? left_e4 : 0, e.tax_e4 - tax_e4,
                      e.shipping_e4 - shipping_e4);
        if (left_e4 < 0) { // more came back than was sold: it ends at nothing all the same
            e.discount_e4 = -left_e4;
            e.total_e4 = left_e4;
        }
    }
    return items_left(m, yyjson_obj_get(m->root, "line_items"), refunds, n_before, &e) &&
           webhook_emit(m, &e);
}

static int by_time(const void *a, const void *b) {
    const struct shopify_refund *x = a, *y = b;
    return (x->created_ms > y->created_ms) - (x->created_ms < y->created_ms);
}

static bool cancel(struct mapping *m, const struct shop_order *o,
                   const struct webhook_event *placed, struct shopify_refund *refunds, size_t n) {
    int64_t cancelled_ms;
    if (timestamp_parse(webhook_text(m->root, "cancelled_at"), m->rules->zone, &cancelled_ms) !=
        TIMESTAMP_OK) {
        return webhook_unmapped(m, "cancelled_at", REJECT_MALFORMED, "cancelled_at is no time");
    }
    size_t n_before = 0;
    qsort(refunds, n, sizeof *refunds, by_time);
    while (n_before < n && refunds[n_before].created_ms <= cancelled_ms + WITH_CANCELLATION_MS) {
        n_before++;
    }
    bool ok = emit_cancelled(m, placed, refunds, n_before);
    for (size_t i = n_before; ok && i < n; i++) {
        ok = emit_counter(m, o, &refunds[i]);
    }
    return ok;
}

static bool take_refunds(struct mapping *m, const struct shop_order *o,
                         const struct webhook_event *placed) {
    yyjson_val *all = yyjson_obj_get(m->root, "refunds"), *v;
    struct shopify_refund *refunds =
        arena_try_alloc(&m->sub->arena, (yyjson_arr_size(all) + 1) * sizeof *refunds);
    size_t i, n, n_read = 0;
    if (refunds == NULL) {
        m->no_memory = true;
        return false;
    }
    yyjson_arr_foreach(all, i, n, v) {
        if (!shopify_refund_read(m, v, &refunds[n_read]) || !emit_refund(m, o, &refunds[n_read])) {
            return false;
        }
        n_read++;
    }
    bool cancelled = webhook_text(m->root, "cancelled_at").len > 0;
    return !cancelled || cancel(m, o, placed, refunds, n_read);
}

static bool order_place(struct mapping *m, struct shop_order *o) {
    struct text state = webhook_text_in(m->root, "shipping_address", "province_code");
    state = state.len > 0 ? state : webhook_text_in(m->root, "billing_address", "province_code");
    o->currency = webhook_text(m->root, "currency");
    o->lines = yyjson_obj_get(m->root, "line_items");
    return webhook_name(m, webhook_text(m->root, "source_name"), &o->source) &&
           webhook_name(m, state, &o->state) && webhook_id(m, m->root, "id", &o->id);
}

static enum webhook_outcome map_order(struct mapping *m) {
    struct shop_order o;
    if (webhook_true(m->root, "test")) {
        return WEBHOOK_TEST;
    }
    if (order_place(m, &o)) {
        struct webhook_event e = {.kind = ORDER_PLACED,
                                  .order_id = o.id,
                                  .created_at = webhook_text(m->root, "created_at"),
                                  .currency = o.currency,
                                  .source = o.source,
                                  .state = o.state};
        bool ok = order_amounts(m, &e) && order_items(m, o.lines, &e) && webhook_emit(m, &e) &&
                  take_refunds(m, &o, &e);
        UNUSED(ok); // m tells
    }
    return WEBHOOK_MAPPED;
}

static enum webhook_outcome map_refund(struct mapping *m) {
    struct shop_order o = {0};
    struct shopify_refund r;
    if (!webhook_id(m, m->root, "order_id", &o.id) || !shopify_refund_read(m, m->root, &r)) {
        return WEBHOOK_MAPPED;
    }
    if (r.is_test) {
        return WEBHOOK_TEST;
    }
    bool ok = emit_refund(m, &o, &r);
    return ok && r.is_empty ? WEBHOOK_NOT_SOLD : WEBHOOK_MAPPED;
}

enum webhook_outcome webhook_map_shopify(struct mapping *m) {
    static const char *const orders[] = {"orders/create",    "orders/updated",
                                         "orders/paid",      "orders/cancelled",
                                         "orders/fulfilled", "orders/partially_fulfilled"};
    for (size_t i = 0; i < COUNT_OF(orders); i++) {
        if (text_equal(m->hook->topic, text_of(orders[i]))) {
            return map_order(m);
        }
    }
    if (text_equal(m->hook->topic, TEXT_LIT("orders/delete"))) {
        return webhook_map_deleted(m);
    }
    return text_equal(m->hook->topic, TEXT_LIT("refunds/create")) ? map_refund(m)
                                                                  : WEBHOOK_UNKNOWN_TOPIC;
}
