// SPDX-License-Identifier: MIT
// Rendering an order. Amounts are strings of four decimals: exact, whatever reads them. Fields at
// their default are left out.
#include "format/order_write.h"

#include "order/timestamp.h"

static void put_name(struct buf *out, const char *name) {
    buf_put_str(out, out->at[out->len - 1] == '{' ? "\"" : ",\"");
    buf_put_str(out, name);
    buf_put(out, "\":", 2);
}

static void put_ident(struct buf *out, const char *name, struct ident id) {
    if (!ident_present(id)) {
        return;
    }
    put_name(out, name);
    if (id.num >= 0) {
        buf_put_i64(out, id.num);
    } else {
        buf_put_json(out, id.text);
    }
}

static void put_text(struct buf *out, const char *name, struct text t) {
    if (t.at != NULL) {
        put_name(out, name);
        buf_put_json(out, t);
    }
}

static void put_amount(struct buf *out, const char *name, int64_t amount_e4) {
    char text[24];
    size_t n = money_format(amount_e4, text);
    put_name(out, name);
    buf_put_char(out, '"');
    buf_put(out, text, n);
    buf_put_char(out, '"');
}

static void put_products(struct buf *out, const struct order *o) {
    if (o->items_json.at != NULL) {
        put_name(out, "items");
        buf_put_text(out, o->items_json);
        return;
    }
    put_ident(out, "product_id", o->product_id);
    put_name(out, "quantity");
    buf_put_i64(out, o->quantity);
}

static void put_created_at(struct buf *out, const struct order *o, struct text spelling) {
    char text[32];
    if (spelling.at == NULL) {
        spelling = (struct text){text, timestamp_format(o->created_ms, text)};
    }
    put_text(out, "created_at", spelling);
}

void order_write(struct buf *out, const struct order *o, const struct order_spelling *how) {
    static const struct order_spelling plain = {0};
    how = how != NULL ? how : &plain;
    if (!buf_reserve(out, 1)) {
        return;
    }
    buf_put_char(out, '{');
    put_ident(out, "order_id", o->order_id);
    if (o->kind != ORDER_PLACED) {
        put_text(out, "event", text_of(order_kind_name(o->kind)));
    }
    put_text(out, "event_id", o->event_id);
    put_created_at(out, o, how->created_at);
    put_ident(out, "customer_id", o->customer_id);
    put_products(out, o);
    put_amount(out, "subtotal", o->subtotal_e4);
    put_amount(out, "discount", o->discount_e4);
    put_amount(out, "shipping", o->shipping_e4);
    put_amount(out, "tax", o->tax_e4);
    put_amount(out, "total", o->total_e4);
    if (!how->no_currency) {
        put_text(out, "currency", text_of(o->currency));
    }
    put_text(out, "source", o->source);
    put_text(out, "state", o->state);
    buf_put_char(out, '}');
}
