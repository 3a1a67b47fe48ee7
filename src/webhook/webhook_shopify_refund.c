// SPDX-License-Identifier: MIT
// What a refund of Shopify's is worth: the money that went back (transactions), or where none did,
// or in the customer's currency only, the lines that came back with shipping, duties and
// adjustments.
#include "webhook/webhook_shopify.h"

// --- Lines

static struct text line_product(yyjson_val *line) {
    struct text sku = text_trim(webhook_text(line, "sku"));
    return sku.len > 0 ? sku : webhook_text(line, "title");
}

static bool times(struct mapping *m, int64_t price_e4, int64_t quantity, int64_t *out_e4) {
    return (!__builtin_mul_overflow(price_e4, quantity, out_e4) && *out_e4 < MONEY_LIMIT_E4) ||
           webhook_unmapped(m, "price", REJECT_RANGE, "price times quantity is too large");
}

// `quantity` pieces of a line.
bool shopify_line(struct mapping *m, yyjson_val *line, int64_t quantity,
                  struct webhook_item *item) {
    int64_t price_e4;
    item->quantity = quantity;
    return webhook_name(m, line_product(line), &item->product) &&
           webhook_amount(m, webhook_text(line, "price"), "price", &price_e4) &&
           times(m, price_e4, quantity, &item->subtotal_e4);
}

// --- Refunds

struct text shopify_money(yyjson_val *object, const char *name) {
    return webhook_text_in(yyjson_obj_get(object, name), "shop_money", "amount");
}

static struct text set_currency(yyjson_val *object, const char *name) {
    return webhook_text_in(yyjson_obj_get(object, name), "shop_money", "currency_code");
}

// The shop's currency, wherever the refund tells it.
static struct text shop_currency(yyjson_val *refund) {
    struct text found = set_currency(refund, "total_duties_set");
    yyjson_val *line = yyjson_arr_get_first(yyjson_obj_get(refund, "refund_line_items"));
    yyjson_val *adjustment = yyjson_arr_get_first(yyjson_obj_get(refund, "order_adjustments"));
    found = found.len > 0 ? found : set_currency(line, "subtotal_set");
    return found.len > 0 ? found : set_currency(adjustment, "amount_set");
}

// The money that went back. *found: some did, or is on its way.
static bool sum_transactions(struct mapping *m, yyjson_val *refund, struct shopify_refund *r,
                             int64_t *sum_e4, bool *found) {
    size_t i, n, n_tests = 0;
    bool foreign = false; // in the customer's currency: the lines tell it in the shop's
    yyjson_val *t, *all = yyjson_obj_get(refund, "transactions");
    yyjson_arr_foreach(all, i, n, t) {
        struct text status = webhook_text(t, "status");
        struct text currency = webhook_text(t, "currency");
        n_tests += webhook_true(t, "test");
        if (!text_equal(webhook_text(t, "kind"), TEXT_LIT("refund")) ||
            !(text_equal(status, TEXT_LIT("success")) || text_equal(status, TEXT_LIT("pending")))) {
            continue;
        }
        if (r->currency.len == 0) {
            r->currency = currency;
        }
        foreign |= currency.len > 0 && !text_equal(currency, r->currency);
        *found = !foreign;
        if (!foreign && !webhook_add(m, webhook_text(t, "amount"), "transactions.amount", sum_e4)) {
            return false;
        }
    }
    r->is_test = n_tests > 0 && n_tests == yyjson_arr_size(all);
    return true;
}

// What these pieces were sold for; versions before 2016 do not say it.
static bool line_worth(struct mapping *m, yyjson_val *refunded, int64_t *sum_e4) {
    struct text subtotal = webhook_text(refunded, "subtotal");
    struct webhook_item item;
    int64_t quantity;
    if (subtotal.len > 0) {
        return webhook_add(m, subtotal, "refund_line_items.subtotal", sum_e4);
    }
    return webhook_quantity(m, refunded, "quantity", &quantity) &&
           shopify_line(m, yyjson_obj_get(refunded, "line_item"), quantity, &item) &&
           webhook_plus(m, item.subtotal_e4, "refund_line_items", sum_e4);
}

