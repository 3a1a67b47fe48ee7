// SPDX-License-Identifier: MIT
// Fuzzes the reading of order events: any bytes as one event, and as a body in both forms.
//
// What must hold, beside no crash and no read outside the input:
// - the two roads of the parser give the same order or the same rejection, wherever the text
// stands;
// - an accepted order is inside all bounds, and written as JSON and read again it is the same
// order;
// - a rejection has a code, a valid field and a message that can be shown;
// - a body that starts with '[' is readable (no BODY_MALFORMED, no broken element) if and only if
//   yyjson reads it as a whole as an array that is not empty; events lie inside the body, in order.
#include "base/buf.h"
#include "base/mem.h"
#include "engine/zone_file.h"
#include "format/order_json.h"
#include "format/order_scan.h"
#include "order/timestamp.h"
#include <stdio.h>
#include <stdlib.h>
#include <yyjson.h>

#define HOLDS(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);         \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct {
    struct order_json *parser;
    struct zone *zone;
    struct order_rules rules;
    struct arena arena;
} f;

static void start(void) {
    struct error err;
    if (!zone_open("America/New_York", &f.zone, &err)) {
        fprintf(stderr, "%s\n", err.text);
        abort();
    }
    f.rules = (struct order_rules){.zone = f.zone, .currency = "USD", .max_depth = 8};
    f.parser = mem_must(order_json_new(NULL));
}

static bool has_control(struct text t) {
    for (size_t i = 0; i < t.len; i++) {
        if ((unsigned char)t.at[i] < 0x20 || t.at[i] == 0x7F) {
            return true;
        }
    }
    return false;
}

static bool is_ascii(struct text t) {
    for (size_t i = 0; i < t.len; i++) {
        if ((unsigned char)t.at[i] >= 0x80) {
            return false;
        }
    }
    return true;
}

static void check_text(struct text t, size_t max_characters) {
    HOLDS(t.len > 0 && text_is_utf8(t) && !has_control(t));
    HOLDS(text_characters(t) <= max_characters);
    HOLDS(text_equal(text_trim(t), t));
}

static void check_ident(struct ident i, size_t max_characters, bool ascii) {
    HOLDS(i.num >= -1);
    if (i.num >= 0) {
        HOLDS(i.text.at == NULL);
        return;
    }
    check_text(i.text, max_characters);
    HOLDS(!ascii || is_ascii(i.text));
    HOLDS(ident_of_text(i.text).num == -1); // canonical
}

static void check_amount(int64_t e4) {
    HOLDS(e4 >= 0 && e4 < MONEY_LIMIT_E4);
    char digits[24];
    int64_t again;
    bool rounded;
    size_t n = money_format(e4, digits);
    HOLDS(n <= sizeof digits);
    HOLDS(money_parse((struct text){digits, n}, &again, &rounded) == MONEY_OK);
    HOLDS(again == e4 && !rounded);
}

static void check_items(const struct order *o) {
    HOLDS((o->n_items > 0) == (o->items_json.at != NULL));
    if (o->n_items == 0) {
        HOLDS(ident_present(o->product_id));
        return;
    }
    HOLDS(!ident_present(o->product_id) && o->n_items <= ORDER_ITEMS_MAX);
    int64_t sum = 0;
    for (uint32_t i = 0; i < o->n_items; i++) {
        const struct order_item *item = &o->items[i];
        HOLDS(ident_present(item->product_id));
        check_ident(item->product_id, ORDER_TEXT_MAX, false);
        HOLDS(item->quantity >= 0 && item->quantity <= ORDER_QUANTITY_MAX);
        check_amount(item->subtotal_e4);
        sum += item->quantity;
    }
    HOLDS(sum == o->quantity);
}

