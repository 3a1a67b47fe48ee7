// SPDX-License-Identifier: MIT
// Bodies with the members that matter, in the form of each system (docs/webhooks.md).
#include "tool/generate/demo_webhook.h"

#include "order/timestamp.h"
#include "tool/generate/demo_shop.h"
#include <inttypes.h>

struct instant {
    char text[32];
};
static struct instant instant_of(int64_t ms) {
    struct instant i;
    i.text[timestamp_format(ms, i.text)] = '\0';
    return i;
}

static uint32_t total_of(const struct demo_order *o) {
    return o->subtotal - o->discount + o->shipping + o->tax;
}

static void put_amount(struct buf *out, const char *name, const char *sign, uint32_t cents) {
    buf_printf(out, ",\"%s\":\"%s%u.%02u\"", name, sign, cents / 100, cents % 100);
}

// --- Shopify

static void put_line(struct buf *out, const struct demo_order *o) {
    buf_printf(out, "{\"id\":%" PRIu64 "1,\"product_id\":%u,\"sku\":\"%u\",\"quantity\":%u", o->id,
               o->product, o->product, o->quantity);
    put_amount(out, "price", "", o->subtotal / o->quantity);
    buf_put_char(out, '}');
}

static void put_shopify_order(struct buf *out, const struct demo_event *e) {
    const struct demo_order *o = &e->order;
    buf_printf(out, "{\"id\":%" PRIu64 ",\"name\":\"#%" PRIu64 "\",\"test\":false", o->id, o->id);
    buf_printf(out, ",\"created_at\":\"%s\",\"updated_at\":\"%s\"", instant_of(o->placed_ms).text,
               instant_of(e->created_ms).text);
    if (e->kind == DEMO_CANCELLED) {
        buf_printf(out, ",\"cancelled_at\":\"%s\",\"cancel_reason\":\"customer\"",
                   instant_of(e->created_ms).text);
    }
    put_amount(out, "total_line_items_price", "", o->subtotal);
    put_amount(out, "total_discounts", "", o->discount);
    put_amount(out, "total_tax", "", o->tax);
    put_amount(out, "total_price", "", total_of(o));
    buf_printf(out, ",\"total_shipping_price_set\":{\"shop_money\":{\"amount\":\"%u.%02u\"}}",
               o->shipping / 100, o->shipping % 100);
    buf_printf(out, ",\"source_name\":\"%s\",\"shipping_address\":{\"province_code\":\"%s\"}",
               demo_sources[o->source].name, demo_states[o->state].code);
    buf_printf(out, ",\"customer\":{\"id\":%u},\"line_items\":[", o->customer);
    put_line(out, o);
    buf_put_str(out, "],\"refunds\":[]}");
}

static void put_shopify_refund(struct buf *out, const struct demo_event *e) {
    const struct demo_order *o = &e->order, *back = &e->back;
    buf_printf(out, "{\"id\":%" PRIu64 "9,\"order_id\":%" PRIu64 ",\"created_at\":\"%s\"", o->id,
               o->id, instant_of(e->created_ms).text);
    buf_printf(out,
               ",\"refund_line_items\":[{\"id\":%" PRIu64 "8,\"line_item_id\":%" PRIu64
               "1,\"quantity\":%u",
               o->id, o->id, back->quantity);
    put_amount(out, "subtotal", "", back->subtotal - back->discount);
    put_amount(out, "total_tax", "", back->tax);
    buf_put_str(out, ",\"line_item\":");
    put_line(out, o);
    buf_put_str(out, "}],\"order_adjustments\":[");
    if (back->shipping > 0) {
        buf_put_str(out, "{\"kind\":\"shipping_refund\"");
        put_amount(out, "amount", "-", back->shipping);
        buf_put_char(out, '}');
    }
    buf_put_str(out, "],\"transactions\":[{\"kind\":\"refund\",\"status\":\"success\"");
    put_amount(out, "amount", "", total_of(back));
    buf_put_str(out, "}]}");
}

