// SPDX-License-Identifier: MIT
// Members of a body, and an event written from them.
//
// An event is written as the JSON that POST /v1/orders takes and then read as that, so that all
// rules are those of any other event, and what they refuse is kept in a form that can be mended.
#include "webhook/webhook_map_internal.h"

static bool no_memory(struct mapping *m) {
    m->no_memory = true;
    return false;
}

// --- Members

struct text webhook_text(yyjson_val *object, const char *name) {
    yyjson_val *v = yyjson_obj_get(object, name);
    return yyjson_is_str(v)   ? (struct text){yyjson_get_str(v), yyjson_get_len(v)}
           : yyjson_is_raw(v) ? (struct text){yyjson_get_raw(v), yyjson_get_len(v)}
                              : TEXT_NONE;
}

struct text webhook_text_in(yyjson_val *object, const char *first, const char *second) {
    return webhook_text(yyjson_obj_get(object, first), second);
}

bool webhook_true(yyjson_val *object, const char *name) {
    return yyjson_is_true(yyjson_obj_get(object, name));
}

bool webhook_amount(struct mapping *m, struct text spelling, const char *field, int64_t *out_e4) {
    *out_e4 = 0;
    struct text t = text_trim(spelling);
    if (t.len == 0) {
        return true;
    }
    bool negative = t.at[0] == '-', rounded;
    t.at += negative;
    t.len -= negative;
    switch (money_parse(t, out_e4, &rounded)) {
    case MONEY_OK:
        *out_e4 = negative ? -*out_e4 : *out_e4;
        return true;
    case MONEY_TOO_LARGE:
        return webhook_unmapped(m, field, REJECT_RANGE, "%s is too large: '%s'", field,
                                excerpt_of(spelling).text);
    default:
        break;
    }
    return webhook_unmapped(m, field, REJECT_MALFORMED, "%s is no amount: '%s'", field,
                            excerpt_of(spelling).text);
}

bool webhook_plus(struct mapping *m, int64_t amount_e4, const char *field, int64_t *sum_e4) {
    bool fits =
        money_add(sum_e4, amount_e4) && *sum_e4<MONEY_LIMIT_E4 && * sum_e4> - MONEY_LIMIT_E4;
    return fits || webhook_unmapped(m, field, REJECT_RANGE, "%s: the sum is too large", field);
}

bool webhook_add(struct mapping *m, struct text spelling, const char *field, int64_t *sum_e4) {
    int64_t amount_e4;
    return webhook_amount(m, spelling, field, &amount_e4) &&
           webhook_plus(m, amount_e4, field, sum_e4);
}

bool webhook_quantity(struct mapping *m, yyjson_val *object, const char *name, int64_t *out) {
    int64_t e4;
    if (!webhook_amount(m, webhook_text(object, name), name, &e4)) {
        return false;
    }
    e4 = e4 < 0 ? -e4 : e4; // WooCommerce writes what came back as "-1"
    *out = e4 / 10000;
    return (e4 % 10000 == 0 && *out <= ORDER_QUANTITY_MAX) ||
           webhook_unmapped(m, name, REJECT_RANGE, "%s is no whole number up to %d: '%s'", name,
                            ORDER_QUANTITY_MAX, excerpt_of(webhook_text(object, name)).text);
}

bool webhook_id(struct mapping *m, yyjson_val *object, const char *name, struct text *out) {
    *out = text_trim(webhook_text(object, name));
    return out->len > 0 || webhook_unmapped(m, name, REJECT_MISSING, "%s is missing", name);
}

bool webhook_join(struct mapping *m, struct text a, const char *b, struct text *out) {
    const struct text tail = text_of(b);
    char *at = arena_try_bytes(&m->sub->arena, a.len + tail.len + 1);
    if (at == NULL) {
        return no_memory(m);
    }
    if (a.len > 0) {
        memcpy(at, a.at, a.len);
    }
    memcpy(at + a.len, tail.at, tail.len);
    *out = (struct text){at, a.len + tail.len};
    return true;
}

bool webhook_items_new(struct mapping *m, size_t n, struct webhook_item **out) {
    *out = arena_try_alloc(&m->sub->arena, (n + 1) * sizeof **out);
    return *out != NULL || no_memory(m);
}

bool webhook_name(struct mapping *m, struct text t, struct text *out) {
    *out = t = text_trim(t);
    if (t.len == 0) {
        *out = TEXT_NONE;
        return true;
    }
    char *at = arena_try_bytes(&m->sub->arena, t.len);
    if (at == NULL) {
        return no_memory(m);
    }
    size_t n = 0, characters = 0;
    while (t.len > 0 && characters < ORDER_TEXT_MAX) {
        size_t taken;
        size_t bytes = text_shown(t, &taken);
        memcpy(at + n, bytes > 0 ? t.at : "?", bytes > 0 ? bytes : 1);
        n += bytes > 0 ? bytes : 1;
        t.at += taken;
        t.len -= taken;
        characters++;
    }
    *out = text_trim((struct text){at, n});
    return true;
}

