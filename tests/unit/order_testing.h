// SPDX-License-Identifier: MIT
// What tests of the order event share: rules, a parser, an arena, and one event read from JSON that
// ends at a guard page. Every event goes both roads of the parser (order_scan.h), which must agree.
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "engine/zone_file.h"
#include "format/order_json.h"
#include "format/order_scan.h"
#include "guard_page.h"
#include <inttypes.h>
#include <stdio.h>

struct order_testing {
    struct order_json *parser;
    struct zone *zone;
    struct order_rules rules;
    struct arena arena;
    struct guard_page guard;
    // What the last event gave.
    enum order_json_result result;
    struct order order;
    struct rejection why;
};
static struct order_testing ot;

static inline void order_testing_start(void) {
    struct error err;
    if (!zone_open("America/New_York", &ot.zone, &err)) {
        fprintf(stderr, "%s\n", err.text);
        abort();
    }
    ot.rules = (struct order_rules){.zone = ot.zone, .currency = "USD"};
    ot.parser = mem_must(order_json_new(NULL));
    ot.guard = guard_page_new(12 * 1024 * 1024);
}

static inline void order_testing_end(void) {
    order_json_free(ot.parser);
    zone_free(ot.zone);
    arena_free(&ot.arena);
    guard_page_free(&ot.guard);
}

static inline void assert_same_ident(struct ident a, struct ident b) {
    assert_true(ident_equal(a, b) && ident_present(a) == ident_present(b));
}
static inline void assert_same_text(struct text a, struct text b) {
    assert_true(text_equal(a, b) && (a.at == NULL) == (b.at == NULL));
}
static inline void assert_same_order(const struct order *a, const struct order *b) {
    assert_same_ident(a->order_id, b->order_id);
    assert_same_ident(a->customer_id, b->customer_id);
    assert_same_ident(a->product_id, b->product_id);
    assert_same_text(a->event_id, b->event_id);
    assert_same_text(a->source, b->source);
    assert_same_text(a->state, b->state);
    assert_same_text(a->items_json, b->items_json);
    assert_int_equal(a->n_items, b->n_items);
    assert_int_equal(a->warnings, b->warnings);
    assert_int_equal(a->kind, b->kind);
    assert_memory_equal(a->currency, b->currency, sizeof a->currency);
    assert_true(a->created_ms == b->created_ms && a->quantity == b->quantity);
    assert_true(order_same_content(a, b));
}

// The usual road where the text stands, with more of its kind behind it: the same again.
static inline void read_event_there(struct text json) {
    char *copy = malloc(json.len + ORDER_SCAN_PADDING);
    assert_non_null(copy);
    for (size_t i = 0; i < json.len + ORDER_SCAN_PADDING; i++) {
        copy[i] = json.len > 0 ? json.at[i % json.len] : '{';
    }
    struct order order_there;
    struct rejection why_there;
    struct order_json *fresh = mem_must(order_json_new(NULL));
    assert_int_equal(order_json_parse_there(fresh, &ot.rules, (struct text){copy, json.len},
                                            &ot.arena, &order_there, &why_there),
                     ot.result);
    if (ot.result == ORDER_JSON_OK) {
        assert_same_order(&order_there, &ot.order);
    } else {
        assert_string_equal(why_there.message, ot.why.message);
    }
    order_json_free(fresh);
    free(copy);
}

// Reads one event by the long road and by the usual one; both must come to the same.
static inline enum order_json_result read_event(struct text json) {
    struct text placed = guard_page_place(&ot.guard, json);
    arena_reset(&ot.arena);
    struct order order_long;
    struct rejection why_long;
    enum order_json_result result_long =
        order_json_parse_long(ot.parser, &ot.rules, placed, &ot.arena, &order_long, &why_long);
    // A parser of its own, so that the short road is tried.
    struct order_json *fresh = mem_must(order_json_new(NULL));
    ot.result = order_json_parse(fresh, &ot.rules, placed, &ot.arena, &ot.order, &ot.why);
    order_json_free(fresh);
    assert_int_equal(ot.result, result_long);
    read_event_there(json);
    if (ot.result == ORDER_JSON_OK) {
        assert_same_order(&ot.order, &order_long);
        ot.why = (struct rejection){.code = "(accepted)"};
    } else {
        assert_string_equal(ot.why.field, why_long.field);
        assert_string_equal(ot.why.code, why_long.code);
        assert_string_equal(ot.why.message, why_long.message);
    }
    return ot.result;
}