static const char *put_shopify(struct buf *out, const struct demo_event *e) {
    if (e->kind == DEMO_REFUNDED) {
        put_shopify_refund(out, e);
        return "refunds/create";
    }
    put_shopify_order(out, e);
    return e->kind == DEMO_CANCELLED ? "orders/cancelled" : "orders/create";
}

// --- WooCommerce

static const char *woo_status(const struct demo_event *e) {
    if (e->kind == DEMO_PLACED) {
        return "processing";
    }
    bool all = total_of(&e->back) == total_of(&e->order);
    return e->kind == DEMO_CANCELLED ? "cancelled" : all ? "refunded" : "completed";
}

static void put_woo_time(struct buf *out, const char *name, int64_t ms) {
    buf_printf(out, ",\"%s\":\"%.19s\"", name, instant_of(ms).text);
}

static const char *put_woo(struct buf *out, const struct demo_event *e) {
    const struct demo_order *o = &e->order;
    buf_printf(out, "{\"id\":%" PRIu64 ",\"status\":\"%s\"", o->id, woo_status(e));
    put_woo_time(out, "date_created_gmt", o->placed_ms);
    put_woo_time(out, "date_modified_gmt", e->created_ms);
    put_amount(out, "discount_total", "", o->discount);
    put_amount(out, "shipping_total", "", o->shipping);
    put_amount(out, "total_tax", "", o->tax);
    put_amount(out, "total", "", total_of(o));
    buf_printf(out, ",\"created_via\":\"%s\",\"shipping\":{\"state\":\"%s\"}",
               demo_sources[o->source].name, demo_states[o->state].code);
    buf_printf(out,
               ",\"customer_id\":%u,\"line_items\":[{\"id\":1,\"product_id\":%u,\"quantity\":%u",
               o->customer, o->product, o->quantity);
    put_amount(out, "subtotal", "", o->subtotal);
    buf_put_str(out, "}],\"refunds\":[");
    if (e->kind == DEMO_REFUNDED) {
        buf_printf(out, "{\"id\":%" PRIu64 "9,\"reason\":\"\"", o->id);
        put_amount(out, "total", "-", total_of(&e->back));
        buf_put_char(out, '}');
    }
    buf_put_str(out, "]}");
    return e->kind == DEMO_PLACED ? "order.created" : "order.updated";
}

// --- Stripe

// What is cancelled is paid back.
static const char *put_stripe(struct buf *out, const struct demo_event *e) {
    const struct demo_order *o = &e->order;
    uint32_t back = e->kind == DEMO_PLACED ? 0 : total_of(&e->back);
    buf_printf(out,
               "{\"id\":\"evt_%" PRIu64
               "%d\",\"object\":\"event\",\"type\":\"%s\",\"created\":%" PRId64,
               o->id, (int)e->kind, e->kind == DEMO_PLACED ? "charge.succeeded" : "charge.refunded",
               e->created_ms / 1000);
    buf_printf(out,
               ",\"data\":{\"object\":{\"id\":\"ch_%" PRIu64 "\",\"payment_intent\":\"pi_%" PRIu64
               "\",\"captured\":true,\"amount\":%u,\"amount_captured\":%u,\"amount_refunded\":%u",
               o->id, o->id, total_of(o), total_of(o), back);
    buf_printf(out,
               ",\"created\":%" PRId64 ",\"billing_details\":{\"address\":{\"state\":\"%s\"}}}",
               o->placed_ms / 1000, demo_states[o->state].code);
    buf_put_str(out, e->kind == DEMO_PLACED ? "}}"
                                            : ",\"previous_attributes\":{\"amount_refunded\":0}}}");
    return NULL;
}

const char *demo_webhook_put(struct buf *out, enum webhook_system system,
                             const struct demo_event *e) {
    switch (system) {
    case WEBHOOK_SHOPIFY:
        return put_shopify(out, e);
    case WEBHOOK_WOOCOMMERCE:
        return put_woo(out, e);
    default:
        return put_stripe(out, e);
    }
}