static void check_order(const struct order *o) {
    HOLDS(ident_present(o->order_id));
    check_ident(o->order_id, ORDER_ID_MAX, true);
    if (ident_present(o->customer_id)) {
        check_ident(o->customer_id, ORDER_ID_MAX, true);
    }
    if (ident_present(o->product_id)) {
        check_ident(o->product_id, ORDER_TEXT_MAX, false);
        HOLDS(o->quantity >= 0 && o->quantity <= ORDER_QUANTITY_MAX);
    }
    if (o->event_id.at != NULL) {
        check_text(o->event_id, ORDER_ID_MAX);
        HOLDS(is_ascii(o->event_id));
    }
    HOLDS(o->kind != ORDER_REFUNDED || o->event_id.at != NULL);
    if (o->source.at != NULL) {
        check_text(o->source, ORDER_TEXT_MAX);
    }
    if (o->state.at != NULL) {
        check_text(o->state, ORDER_TEXT_MAX);
    }
    for (int i = 0; i < 3; i++) {
        HOLDS(o->currency[i] >= 'A' && o->currency[i] <= 'Z');
    }
    HOLDS(o->currency[3] == '\0');
    HOLDS(o->created_ms >= 0 && o->created_ms < INT64_C(7289654400000)); // 2201
    HOLDS((o->warnings &
           ~(uint32_t)(WARN_AMOUNT_ROUNDED | WARN_TOTAL_MISMATCH | WARN_QUANTITY_ZERO)) == 0);
    check_amount(o->subtotal_e4);
    check_amount(o->discount_e4);
    check_amount(o->shipping_e4);
    check_amount(o->tax_e4);
    check_amount(o->total_e4);
    check_items(o);
}

static void check_rejection(const struct rejection *why, enum order_json_result result) {
    struct text field = text_of(why->field), message = text_of(why->message);
    HOLDS(why->code != NULL && why->code[0] != '\0');
    HOLDS((strcmp(why->code, REJECT_NOT_JSON) == 0) == (result == ORDER_JSON_BROKEN));
    HOLDS(text_is_utf8(field) && !has_control(field));
    HOLDS(message.len > 0 && text_is_utf8(message) && !has_control(message));
}

static bool same_text(struct text a, struct text b) {
    return text_equal(a, b) && (a.at == NULL) == (b.at == NULL);
}

static void check_same_order(const struct order *a, const struct order *b) {
    HOLDS(order_same_content(a, b));
    HOLDS(ident_equal(a->order_id, b->order_id) && a->kind == b->kind);
    HOLDS(same_text(a->event_id, b->event_id) && same_text(a->source, b->source) &&
          same_text(a->state, b->state) && same_text(a->items_json, b->items_json));
    HOLDS(a->created_ms == b->created_ms && a->n_items == b->n_items);
}

static void put_name(struct buf *b, const char *name) {
    buf_put_char(b, b->len == 0 ? '{' : ',');
    buf_put_json(b, text_of(name));
    buf_put_char(b, ':');
}

static void put_ident(struct buf *b, const char *name, struct ident i) {
    char digits[24];
    if (ident_present(i)) {
        put_name(b, name);
        buf_put_json(b, ident_text(i, digits)); // also integers as text: they are the same
    }
}

static void put_text(struct buf *b, const char *name, struct text t) {
    if (t.at != NULL) {
        put_name(b, name);
        buf_put_json(b, t);
    }
}

static void put_amount(struct buf *b, const char *name, int64_t e4) {
    char digits[24];
    put_name(b, name);
    buf_put(b, digits, money_format(e4, digits));
}

// Writes the order as an event, reads that, and it is the same order.
static void check_round_trip(const struct order *o) {
    struct buf b = {0};
    put_ident(&b, "order_id", o->order_id);
    put_text(&b, "event", text_of(order_kind_name(o->kind)));
    put_text(&b, "event_id", o->event_id);
    put_name(&b, "created_at");
    char time[32];
    buf_put_json(&b, (struct text){time, timestamp_format(o->created_ms, time)});
    put_ident(&b, "customer_id", o->customer_id);
    if (o->n_items > 0) {
        put_name(&b, "items");
        buf_put_text(&b, o->items_json);
    } else {
        put_ident(&b, "product_id", o->product_id);
        put_name(&b, "quantity");
        buf_put_i64(&b, o->quantity);
    }
    put_amount(&b, "subtotal", o->subtotal_e4);
    put_amount(&b, "discount", o->discount_e4);
    put_amount(&b, "shipping", o->shipping_e4);
    put_amount(&b, "tax", o->tax_e4);
    put_amount(&b, "total", o->total_e4);
    put_text(&b, "currency", text_of(o->currency));
    put_text(&b, "source", o->source);
    put_text(&b, "state", o->state);
    buf_put_char(&b, '}');
    HOLDS(!b.failed);
    struct order again;
    struct rejection why;
    HOLDS(order_json_parse(f.parser, &f.rules, buf_text(&b), &f.arena, &again, &why) ==
          ORDER_JSON_OK);
    check_same_order(o, &again);
    buf_free(&b);
}

