// SPDX-License-Identifier: MIT
// The made-up shop: the same seed makes the same orders, amounts add up, what is taken back was
// there, and every line passes the rules of an order.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/hash.h"
#include "base/mem.h"
#include "engine/zone_file.h"
#include "format/order_json.h"
#include "tool/generate/demo_orders.h"
#include "tool/generate/demo_shop.h"
#include <stdio.h>
#include <stdlib.h>

enum { N = 20000 };
static const int64_t START_MS = INT64_C(1767225600000); // 2026-01-01

static struct buf make(struct demo_options options, int n) {
    struct buf b = {0};
    struct demo_orders *d = demo_orders_new(&options);
    for (int i = 0; i < n; i++) {
        demo_orders_next(d, START_MS + i * 7, &b);
    }
    demo_orders_free(d);
    assert_false(b.failed);
    return b;
}

static void the_same_seed_makes_the_same_events(void **state) {
    (void)state;
    for (int ids = 0; ids < 2; ids++) {
        struct demo_options options = {.seed = 7, .first_id = 1, .random_ids = ids == 1};
        struct buf a = make(options, N), b = make(options, N);
        options.seed = 8;
        struct buf c = make(options, N);
        assert_true(text_equal(buf_text(&a), buf_text(&b)));
        assert_false(text_equal(buf_text(&a), buf_text(&c)));
        buf_free(&a);
        buf_free(&b);
        buf_free(&c);
    }
}

// What the program promises to make for a seed: benchmarks are compared over time.
static void a_seed_means_the_same_for_ever(void **state) {
    (void)state;
    struct buf b = make((struct demo_options){.seed = 1, .first_id = 1000000001}, 1);
    static const char first[] =
        "{\"order_id\":1000000001,\"created_at\":\"2026-01-01T00:00:00.000Z\",\"customer_id\":"
        "13992,"
        "\"product_id\":194,\"quantity\":1,\"subtotal\":49.95,\"discount\":0.00,\"shipping\":4.99,"
        "\"tax\":3.00,\"total\":57.94}\n";
    assert_int_equal(b.len, sizeof first - 1);
    assert_memory_equal(b.at, first, b.len);
    buf_free(&b);
}

// Every event of a stream, parsed by the program's own parser.
struct parsed {
    struct order *orders;
    struct buf text;
    struct arena arena;
    struct zone *zone;
};

static void parse(struct parsed *p, struct demo_options options) {
    struct error err = {0};
    struct rejection why;
    assert_true(zone_open("UTC", &p->zone, &err));
    struct order_rules rules = {.zone = p->zone, .currency = "USD"};
    struct order_json *parser = mem_must(order_json_new(NULL));
    struct body_split split;
    struct text event;
    p->text = make(options, N);
    p->arena = (struct arena){0};
    p->orders = mem_zalloc(N, sizeof *p->orders);
    body_split_start(&split, buf_text(&p->text), BODY_LINES);
    int n = 0;
    while (body_split_next(&split, &event) == BODY_EVENT) {
        assert_true(n < N);
        if (order_json_parse(parser, &rules, event, &p->arena, &p->orders[n], &why) !=
            ORDER_JSON_OK) {
            fail_msg("%s: %s: %.*s", why.field, why.message, TEXT_ARG(event));
        }
        n++;
    }
    assert_int_equal(n, N);
    order_json_free(parser);
}

static void parsed_free(struct parsed *p) {
    free(p->orders);
    buf_free(&p->text);
    arena_free(&p->arena);
    zone_free(p->zone);
}

static void every_event_is_an_order_whose_amounts_add_up(void **state) {
    (void)state;
    struct parsed p;
    parse(&p, (struct demo_options){.seed = 3, .first_id = 1, .customer_fields = true});
    for (int i = 0; i < N; i++) {
        const struct order *o = &p.orders[i];
        assert_int_equal(o->total_e4, o->subtotal_e4 - o->discount_e4 + o->shipping_e4 + o->tax_e4);
        assert_int_equal(o->warnings, 0);
        assert_int_equal(o->created_ms, START_MS + i * 7);
        assert_true(o->subtotal_e4 > 0 && o->quantity >= 1 && o->quantity <= 10);
        assert_int_equal(o->subtotal_e4,
                         (int64_t)demo_product((uint32_t)o->product_id.num).price_cents * 100 *
                             o->quantity);
        assert_true(o->source.len > 0 && o->state.len == 2);
    }
    parsed_free(&p);
}