static bool sum_lines(struct mapping *m, struct shopify_refund *r, int64_t *sum_e4) {
    size_t i, n;
    yyjson_val *line;
    yyjson_arr_foreach(r->lines, i, n, line) {
        if (!line_worth(m, line, sum_e4) ||
            !webhook_add(m, webhook_text(line, "total_tax"), "refund_line_items.total_tax",
                         &r->tax_e4)) {
            return false;
        }
    }
    return webhook_plus(m, r->tax_e4, "refund_line_items", sum_e4);
}

// What was refunded beside the lines, or less than they were: in older versions all of it is
// adjustments, whose sign is the shop's; since 2024-10 shipping is in refund_shipping_lines.
static bool sum_rest(struct mapping *m, yyjson_val *refund, struct shopify_refund *r,
                     int64_t *sum_e4) {
    size_t i, n;
    yyjson_val *v;
    yyjson_arr_foreach(yyjson_obj_get(refund, "order_adjustments"), i, n, v) {
        int64_t amount_e4 = 0, tax_e4 = 0;
        if (!webhook_amount(m, webhook_text(v, "amount"), "order_adjustments.amount", &amount_e4) ||
            !webhook_amount(m, webhook_text(v, "tax_amount"), "order_adjustments.tax_amount",
                            &tax_e4) ||
            !webhook_plus(m, -amount_e4 - tax_e4, "order_adjustments", sum_e4)) {
            return false;
        }
        if (text_equal(webhook_text(v, "kind"), TEXT_LIT("shipping_refund")) &&
            (!webhook_plus(m, -amount_e4, "order_adjustments.amount", &r->shipping_e4) ||
             !webhook_plus(m, -tax_e4, "order_adjustments.tax_amount", &r->tax_e4))) {
            return false;
        }
    }
    yyjson_arr_foreach(yyjson_obj_get(refund, "refund_shipping_lines"), i, n, v) {
        int64_t tax_e4 = 0;
        if (!webhook_add(m, shopify_money(v, "subtotal_amount_set"), "refund_shipping_lines",
                         &r->shipping_e4) ||
            !webhook_add(m, shopify_money(v, "subtotal_amount_set"), "refund_shipping_lines",
                         sum_e4) ||
            !webhook_amount(m, shopify_money(v, "tax_amount_set"), "refund_shipping_lines",
                            &tax_e4) ||
            !webhook_plus(m, tax_e4, "refund_shipping_lines", &r->tax_e4) ||
            !webhook_plus(m, tax_e4, "refund_shipping_lines", sum_e4)) {
            return false;
        }
    }
    return webhook_add(m, shopify_money(refund, "total_duties_set"), "total_duties_set", sum_e4);
}

bool shopify_refund_read(struct mapping *m, yyjson_val *refund, struct shopify_refund *r) {
    int64_t paid_e4 = 0, worth_e4 = 0;
    bool paid = false;
    *r = (struct shopify_refund){.created_at = webhook_text(refund, "created_at"),
                                 .currency = shop_currency(refund),
                                 .lines = yyjson_obj_get(refund, "refund_line_items")};
    if (r->created_at.len == 0) {
        r->created_at = webhook_text(refund, "processed_at");
    }
    if (!webhook_id(m, refund, "id", &r->id) || !sum_transactions(m, refund, r, &paid_e4, &paid) ||
        !sum_lines(m, r, &worth_e4) || !sum_rest(m, refund, r, &worth_e4)) {
        return false;
    }
    r->total_e4 = paid ? paid_e4 : worth_e4;
    r->is_empty = r->total_e4 == 0 && yyjson_arr_size(r->lines) == 0;
    if (r->total_e4 < 0) {
        return webhook_unmapped(m, "refunds", REJECT_NEGATIVE, "refund %.30s comes to less than 0",
                                excerpt_of(r->id).text);
    }
    return timestamp_parse(r->created_at, m->rules->zone, &r->created_ms) == TIMESTAMP_OK ||
           webhook_unmapped(m, "created_at", REJECT_MALFORMED, "created_at of a refund is no time");
}