// Where the text stands, with more of its kind behind it.
static void check_event_there(struct text json, enum order_json_result result,
                              const struct order *o) {
    struct order there;
    struct rejection why;
    char *copy = mem_must(malloc(json.len + ORDER_SCAN_PADDING));
    for (size_t i = 0; i < json.len + ORDER_SCAN_PADDING; i++) {
        copy[i] = json.len > 0 ? json.at[i % json.len] : '{';
    }
    struct order_json *fresh = mem_must(order_json_new(NULL));
    HOLDS(order_json_parse_there(fresh, &f.rules, (struct text){copy, json.len}, &f.arena, &there,
                                 &why) == result);
    if (result == ORDER_JSON_OK) {
        check_same_order(&there, o);
        HOLDS(there.warnings == o->warnings);
    }
    order_json_free(fresh);
    free(copy);
}

static enum order_json_result check_event(struct text json) {
    struct order quick, slow;
    struct rejection why_quick, why_slow;
    struct order_json *fresh = mem_must(order_json_new(NULL)); // one that tries the short road
    enum order_json_result result =
        order_json_parse(fresh, &f.rules, json, &f.arena, &quick, &why_quick);
    enum order_json_result result_slow =
        order_json_parse_long(f.parser, &f.rules, json, &f.arena, &slow, &why_slow);
    order_json_free(fresh);
    HOLDS(result == result_slow && result != ORDER_JSON_NO_MEMORY);
    check_event_there(json, result, &quick);
    if (result == ORDER_JSON_OK) {
        check_same_order(&quick, &slow);
        HOLDS(quick.warnings == slow.warnings);
        check_order(&quick);
        check_round_trip(&quick);
    } else {
        HOLDS(strcmp(why_quick.code, why_slow.code) == 0 &&
              strcmp(why_quick.field, why_slow.field) == 0 &&
              strcmp(why_quick.message, why_slow.message) == 0);
        check_rejection(&why_quick, result);
    }
    return result;
}

static bool is_array_with_elements(struct text json) {
    yyjson_doc *doc =
        yyjson_read_opts((char *)(size_t)json.at, json.len, YYJSON_READ_NUMBER_AS_RAW, NULL, NULL);
    bool yes = doc != NULL && yyjson_arr_size(yyjson_doc_get_root(doc)) > 0;
    yyjson_doc_free(doc);
    return yes;
}

static void check_body(struct text body, enum body_form form) {
    struct body_split s;
    body_split_start(&s, body, form);
    bool array = s.state == SPLIT_ARRAY, lines = s.state == SPLIT_LINES;
    size_t start = body.len >= 3 && memcmp(body.at, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    const char *after_last = body.at + start;
    struct text event;
    enum body_next next;
    bool readable = true;
    size_t n = 0;
    while ((next = body_split_next(&s, &event)) == BODY_EVENT) {
        HOLDS(event.len > 0 && event.at >= after_last &&
              event.at + event.len <= body.at + body.len);
        after_last = event.at + event.len;
        readable &= check_event(event) != ORDER_JSON_BROKEN;
        n++;
    }
    size_t offset;
    const char *problem = body_split_problem(&s, &offset);
    HOLDS((next == BODY_MALFORMED) == (problem != NULL) && offset <= body.len);
    HOLDS(n > 0 || next == BODY_MALFORMED);
    HOLDS(!lines || next == BODY_END);
    if (array) {
        readable &= next == BODY_END;
        HOLDS(readable == is_array_with_elements((struct text){body.at + start, body.len - start}));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (f.parser == NULL) {
        start();
    }
    struct text input = {(const char *)data, size};
    arena_reset(&f.arena);
    (void)check_event(input);
    if (size > 0) {
        check_body(input, BODY_JSON);
        check_body(input, BODY_LINES);
    }
    return 0;
}