// The newest placed order with this id before event i, or NULL.
static const struct order *placed_before(const struct parsed *p, int i) {
    for (int k = i - 1; k >= 0; k--) {
        if (p->orders[k].kind == ORDER_PLACED &&
            ident_equal(p->orders[k].order_id, p->orders[i].order_id)) {
            return &p->orders[k];
        }
    }
    return NULL;
}

static void what_is_taken_back_is_an_earlier_order_and_not_more_than_it(void **state) {
    (void)state;
    struct parsed p;
    parse(&p, (struct demo_options){.seed = 5, .random_ids = true});
    int cancelled = 0, refunded = 0, partly = 0;
    for (int i = 0; i < N; i++) {
        const struct order *o = &p.orders[i];
        if (o->kind == ORDER_PLACED) {
            continue;
        }
        const struct order *placed = placed_before(&p, i);
        assert_non_null(placed);
        assert_true(ident_equal(o->product_id, placed->product_id));
        assert_true(ident_equal(o->customer_id, placed->customer_id));
        assert_true(o->quantity <= placed->quantity && o->total_e4 <= placed->total_e4);
        for (int k = 0; k < i; k++) { // nothing is taken back twice
            assert_true(p.orders[k].kind == ORDER_PLACED ||
                        !ident_equal(p.orders[k].order_id, o->order_id));
        }
        if (o->kind == ORDER_CANCELLED) {
            assert_int_equal(o->total_e4, placed->total_e4);
            cancelled++;
        } else {
            assert_true(o->event_id.len > 0);
            partly += o->total_e4 < placed->total_e4;
            refunded++;
        }
    }
    assert_in_range(cancelled, N * 7 / 1000, N * 13 / 1000);
    assert_in_range(refunded, N * 15 / 1000, N * 25 / 1000);
    assert_true(partly > 0);
    parsed_free(&p);
}

static int compare_ids(const void *a, const void *b) {
    const struct order *x = a, *y = b;
    size_t n =
        x->order_id.text.len < y->order_id.text.len ? x->order_id.text.len : y->order_id.text.len;
    int c = memcmp(x->order_id.text.at, y->order_id.text.at, n);
    return c != 0 ? c : (int)x->kind - (int)y->kind;
}

static void random_ids_are_distinct_uuids_of_version_4(void **state) {
    (void)state;
    struct parsed p;
    parse(&p, (struct demo_options){.seed = 9, .random_ids = true});
    for (int i = 0; i < N; i++) {
        struct text id = p.orders[i].order_id.text;
        assert_int_equal(id.len, 36);
        for (size_t k = 0; k < 36; k++) {
            bool dash = k == 8 || k == 13 || k == 18 || k == 23;
            assert_true(dash ? id.at[k] == '-' : strchr("0123456789abcdef", id.at[k]) != NULL);
        }
        assert_int_equal(id.at[14], '4');
        assert_non_null(strchr("89ab", id.at[19]));
    }
    qsort(p.orders, N, sizeof *p.orders, compare_ids);
    for (int i = 1; i < N; i++) {
        assert_int_not_equal(compare_ids(&p.orders[i - 1], &p.orders[i]), 0);
    }
    parsed_free(&p);
}

static void increasing_ids_follow_each_other(void **state) {
    (void)state;
    struct parsed p;
    parse(&p, (struct demo_options){.seed = 9, .first_id = 41});
    int64_t next = 41;
    for (int i = 0; i < N; i++) {
        if (p.orders[i].kind == ORDER_PLACED) {
            assert_int_equal(p.orders[i].order_id.num, next++);
        }
    }
    parsed_free(&p);
}

