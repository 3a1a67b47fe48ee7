// SPDX-License-Identifier: MIT
// What the mappings of all systems share: reading a body's members, and writing an event. One
// thread.
#pragma once
#include "base/buf.h"
#include "order/timestamp.h"
#include "webhook/webhook_map.h"
#include <yyjson.h>

// One delivery on its way. Functions that answer false have set `no_memory`, or `why` and
// `unmapped`.
struct mapping {
    const struct webhook *hook;
    struct order_json *parser;
    const struct order_rules *rules;
    struct submission *sub;
    yyjson_val *root; // numbers as their digits
    struct buf line;  // of the event that is being written
    bool no_memory, unmapped;
    struct rejection why;
};

struct webhook_item {
    struct text product;
    int64_t quantity, subtotal_e4;
};

// An event before its rules are checked. Texts are as the body has them; absent ones are left out.
struct webhook_event {
    enum order_kind kind;
    struct text order_id, event_id, created_at, currency, source, state;
    const struct webhook_item *items; // none: `product` and `quantity` stand
    size_t n_items;
    struct text product; // absent: not known
    int64_t quantity;
    int64_t subtotal_e4, discount_e4, shipping_e4, tax_e4, total_e4;
};
// Adds it. What our rules do not take becomes a rejected event, in our form.
MUST_CHECK bool webhook_emit(struct mapping *m, const struct webhook_event *e);

// The delivery cannot be mapped; always false. `field`: a path in the sender's body.
bool webhook_unmapped(struct mapping *m, const char *field, const char *code, const char *format,
                      ...) PRINTF_LIKE(4, 5);

// An order was deleted: the body has its id and no amounts, so it is kept.
MUST_CHECK enum webhook_outcome webhook_map_deleted(struct mapping *m);

// --- Members. `object` may be NULL or anything.

// A text, or a number's digits; absent for all else and for what is not there.
struct text webhook_text(yyjson_val *object, const char *name);
// object.first.second
struct text webhook_text_in(yyjson_val *object, const char *first, const char *second);
bool webhook_true(yyjson_val *object, const char *name);
// An amount of either sign; absent is 0.
MUST_CHECK bool webhook_amount(struct mapping *m, struct text spelling, const char *field,
                               int64_t *out_e4);
// Adds it to a sum instead.
MUST_CHECK bool webhook_add(struct mapping *m, struct text spelling, const char *field,
                            int64_t *sum_e4);
MUST_CHECK bool webhook_plus(struct mapping *m, int64_t amount_e4, const char *field,
                             int64_t *sum_e4);
// A whole number from 0 to ORDER_QUANTITY_MAX; absent is 0.
MUST_CHECK bool webhook_quantity(struct mapping *m, yyjson_val *object, const char *name,
                                 int64_t *out);
// An id: a text or number that is there.
MUST_CHECK bool webhook_id(struct mapping *m, yyjson_val *object, const char *name,
                           struct text *out);
// `t` as a name that may be counted by: without what our rules refuse, cut. Absent stays absent.
MUST_CHECK bool webhook_name(struct mapping *m, struct text t, struct text *out);
MUST_CHECK bool webhook_join(struct mapping *m, struct text a, const char *b, struct text *out);
// Room in the submission's arena.
MUST_CHECK bool webhook_items_new(struct mapping *m, size_t n, struct webhook_item **out);

// The parts of what is taken back: what was given in tax and shipping comes out of it first, as far
// as it reaches, and the rest is subtotal.
void webhook_split(struct webhook_event *e, int64_t total_e4, int64_t tax_e4, int64_t shipping_e4);
// The subtotal follows from the other amounts, so that they add up.
void webhook_close_sum(struct webhook_event *e);

// The systems.
MUST_CHECK enum webhook_outcome webhook_map_shopify(struct mapping *m);
MUST_CHECK enum webhook_outcome webhook_map_woocommerce(struct mapping *m);
MUST_CHECK enum webhook_outcome webhook_map_stripe(struct mapping *m);
