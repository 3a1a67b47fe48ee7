// SPDX-License-Identifier: MIT
// Parts of Shopify's bodies that orders and refunds share.
#pragma once
#include "webhook/webhook_map_internal.h"

struct shopify_refund {
    struct text id, created_at, currency;
    int64_t created_ms;
    int64_t total_e4, tax_e4, shipping_e4;
    yyjson_val *lines;      // refund_line_items
    bool is_test, is_empty; // all of its payments are tests; nothing came back
};
MUST_CHECK bool shopify_refund_read(struct mapping *m, yyjson_val *refund,
                                    struct shopify_refund *out);

// `quantity` pieces of a line item, which may be NULL.
MUST_CHECK bool shopify_line(struct mapping *m, yyjson_val *line, int64_t quantity,
                             struct webhook_item *item);
// object.NAME.shop_money.amount
struct text shopify_money(yyjson_val *object, const char *name);
