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

// The money that went back, as the transactions of a refund tell it.
struct payments {
    int64_t paid_e4;    // in the shop's currency
    int64_t foreign_e4; // in the customer's
    int64_t waiting_e4; // of that, what is on its way
    size_t n;           // that went back, or are on their way
    bool foreign;       // one of them is in the customer's currency
};

static bool add_payment(struct mapping *m, yyjson_val *t, struct shopify_refund *r,
                        struct payments *p) {
    struct text currency = webhook_text(t, "currency"), amount = webhook_text(t, "amount");
    bool waits = text_equal(webhook_text(t, "status"), TEXT_LIT("pending"));
    if (!text_equal(webhook_text(t, "kind"), TEXT_LIT("refund")) ||
        !(waits || text_equal(webhook_text(t, "status"), TEXT_LIT("success")))) {
        return true;
    }
    if (r->currency.len == 0) {
        r->currency = currency;
    }
    p->n++;
    if (currency.len == 0 || text_equal(currency, r->currency)) {
        return webhook_add(m, amount, "transactions.amount", &p->paid_e4);
    }
    p->foreign = true;
    return webhook_add(m, amount, "transactions.amount", &p->foreign_e4) &&
           (!waits || webhook_add(m, amount, "transactions.amount", &p->waiting_e4));
}

static bool sum_transactions(struct mapping *m, yyjson_val *refund, struct shopify_refund *r,
                             struct payments *p) {
    size_t i, n, n_tests = 0;
    yyjson_val *t, *all = yyjson_obj_get(refund, "transactions");
    yyjson_arr_foreach(all, i, n, t) {
        n_tests += webhook_true(t, "test");
        if (!add_payment(m, t, r, p)) {
            return false;
        }
    }
    r->is_test = n_tests > 0 && n_tests == yyjson_arr_size(all);
    return true;
}

// --- What came back

// In the shop's currency, and in the customer's, where it is told.
struct pair {
    int64_t shop_e4, customer_e4;
};
struct worth {
    struct pair whole;
    struct pair tax; // that of the lines, which is in `whole`
};

static struct text customers_money(yyjson_val *object, const char *name) {
    return webhook_text_in(yyjson_obj_get(object, name), "presentment_money", "amount");
}

static bool read_pair(struct mapping *m, struct text shop, struct text customer, const char *field,
                      struct pair *out) {
    return webhook_amount(m, shop, field, &out->shop_e4) &&
           webhook_amount(m, customer, field, &out->customer_e4);
}

// object.NAME
static bool read_set(struct mapping *m, yyjson_val *object, const char *name, struct pair *out) {
    return read_pair(m, shopify_money(object, name), customers_money(object, name), name, out);
}

static bool pair_add(struct mapping *m, struct pair p, const char *field, struct pair *sum) {
    return webhook_plus(m, p.shop_e4, field, &sum->shop_e4) &&
           webhook_plus(m, p.customer_e4, field, &sum->customer_e4);
}

static struct pair negative(struct pair p) {
    return (struct pair){-p.shop_e4, -p.customer_e4};
}

// What these pieces were sold for; versions before 2016 do not say it.
static bool line_worth(struct mapping *m, yyjson_val *refunded, struct pair *out) {
    struct text subtotal = webhook_text(refunded, "subtotal");
    struct webhook_item item;
    int64_t quantity;
    if (subtotal.len > 0) {
        return read_pair(m, subtotal, customers_money(refunded, "subtotal_set"),
                         "refund_line_items.subtotal", out);
    }
    *out = (struct pair){0};
    return webhook_quantity(m, refunded, "quantity", &quantity) &&
           shopify_line(m, yyjson_obj_get(refunded, "line_item"), quantity, &item) &&
           webhook_plus(m, item.subtotal_e4, "refund_line_items", &out->shop_e4);
}

static bool sum_lines(struct mapping *m, struct shopify_refund *r, struct worth *w) {
    size_t i, n;
    yyjson_val *line;
    yyjson_arr_foreach(r->lines, i, n, line) {
        struct pair is, tax;
        if (!line_worth(m, line, &is) || !pair_add(m, is, "refund_line_items", &w->whole) ||
            !read_pair(m, webhook_text(line, "total_tax"), customers_money(line, "total_tax_set"),
                       "refund_line_items.total_tax", &tax) ||
            !pair_add(m, tax, "refund_line_items", &w->tax)) {
            return false;
        }
    }
    r->tax_e4 = w->tax.shop_e4;
    return pair_add(m, w->tax, "refund_line_items", &w->whole);
}

