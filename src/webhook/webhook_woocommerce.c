// SPDX-License-Identifier: MIT
// WooCommerce: order.created, order.updated and order.restored have an order as their body.
//
// An order tells, once its status says that it is sold (processing, on-hold, completed, cancelled,
// refunded),
// 1. that it was placed, with its amounts: `total` stays what it was when money goes back;
// 2. each refund in it, by its id. These have a total and nothing else;
// 3. when it is cancelled, or refunded in full, that all of it is taken back. Its refunds have
//    counter-entries then, so that money is taken back once. WooCommerce tells both by the same
//    change of status, and makes of a cancelled order that is paid back a refunded one, so both are
//    one event: a cancellation.
//
// order.deleted has an id and no amounts: it is kept as a rejected event.
#include "webhook/webhook_map_internal.h"

#include <stdio.h>

struct woo_refund {
    struct text id;
    int64_t total_e4;
};

enum woo_status { WOO_NOT_SOLD, WOO_SOLD, WOO_TAKEN_BACK, WOO_UNKNOWN };

static enum woo_status status_of(struct text status) {
    static const struct {
        const char *name;
        enum woo_status is;
    } known[] = {
        {"pending", WOO_NOT_SOLD},    {"checkout-draft", WOO_NOT_SOLD},
        {"auto-draft", WOO_NOT_SOLD}, {"draft", WOO_NOT_SOLD},
        {"failed", WOO_NOT_SOLD},     {"trash", WOO_NOT_SOLD},
        {"processing", WOO_SOLD},     {"on-hold", WOO_SOLD},
        {"completed", WOO_SOLD},      {"cancelled", WOO_TAKEN_BACK},
        {"refunded", WOO_TAKEN_BACK},
    };
    for (size_t i = 0; i < COUNT_OF(known); i++) {
        if (text_equal(status, text_of(known[i].name))) {
            return known[i].is;
        }
    }
    return WOO_UNKNOWN;
}

// Times are UTC without saying so; where there is no such member, the shop's own.
static bool woo_time(struct mapping *m, const char *name, struct text *out) {
    char gmt[32];
    snprintf(gmt, sizeof gmt, "%s_gmt", name);
    struct text t = webhook_text(m->root, gmt);
    if (t.len == 0) {
        *out = webhook_text(m->root, name);
        return true;
    }
    return webhook_join(m, t, "Z", out);
}

static struct text product_of(yyjson_val *line) {
    struct text id = webhook_text(line, "product_id");
    return id.len > 0 && !text_equal(id, TEXT_LIT("0")) ? id : webhook_text(line, "name");
}

static bool read_item(struct mapping *m, yyjson_val *line, struct webhook_item *item) {
    struct text subtotal = webhook_text(line, "subtotal");
    return webhook_name(m, product_of(line), &item->product) &&
           webhook_quantity(m, line, "quantity", &item->quantity) &&
           webhook_amount(m, subtotal.len > 0 ? subtotal : webhook_text(line, "total"),
                          "line_items.subtotal", &item->subtotal_e4);
}

// A line below zero is money off: plugins write vouchers and deposits as such.
static bool take_off(struct mapping *m, struct webhook_item *item, struct webhook_event *e) {
    int64_t off_e4 = item->subtotal_e4 < 0 ? -item->subtotal_e4 : 0;
    item->subtotal_e4 += off_e4;
    return webhook_plus(m, off_e4, "line_items.subtotal", &e->discount_e4);
}

static bool read_items(struct mapping *m, struct webhook_event *e) {
    yyjson_val *lines = yyjson_obj_get(m->root, "line_items"), *line;
    struct webhook_item *items;
    size_t i, n;
    if (!webhook_items_new(m, yyjson_arr_size(lines), &items)) {
        return false;
    }
    yyjson_arr_foreach(lines, i, n, line) {
        if (!read_item(m, line, &items[i]) || !take_off(m, &items[i], e)) {
            return false;
        }
    }
    e->items = items;
    e->n_items = yyjson_arr_size(lines);
    webhook_close_sum(e); // fees are in it
    return true;
}

static bool read_amounts(struct mapping *m, struct webhook_event *e) {
    yyjson_val *o = m->root;
    if (webhook_text(o, "total").len == 0) {
        return webhook_unmapped(m, "total", REJECT_MISSING, "total is missing");
    }
    return webhook_amount(m, webhook_text(o, "total"), "total", &e->total_e4) &&
           webhook_amount(m, webhook_text(o, "discount_total"), "discount_total",
                          &e->discount_e4) &&
           webhook_amount(m, webhook_text(o, "shipping_total"), "shipping_total",
                          &e->shipping_e4) &&
           webhook_amount(m, webhook_text(o, "total_tax"), "total_tax", &e->tax_e4);
}