static void some_products_and_customers_are_far_more_popular(void **state) {
    (void)state;
    struct parsed p;
    parse(&p, (struct demo_options){.seed = 11, .first_id = 1});
    int *products = mem_zalloc(DEMO_PRODUCTS + 1, sizeof *products);
    int *customers = mem_zalloc(DEMO_CUSTOMERS + 1, sizeof *customers);
    int most = 0, with_customer = 0, returning = 0;
    for (int i = 0; i < N; i++) {
        const struct order *o = &p.orders[i];
        assert_in_range(o->product_id.num, 1, DEMO_PRODUCTS);
        products[o->product_id.num]++;
        most = products[o->product_id.num] > most ? products[o->product_id.num] : most;
        if (o->customer_id.num >= 0) {
            assert_in_range(o->customer_id.num, 1, DEMO_CUSTOMERS);
            returning += customers[o->customer_id.num]++ > 0;
            with_customer++;
            assert_null(o->source.at); // the customers file knows
        } else {
            assert_non_null(o->source.at);
        }
    }
    assert_true(most > 10 * N / DEMO_PRODUCTS);
    assert_in_range(with_customer, N * 95 / 100, N * 99 / 100);
    assert_true(returning > with_customer / 3);
    free(products);
    free(customers);
    parsed_free(&p);
}

static void the_customers_file_names_the_customers_of_the_orders(void **state) {
    (void)state;
    struct parsed with;
    parse(&with, (struct demo_options){.seed = 2, .first_id = 1, .customer_fields = true});
    struct buf csv = {0};
    demo_write_customers(&csv);
    buf_put_char(&csv, '\0');
    for (int i = 0; i < 200; i++) {
        const struct order *o = &with.orders[i];
        char line[128];
        if (o->customer_id.num < 0) {
            continue;
        }
        snprintf(line, sizeof line, "\n%lld,%.*s,%.*s\n", (long long)o->customer_id.num,
                 TEXT_ARG(o->source), TEXT_ARG(o->state));
        assert_non_null(strstr(csv.at, line));
    }
    buf_free(&csv);
    parsed_free(&with);
}

static void the_catalogue_has_200_products_of_different_names(void **state) {
    (void)state;
    uint64_t seen[DEMO_PRODUCTS];
    for (uint32_t id = 1; id <= DEMO_PRODUCTS; id++) {
        char title[64];
        const char *category;
        demo_product_names(id, title, &category);
        assert_true(strlen(title) < 60 && strlen(category) > 0);
        assert_null(strpbrk(title, ",\"\n"));
        assert_in_range(demo_product(id).price_cents, 100, 30000);
        seen[id - 1] = hash_text(text_of(title), 0);
        for (uint32_t k = 0; k < id - 1; k++) {
            assert_true(seen[k] != seen[id - 1]);
        }
    }
}

static void a_day_has_quiet_and_busy_hours_of_mean_1000(void **state) {
    (void)state;
    int64_t sum = 0, least = INT64_MAX, most = 0;
    for (int minute = 0; minute < 24 * 60; minute++) {
        int64_t busy = demo_busy_permille(START_MS + minute * INT64_C(60000));
        sum += busy;
        least = busy < least ? busy : least;
        most = busy > most ? busy : most;
    }
    assert_in_range(sum / (24 * 60), 995, 1000);
    assert_true(least < 200 && most > 1700);
    assert_true(demo_busy_permille(-1) > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_seed_makes_the_same_events),
        cmocka_unit_test(a_seed_means_the_same_for_ever),
        cmocka_unit_test(every_event_is_an_order_whose_amounts_add_up),
        cmocka_unit_test(what_is_taken_back_is_an_earlier_order_and_not_more_than_it),
        cmocka_unit_test(random_ids_are_distinct_uuids_of_version_4),
        cmocka_unit_test(increasing_ids_follow_each_other),
        cmocka_unit_test(some_products_and_customers_are_far_more_popular),
        cmocka_unit_test(the_customers_file_names_the_customers_of_the_orders),
        cmocka_unit_test(the_catalogue_has_200_products_of_different_names),
        cmocka_unit_test(a_day_has_quiet_and_busy_hours_of_mean_1000),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