// Older versions have shipping among them.
static bool add_adjustment(struct mapping *m, yyjson_val *v, struct pair amount,
                           struct shopify_refund *r, struct worth *w) {
    struct pair tax;
    if (!read_pair(m, webhook_text(v, "tax_amount"), customers_money(v, "tax_amount_set"),
                   "order_adjustments.tax_amount", &tax) ||
        !pair_add(m, negative(amount), "order_adjustments", &w->whole) ||
        !pair_add(m, negative(tax), "order_adjustments", &w->whole)) {
        return false;
    }
    return !text_equal(webhook_text(v, "kind"), TEXT_LIT("shipping_refund")) ||
           (webhook_plus(m, -amount.shop_e4, "order_adjustments.amount", &r->shipping_e4) &&
            webhook_plus(m, -tax.shop_e4, "order_adjustments.tax_amount", &r->tax_e4));
}

// What was refunded beside the lines, or less than they were; the sign is the shop's. While a
// payment waits it is there as a discrepancy of its size, which goes when the payment is made: that
// one is passed over.
static bool sum_adjustments(struct mapping *m, yyjson_val *refund, struct shopify_refund *r,
                            int64_t waiting_e4, struct worth *w) {
    size_t i, n;
    bool differs = false, found = waiting_e4 == 0;
    yyjson_val *v;
    yyjson_arr_foreach(yyjson_obj_get(refund, "order_adjustments"), i, n, v) {
        struct pair amount;
        bool is = text_equal(webhook_text(v, "kind"), TEXT_LIT("refund_discrepancy"));
        if (!read_pair(m, webhook_text(v, "amount"), customers_money(v, "amount_set"),
                       "order_adjustments.amount", &amount)) {
            return false;
        }
        if (is && !found && amount.customer_e4 == waiting_e4) {
            found = true;
        } else if (!add_adjustment(m, v, amount, r, w)) {
            return false;
        } else {
            differs |= is;
        }
    }
    return found || !differs ||
           webhook_unmapped(m, "refunds", REJECT_AMBIGUOUS,
                            "refund %.30s waits in the customer's currency, so its worth in the "
                            "shop's is not told yet: a later delivery of the order tells it",
                            excerpt_of(r->id).text);
}

// Since 2024-10 shipping is in refund_shipping_lines.
static bool sum_rest(struct mapping *m, yyjson_val *refund, struct shopify_refund *r,
                     struct worth *w) {
    size_t i, n;
    yyjson_val *v;
    struct pair amount, tax, duties;
    yyjson_arr_foreach(yyjson_obj_get(refund, "refund_shipping_lines"), i, n, v) {
        if (!read_set(m, v, "subtotal_amount_set", &amount) ||
            !read_set(m, v, "tax_amount_set", &tax) ||
            !webhook_plus(m, amount.shop_e4, "refund_shipping_lines", &r->shipping_e4) ||
            !webhook_plus(m, tax.shop_e4, "refund_shipping_lines", &r->tax_e4) ||
            !pair_add(m, amount, "refund_shipping_lines", &w->whole) ||
            !pair_add(m, tax, "refund_shipping_lines", &w->whole)) {
            return false;
        }
    }
    return read_set(m, refund, "total_duties_set", &duties) &&
           pair_add(m, duties, "total_duties_set", &w->whole);
}

// --- The two together

static int64_t distance(int64_t a, int64_t b) {
    return a > b ? a - b : b - a;
}

// Where prices have the tax in them, so may the lines: which of the two was paid back is seen where
// both are told in the customer's currency.
static int64_t total_of(const struct payments *p, const struct worth *w) {
    if (p->n > 0 && !p->foreign) {
        return p->paid_e4;
    }
    bool within = p->foreign && p->paid_e4 == 0 &&
                  distance(w->whole.customer_e4 - w->tax.customer_e4, p->foreign_e4) <
                      distance(w->whole.customer_e4, p->foreign_e4);
    return w->whole.shop_e4 - (within ? w->tax.shop_e4 : 0);
}

bool shopify_refund_read(struct mapping *m, yyjson_val *refund, struct shopify_refund *r) {
    struct payments paid = {0};
    struct worth worth = {0};
    *r = (struct shopify_refund){.created_at = webhook_text(refund, "created_at"),
                                 .currency = shop_currency(refund),
                                 .lines = yyjson_obj_get(refund, "refund_line_items")};
    if (r->created_at.len == 0) {
        r->created_at = webhook_text(refund, "processed_at");
    }
    if (!webhook_id(m, refund, "id", &r->id) || !sum_transactions(m, refund, r, &paid) ||
        !sum_lines(m, r, &worth) || !sum_rest(m, refund, r, &worth) ||
        !sum_adjustments(m, refund, r, paid.waiting_e4, &worth)) {
        return false;
    }
    r->total_e4 = total_of(&paid, &worth);
    r->is_empty = r->total_e4 == 0 && yyjson_arr_size(r->lines) == 0;
    if (r->total_e4 < 0) {
        return webhook_unmapped(m, "refunds", REJECT_NEGATIVE, "refund %.30s comes to less than 0",
                                excerpt_of(r->id).text);
    }
    return timestamp_parse(r->created_at, m->rules->zone, &r->created_ms) == TIMESTAMP_OK ||
           webhook_unmapped(m, "created_at", REJECT_MALFORMED, "created_at of a refund is no time");
}