static inline void assert_message_is_for_people(void) {
    struct text m = text_of(ot.why.message);
    if (m.len < 10 || !text_is_utf8(m) || !text_is_utf8(text_of(ot.why.field)) ||
        strpbrk(ot.why.message, "\n\r\t\x01\x7f") != NULL) {
        fail_msg("message: '%s'", ot.why.message);
    }
}

static inline const struct order *accepted(const char *json) {
    if (read_event(text_of(json)) != ORDER_JSON_OK) {
        fail_msg("%.200s: %s, %s: %s", json, ot.why.code, ot.why.field, ot.why.message);
    }
    return &ot.order;
}

static inline void expect_refusal(struct text json, enum order_json_result result,
                                  const char *field, const char *code) {
    (void)read_event(json);
    if (ot.result != result || strcmp(ot.why.field, field) != 0 || strcmp(ot.why.code, code) != 0) {
        fail_msg("%.*s: result %d, field '%s', code %s (%s); wanted %d, '%s', %s",
                 json.len > 300 ? 300 : (int)json.len, json.at, ot.result, ot.why.field,
                 ot.why.code, ot.result == ORDER_JSON_OK ? "" : ot.why.message, result, field,
                 code);
    }
    assert_message_is_for_people();
}

static inline void rejected(const char *json, const char *field, const char *code) {
    expect_refusal(text_of(json), ORDER_JSON_REJECTED, field, code);
}

static inline void broken(struct text json) {
    expect_refusal(json, ORDER_JSON_BROKEN, "", REJECT_NOT_JSON);
}

// A complete order with `members` (such as ",\"tax\":1") put before its end.
static inline const char *order_with(const char *members) {
    static char json[64 * 1024];
    int n = snprintf(json, sizeof json,
                     "{\"order_id\":7,\"created_at\":\"2026-01-31T12:00:00Z\",\"product_id\":3,"
                     "\"quantity\":2,\"total\":19.98%s}",
                     members);
    assert_true(n > 0 && n < (int)sizeof json);
    return json;
}

// The same without one of its fields, and `members` put before its end.
static inline const char *order_without(const char *field, const char *members) {
    static const char *const fields[][2] = {
        {"order_id", "7"},   {"created_at", "\"2026-01-31T12:00:00Z\""},
        {"product_id", "3"}, {"quantity", "2"},
        {"total", "19.98"},
    };
    static char json[64 * 1024];
    size_t n = 0;
    bool found = false;
    for (size_t i = 0; i < COUNT_OF(fields); i++) {
        if (strcmp(fields[i][0], field) == 0) {
            found = true;
            continue;
        }
        n += (size_t)snprintf(json + n, sizeof json - n, "%s\"%s\":%s", n == 0 ? "{" : ",",
                              fields[i][0], fields[i][1]);
    }
    assert_true(found);
    n += (size_t)snprintf(json + n, sizeof json - n, "%s}", members);
    assert_true(n < sizeof json);
    return json;
}

// The same with one field's value replaced.
static inline const char *order_of(const char *field, const char *value) {
    char member[32 * 1024];
    int n = snprintf(member, sizeof member, ",\"%s\":%s", field, value);
    assert_true(n > 0 && n < (int)sizeof member);
    return strstr("order_id created_at product_id quantity total", field) != NULL
               ? order_without(field, member)
               : order_with(member);
}

static inline void assert_text(struct text got, const char *want) {
    if (!text_equal(got, text_of(want))) {
        fail_msg("'%.*s', wanted '%s'", TEXT_ARG(got), want);
    }
}

// n characters, each `character`, in quotes.
static inline const char *quoted(const char *character, size_t n) {
    static char text[8 * 1024];
    size_t bytes = strlen(character), len = 0;
    assert_true(n * bytes + 3 < sizeof text);
    text[len++] = '"';
    for (size_t i = 0; i < n; i++, len += bytes) {
        memcpy(text + len, character, bytes);
    }
    text[len++] = '"';
    text[len] = '\0';
    return text;
}