// --- Amounts

void webhook_split(struct webhook_event *e, int64_t total_e4, int64_t tax_e4, int64_t shipping_e4) {
    int64_t left = e->total_e4 = total_e4;
    tax_e4 = tax_e4 < 0 ? 0 : tax_e4;
    shipping_e4 = shipping_e4 < 0 ? 0 : shipping_e4;
    e->tax_e4 = tax_e4 < left ? tax_e4 : left;
    left -= e->tax_e4;
    e->shipping_e4 = shipping_e4 < left ? shipping_e4 : left;
    e->subtotal_e4 = left - e->shipping_e4;
    e->discount_e4 = 0;
}

void webhook_close_sum(struct webhook_event *e) {
    // Each is below 10^16: no sum of four can overflow.
    int64_t subtotal_e4 = e->total_e4 + e->discount_e4 - e->shipping_e4 - e->tax_e4;
    if (subtotal_e4 >= 0) {
        e->subtotal_e4 = subtotal_e4;
    }
}

// --- Writing

static void put_name(struct buf *out, const char *name) {
    buf_put(out, ",\"", 2);
    buf_put_str(out, name);
    buf_put(out, "\":", 2);
}

static void put_member(struct buf *out, const char *name, struct text value) {
    if (value.at != NULL) {
        put_name(out, name);
        buf_put_json(out, value);
    }
}

static void put_count(struct buf *out, const char *name, int64_t n) {
    put_name(out, name);
    buf_put_i64(out, n);
}

static void put_money(struct buf *out, const char *name, int64_t amount_e4) {
    char digits[24];
    size_t n = money_format(amount_e4, digits);
    put_name(out, name);
    buf_put_char(out, '"');
    buf_put(out, digits, n);
    buf_put_char(out, '"');
}

static void put_item(struct buf *out, const struct webhook_item *item) {
    buf_put_str(out, "{\"product_id\":");
    buf_put_json(out, item->product.at != NULL ? item->product : TEXT_LIT(""));
    put_count(out, "quantity", item->quantity);
    put_money(out, "subtotal", item->subtotal_e4);
    buf_put_char(out, '}');
}

// Lines beyond what an order may have are one, of no product.
static void put_items(struct buf *out, const struct webhook_event *e) {
    size_t whole = e->n_items <= ORDER_ITEMS_MAX ? e->n_items : ORDER_ITEMS_MAX - 1;
    struct webhook_item rest = {.product = TEXT_NONE};
    buf_put_str(out, ",\"items\":[");
    for (size_t i = 0; i < e->n_items; i++) {
        if (i < whole) {
            buf_put_str(out, i > 0 ? "," : "");
            put_item(out, &e->items[i]);
        } else if (!money_add(&rest.subtotal_e4, e->items[i].subtotal_e4) ||
                   !money_add(&rest.quantity, e->items[i].quantity)) {
            out->failed = true; // no body that is taken has so many lines
        }
    }
    if (whole < e->n_items) {
        buf_put_char(out, ',');
        put_item(out, &rest);
    }
    buf_put_char(out, ']');
}

static void put_event(struct buf *out, const struct webhook_event *e) {
    buf_put_str(out, "{\"order_id\":");
    buf_put_json(out, e->order_id);
    if (e->kind != ORDER_PLACED) {
        put_member(out, "event", text_of(order_kind_name(e->kind)));
    }
    put_member(out, "event_id", e->event_id);
    put_member(out, "created_at", e->created_at);
    if (e->n_items > 0) {
        put_items(out, e);
    } else {
        put_member(out, "product_id", e->product.at != NULL ? e->product : TEXT_LIT(""));
        put_count(out, "quantity", e->quantity);
    }
    put_money(out, "subtotal", e->subtotal_e4);
    put_money(out, "discount", e->discount_e4);
    put_money(out, "shipping", e->shipping_e4);
    put_money(out, "tax", e->tax_e4);
    put_money(out, "total", e->total_e4);
    put_member(out, "currency", e->currency);
    put_member(out, "source", e->source);
    put_member(out, "state", e->state);
    buf_put_char(out, '}');
}

bool webhook_emit(struct mapping *m, const struct webhook_event *e) {
    struct rejection why;
    buf_clear(&m->line);
    put_event(&m->line, e);
    struct event *event = m->line.failed ? NULL : submission_add(m->sub);
    if (event == NULL || !arena_try_copy(&m->sub->arena, buf_text(&m->line), &event->raw)) {
        return no_memory(m);
    }
    switch (
        order_json_parse(m->parser, m->rules, event->raw, &m->sub->arena, &event->order, &why)) {
    case ORDER_JSON_OK:
        return true;
    case ORDER_JSON_NO_MEMORY:
        return no_memory(m);
    default:
        return submission_reject(m->sub, event, &why) || no_memory(m);
    }
}