// Where the customer came from, as the shop's attribution has it; else how the order was made.
static struct text source_of(yyjson_val *order) {
    size_t i, n;
    yyjson_val *meta;
    yyjson_arr_foreach(yyjson_obj_get(order, "meta_data"), i, n, meta) {
        struct text value = webhook_text(meta, "value");
        if (text_equal(webhook_text(meta, "key"), TEXT_LIT("_wc_order_attribution_utm_source")) &&
            value.len > 0) {
            return value;
        }
    }
    return webhook_text(order, "created_via");
}

static bool read_placed(struct mapping *m, struct webhook_event *e) {
    struct text state = webhook_text_in(m->root, "shipping", "state");
    state = state.len > 0 ? state : webhook_text_in(m->root, "billing", "state");
    *e =
        (struct webhook_event){.kind = ORDER_PLACED, .currency = webhook_text(m->root, "currency")};
    return webhook_id(m, m->root, "id", &e->order_id) &&
           webhook_name(m, source_of(m->root), &e->source) && webhook_name(m, state, &e->state) &&
           woo_time(m, "date_created", &e->created_at) && read_amounts(m, e) && read_items(m, e);
}

static bool read_refund(struct mapping *m, yyjson_val *v, struct woo_refund *r) {
    if (!webhook_id(m, v, "id", &r->id) ||
        !webhook_amount(m, webhook_text(v, "total"), "refunds.total", &r->total_e4)) {
        return false;
    }
    r->total_e4 = r->total_e4 < 0 ? -r->total_e4 : r->total_e4;
    return true;
}

// Of an order with one line it can be of that product only.
static struct webhook_event refund_event(const struct webhook_event *placed,
                                         struct text created_at) {
    struct webhook_event e = *placed;
    e.kind = ORDER_REFUNDED;
    e.created_at = created_at;
    e.product = placed->n_items == 1 ? placed->items[0].product : TEXT_NONE;
    e.n_items = 0;
    e.quantity = 0;
    e.subtotal_e4 = e.discount_e4 = e.shipping_e4 = e.tax_e4 = e.total_e4 = 0;
    return e;
}

static bool emit_refund(struct mapping *m, const struct webhook_event *placed,
                        struct text created_at, const struct woo_refund *r, bool counter) {
    struct webhook_event e = refund_event(placed, created_at);
    e.event_id = r->id;
    webhook_split(&e, r->total_e4, 0, 0);
    if (r->total_e4 == 0) {
        return true;
    }
    if (!webhook_emit(m, &e)) {
        return false;
    }
    e = refund_event(placed, created_at);
    e.discount_e4 = r->total_e4;
    e.total_e4 = -r->total_e4;
    return !counter || (webhook_join(m, r->id, "-counter", &e.event_id) && webhook_emit(m, &e));
}

static bool emit_all(struct mapping *m, const struct webhook_event *placed, bool taken_back) {
    struct webhook_event e = *placed;
    struct text changed_at;
    size_t i, n;
    yyjson_val *v;
    if (!webhook_emit(m, placed) || !woo_time(m, "date_modified", &changed_at)) {
        return false;
    }
    changed_at = changed_at.len > 0 ? changed_at : placed->created_at;
    yyjson_arr_foreach(yyjson_obj_get(m->root, "refunds"), i, n, v) {
        struct woo_refund r;
        if (!read_refund(m, v, &r) || !emit_refund(m, placed, changed_at, &r, taken_back)) {
            return false;
        }
    }
    e.kind = ORDER_CANCELLED;
    e.created_at = changed_at;
    return !taken_back || webhook_emit(m, &e);
}

static enum webhook_outcome map_order(struct mapping *m) {
    struct text status = webhook_text(m->root, "status");
    enum woo_status is = status_of(status);
    struct webhook_event placed;
    if (is == WOO_NOT_SOLD) {
        return WEBHOOK_NOT_SOLD;
    }
    bool ok = is != WOO_UNKNOWN
                  ? read_placed(m, &placed) && emit_all(m, &placed, is == WOO_TAKEN_BACK)
                  : webhook_unmapped(m, "status", REJECT_UNKNOWN_VALUE,
                                     "status '%s' is none of those whose meaning is known",
                                     excerpt_of(status).text);
    UNUSED(ok); // m tells
    return WEBHOOK_MAPPED;
}

enum webhook_outcome webhook_map_woocommerce(struct mapping *m) {
    struct text topic = m->hook->topic;
    if (text_equal(topic, TEXT_LIT("order.created")) ||
        text_equal(topic, TEXT_LIT("order.updated")) ||
        text_equal(topic, TEXT_LIT("order.restored"))) {
        return map_order(m);
    }
    if (text_equal(topic, TEXT_LIT("order.deleted"))) {
        return webhook_map_deleted(m);
    }
    return WEBHOOK_UNKNOWN_TOPIC;
}
