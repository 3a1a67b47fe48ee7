// SPDX-License-Identifier: MIT
// How the engine judges, on the real store: what is a duplicate, a conflict, an overflow, and where
// source and state come from.
#include "shop.h"

#include "base/log.h"
#include "base/mem.h"
#include "engine/customers_file.h"

// Offers a submission; *result is -1 until it is settled.
static struct submission *one(struct order o) {
    return shop_submission(&o, 1);
}

static void expect_rejected(const struct event *e, const char *code) {
    assert_int_equal(e->verdict, VERDICT_REJECTED);
    assert_non_null(e->why);
    assert_string_equal(e->why->code, code);
}

static struct store_counts counts_of(struct shop *shop) {
    struct engine_status status;
    engine_status(shop->engine, &status);
    const struct store_counts *c = &status.counts;
    assert_int_equal(c->received, c->accepted + c->duplicate + c->rejected);
    return status.counts;
}

static void expect_counts(struct shop *shop, int64_t accepted, int64_t duplicate,
                          int64_t rejected) {
    struct store_counts c = counts_of(shop);
    assert_int_equal(c.accepted, accepted);
    assert_int_equal(c.duplicate, duplicate);
    assert_int_equal(c.rejected, rejected);
}

// The stored events of an order id: their sources and states, "source/state source/state ...".
static bool put_origin(void *user, const struct stored_event *event) {
    char *at = user;
    size_t len = strlen(at);
    snprintf(at + len, 256 - len, "%s%.*s/%.*s", len > 0 ? " " : "", TEXT_ARG(event->order.source),
             TEXT_ARG(event->order.state));
    return true;
}

static void expect_origins(struct shop *shop, int64_t id, const char *want) {
    char origins[256] = "";
    struct sales_reader *r = shop_reader(shop);
    struct error err;
    assert_true(r->ops->order(r, (struct ident){id, TEXT_NONE}, put_origin, origins, &err));
    assert_string_equal(origins, want);
    r->ops->close(r);
}

static struct customers *customers_of(const char *csv) {
    char path[] = "/tmp/salestide-customers-XXXXXX";
    int fd = mkstemp(path);
    assert_int_equal(write(fd, csv, strlen(csv)), strlen(csv));
    close(fd);
    struct customers *c = NULL;
    struct error err = {0};
    if (!customers_load(path, &c, &err)) {
        fail_msg("%s", err.text);
    }
    unlink(path);
    return c;
}

// --- Duplicates

static void an_order_counts_once_within_one_submission(void **state) {
    (void)state;
    struct shop shop;
    shop_make(&shop, NULL);
    shop_open(&shop);
    struct order orders[5];
    for (int i = 0; i < 5; i++) {
        orders[i] = shop_order(&shop, 1 + i % 2, 10000);
    }
    struct submission *s = shop_submission(orders, 5);
    assert_int_equal(shop_send(&shop, s), SETTLE_DURABLE);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(s->events[i].verdict, i < 2 ? VERDICT_ACCEPTED : VERDICT_DUPLICATE);
    }
    submission_free(s);
    expect_counts(&shop, 2, 3, 0);
    shop_verify(&shop, 2, 0);
    shop_remove(&shop);
}

static void an_order_counts_once_within_one_batch(void **state) {
    (void)state;
    struct shop shop;
    shop_make(&shop, NULL);
    shop_open(&shop);
    struct submission *s[3];
    int result[3];
    for (int i = 0; i < 3; i++) {
        s[i] = one(shop_order(&shop, 1, 10000));
        shop_offer(&shop, s[i], &result[i]);
    }
    assert_int_equal(engine_step(shop.engine, 0), ENGINE_WORKED);
    struct engine_status status;
    engine_status(shop.engine, &status);
    assert_int_equal(status.commits, 1);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(result[i], SETTLE_DURABLE);
        assert_null(s[i]->next);
        assert_int_equal(s[i]->events[0].verdict, i == 0 ? VERDICT_ACCEPTED : VERDICT_DUPLICATE);
        submission_free(s[i]);
    }
    shop_verify(&shop, 1, 0);
    shop_remove(&shop);
}

static void an_order_counts_once_for_ever(void **state) {
    (void)state;
    struct shop shop;
    shop_make(&shop, NULL);
    shop_open(&shop);
    struct order number = shop_order(&shop, 1, 10000), text = number;
    text.order_id = (struct ident){-1, TEXT_LIT("0001")}; // not the integer 1
    assert_int_equal(shop_place(&shop, number), VERDICT_ACCEPTED);
    assert_int_equal(shop_place(&shop, text), VERDICT_ACCEPTED);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(shop_place(&shop, number), VERDICT_DUPLICATE);
        assert_int_equal(shop_place(&shop, text), VERDICT_DUPLICATE);
        shop.now_ms += INT64_C(500) * 24 * 3600 * 1000; // years later
        shop_restart(&shop);
    }
    expect_counts(&shop, 2, 6, 0);
    shop_verify(&shop, 2, 0);
    shop_remove(&shop);
}

static void adjustments_count_once_for_ever(void **state) {
    (void)state;
    struct shop shop;
    shop_make(&shop, NULL);
    shop_open(&shop);
    assert_int_equal(shop_place(&shop, shop_cancellation(&shop, 1, 10000)), VERDICT_ACCEPTED);
    assert_int_equal(shop_place(&shop, shop_refund(&shop, 1, "r1", 5000)), VERDICT_ACCEPTED);
    shop_restart(&shop);
    assert_int_equal(shop_place(&shop, shop_cancellation(&shop, 1, 10000)), VERDICT_DUPLICATE);
    assert_int_equal(shop_place(&shop, shop_refund(&shop, 1, "r1", 5000)), VERDICT_DUPLICATE);
    shop_refuse(&shop, shop_cancellation(&shop, 1, 10001), REJECT_CONFLICT);
    shop_refuse(&shop, shop_refund(&shop, 1, "r1", 5001), REJECT_CONFLICT);
    shop_verify(&shop, 0, 2);
    shop_remove(&shop);
}

static void two_event_ids_are_two_refunds(void **state) {
    (void)state;
    struct shop shop;
    shop_make(&shop, NULL);
    shop_open(&shop);
    struct order orders[] = {shop_order(&shop, 1, 10000), shop_refund(&shop, 1, "r1", 2500),
                             shop_refund(&shop, 1, "r2", 2500), shop_refund(&shop, 1, "r1", 2500),
                             shop_cancellation(&shop, 1, 10000)};
    const enum verdict want[] = {VERDICT_ACCEPTED, VERDICT_ACCEPTED, VERDICT_ACCEPTED,
                                 VERDICT_DUPLICATE, VERDICT_ACCEPTED};
    struct submission *s = shop_submission(orders, COUNT_OF(orders));
    assert_int_equal(shop_send(&shop, s), SETTLE_DURABLE);
    for (size_t i = 0; i < COUNT_OF(want); i++) {
        assert_int_equal(s->events[i].verdict, want[i]);
    }
    submission_free(s);
    shop_verify(&shop, 1, 3);
    shop_remove(&shop);
}

// --- Conflicts

static const struct order_item TWO_ITEMS[] = {{{7, TEXT_NONE}, 1, 5000}, {{8, TEXT_NONE}, 1, 5000}};

// The i-th order that differs in content from shop_order(1, 10000); false: there are no more.
static bool other_content(struct order *o, int i) {
    switch (i) {
    case 0:
        o->total_e4++;
        return true;
    case 1:
        o->subtotal_e4++;
        return true;
    case 2:
        o->discount_e4++;
        return true;
    case 3:
        o->shipping_e4++;
        return true;
    case 4:
        o->tax_e4++;
        return true;
    case 5:
        o->quantity++;
        return true;
    case 6:
        memcpy(o->currency, "EUR", 4);
        return true;
    case 7:
        o->customer_id.num = 5;
        return true;
    case 8:
        o->customer_id.text = TEXT_LIT("ann");
        return true;
    case 9:
        o->product_id.num++;
        return true;
    case 10:
        o->product_id = (struct ident){-1, TEXT_LIT("tea")};
        return true;
    case 11:
        o->product_id = IDENT_NONE;
        o->items = TWO_ITEMS;
        o->n_items = 2;
        o->items_json = TEXT_LIT("[{\"product_id\":7,\"quantity\":1,\"subtotal\":\"0.5000\"},"
                                 "{\"product_id\":8,\"quantity\":1,\"subtotal\":\"0.5000\"}]");
        return true;
    default:
        return false;
    }
}

static void the_same_id_with_other_content_is_a_conflict(void **state) {
    (void)state;
    struct shop shop;
    shop_make(&shop, NULL);
    shop_open(&shop);
    struct order first = shop_order(&shop, 1, 10000), other = first;
    int n = 0;
    struct submission *s = one(first); // the first and the others in one batch
    for (; other_content(&other, n); n++, other = first) {
        struct event *e = submission_add(s);
        e->order = other;
        e->raw = TEXT_LIT("{}");
    }
    assert_int_equal(shop_send(&shop, s), SETTLE_DURABLE);
    assert_int_equal(s->events[0].verdict, VERDICT_ACCEPTED);
    for (int i = 1; i <= n; i++) {
        expect_rejected(&s->events[i], REJECT_CONFLICT);
        assert_string_equal(s->events[i].why->field, "order_id");
    }
    submission_free(s);
    shop_restart(&shop);
    for (int i = 0; other_content(&other, i); i++, other = first) { // and against the stored one
        shop_refuse(&shop, other, REJECT_CONFLICT);
    }
    expect_counts(&shop, 1, 0, (int64_t)n * 2);
    shop_verify(&shop, 1, 0);
    shop_remove(&shop);
}

static void an_order_of_items_is_known_again_by_its_items(void **state) {
    (void)state;
    struct shop shop;
    shop_make(&shop, NULL);
    shop_open(&shop);
    struct order o = shop_order(&shop, 1, 10000);
    assert_true(other_content(&o, 11));
    assert_int_equal(shop_place(&shop, o), VERDICT_ACCEPTED);
    assert_int_equal(shop_place(&shop, o), VERDICT_DUPLICATE);
    o.items_json = TEXT_LIT("[{\"product_id\":7,\"quantity\":2,\"subtotal\":\"1.0000\"}]");
    shop_refuse(&shop, o, REJECT_CONFLICT);
    shop_refuse(&shop, shop_order(&shop, 1, 10000), REJECT_CONFLICT);
    shop_verify(&shop, 1, 0);
    shop_remove(&shop);
}

static void time_source_and_state_may_differ_in_a_duplicate(void **state) {
    (void)state;
    struct shop shop;
    shop_make(&shop, NULL);
    shop_open(&shop);
    struct order o = shop_order(&shop, 1, 10000);
    assert_int_equal(shop_place(&shop, o), VERDICT_ACCEPTED);
    o.created_ms += 12345;
    assert_int_equal(shop_place(&shop, o), VERDICT_DUPLICATE);
    o.source = TEXT_LIT("EMAIL");
    assert_int_equal(shop_place(&shop, o), VERDICT_DUPLICATE);
    o.state = TEXT_NONE;
    assert_int_equal(shop_place(&shop, o), VERDICT_DUPLICATE);
    o.event_id = TEXT_LIT("e1"); // of a placed order: not part of its identity
    assert_int_equal(shop_place(&shop, o), VERDICT_DUPLICATE);
    expect_origins(&shop, 1, "GOOGLE/CA");
    shop_remove(&shop);
}

// --- Source and state

static void a_customer_gives_what_the_order_does_not_say(void **state) {
    (void)state;
    struct shop shop;
    shop_make(&shop, NULL);
    shop_open(&shop);
    engine_set_customers(shop.engine, customers_of("customer_id,source,state\n"
                                                   "1,EMAIL,NY\nann,TWITTER,\n"));
    const struct {
        struct ident customer;
        struct text source, state;
        const char *want;
    } cases[] = {
        {{1, TEXT_NONE}, TEXT_NONE, TEXT_NONE, "EMAIL/NY"},
        {{1, TEXT_NONE}, TEXT_LIT("GOOGLE"), TEXT_NONE, "GOOGLE/NY"},
        {{1, TEXT_NONE}, TEXT_NONE, TEXT_LIT("CA"), "EMAIL/CA"},
        {{1, TEXT_NONE}, TEXT_LIT("GOOGLE"), TEXT_LIT("CA"), "GOOGLE/CA"},
        {{-1, TEXT_LIT("ann")}, TEXT_NONE, TEXT_NONE, "TWITTER/(unknown)"},
        {{2, TEXT_NONE}, TEXT_NONE, TEXT_NONE, "(unknown)/(unknown)"},
        {IDENT_NONE, TEXT_NONE, TEXT_LIT("TX"), "(unknown)/TX"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct order o = shop_order(&shop, (int64_t)i, 10000);
        o.customer_id = cases[i].customer;
        o.source = cases[i].source;
        o.state = cases[i].state;
        assert_int_equal(shop_place(&shop, o), VERDICT_ACCEPTED);
        expect_origins(&shop, (int64_t)i, cases[i].want);
    }
    shop_verify(&shop, COUNT_OF(cases), 0);
    shop_remove(&shop);
}

static void adjustments_take_the_origin_of_the_known_order(void **state) {
    (void)state;
    struct shop shop;
    shop_make(&shop, NULL);
    shop_open(&shop);
    // In one batch: the order is known as soon as it was accepted.
    struct order orders[] = {shop_order(&shop, 1, 10000), shop_cancellation(&shop, 1, 10000),
                             shop_refund(&shop, 1, "r1", 1)};
    orders[1].source = TEXT_LIT("EMAIL"); // whatever they say themselves
    orders[1].state = orders[2].source = orders[2].state = TEXT_NONE;
    struct submission *s = shop_submission(orders, 3);
    assert_int_equal(shop_send(&shop, s), SETTLE_DURABLE);
    assert_int_equal(s->events[2].verdict, VERDICT_ACCEPTED);
    submission_free(s);
    expect_origins(&shop, 1, "GOOGLE/CA GOOGLE/CA GOOGLE/CA");
    // Of an order stored before, also after a restart.
    shop_restart(&shop);
    struct order later = shop_refund(&shop, 1, "r2", 1);
    later.source = TEXT_LIT("EMAIL");
    assert_int_equal(shop_place(&shop, later), VERDICT_ACCEPTED);
    expect_origins(&shop, 1, "GOOGLE/CA GOOGLE/CA GOOGLE/CA GOOGLE/CA");
    shop_verify(&shop, 1, 3);
    shop_remove(&shop);
}

static void adjustments_of_unknown_orders_have_their_own_origin(void **state) {
    (void)state;
    struct shop shop;
    shop_make(&shop, NULL);
    shop_open(&shop);
    engine_set_customers(shop.engine, customers_of("customer_id,source,state\n1,EMAIL,NY\n"));
    struct order own = shop_refund(&shop, 1, "r1", 1), customer = shop_refund(&shop, 2, "r1", 1),
                 none;
    customer.source = customer.state = TEXT_NONE;
    none = customer;
    none.order_id.num = 3;
    customer.customer_id.num = 1;
    assert_int_equal(shop_place(&shop, own), VERDICT_ACCEPTED);
    assert_int_equal(shop_place(&shop, customer), VERDICT_ACCEPTED);
    assert_int_equal(shop_place(&shop, none), VERDICT_ACCEPTED);
    expect_origins(&shop, 1, "GOOGLE/CA");
    expect_origins(&shop, 2, "EMAIL/NY");
    expect_origins(&shop, 3, "(unknown)/(unknown)");
    // The order may come later; it comes first in the answer.
    struct order placed = shop_order(&shop, 3, 10000);
    assert_int_equal(shop_place(&shop, placed), VERDICT_ACCEPTED);
    expect_origins(&shop, 3, "GOOGLE/CA (unknown)/(unknown)");
    shop_verify(&shop, 1, 3);
    shop_remove(&shop);
}

static void swapped_customers_are_those_of_later_batches(void **state) {
    (void)state;
    struct shop shop;
    shop_make(&shop, NULL);
    shop_open(&shop);
    struct order o = shop_order(&shop, 1, 10000);
    o.customer_id.num = 1;
    o.source = o.state = TEXT_NONE;
    assert_int_equal(shop_place(&shop, o), VERDICT_ACCEPTED);
    // Handed over twice before a batch: the last ones hold.
    engine_set_customers(shop.engine, customers_of("customer_id,source,state\n1,LOST,LOST\n"));
    engine_set_customers(shop.engine,
                         customers_of("customer_id,source,state\n1,EMAIL,NY\n2,A,B\n"));
    o.order_id.num = 2;
    assert_int_equal(shop_place(&shop, o), VERDICT_ACCEPTED);
    struct engine_status status;
    engine_status(shop.engine, &status);
    assert_int_equal(status.customers, 2);
    engine_set_customers(shop.engine, customers_of("customer_id,source,state\n1,GOOGLE,CA\n"));
    o.order_id.num = 1;
    assert_int_equal(shop_place(&shop, o), VERDICT_DUPLICATE); // changes nothing
    struct order back = o;
    back.kind = ORDER_CANCELLED;
    back.order_id.num = 2;
    assert_int_equal(shop_place(&shop, back), VERDICT_ACCEPTED);
    expect_origins(&shop, 1, "(unknown)/(unknown)");
    expect_origins(&shop, 2, "EMAIL/NY EMAIL/NY"); // as the order was
    shop_verify(&shop, 2, 1);
    shop_remove(&shop);
}

// --- Overflow

static void a_sum_is_full_before_it_wraps(void **state) {
    (void)state;
    struct shop shop;
    shop_make(&shop, NULL);
    shop_open(&shop);
    const int64_t largest_e4 = MONEY_LIMIT_E4 - 1;
    enum { FIT = 922 }; // 922 * (10^16 - 1) < 2^63 < 923 * (10^16 - 1)
    struct submission *s = submission_new(NULL);
    for (int i = 0; i < FIT + 2; i++) {
        struct event *e = submission_add(s);
        e->order = shop_order(&shop, i, largest_e4);
        e->raw = TEXT_LIT("{}");
    }
    assert_int_equal(shop_send(&shop, s), SETTLE_DURABLE);
    for (int i = 0; i < FIT; i++) {
        assert_int_equal(s->events[i].verdict, VERDICT_ACCEPTED);
    }
    expect_rejected(&s->events[FIT], REJECT_OVERFLOW);
    expect_rejected(&s->events[FIT + 1], REJECT_OVERFLOW);
    submission_free(s);
    shop_restart(&shop);
    shop_refuse(&shop, shop_order(&shop, FIT, largest_e4), REJECT_OVERFLOW);
    shop_refuse(&shop, shop_cancellation(&shop, 1, largest_e4),
                REJECT_OVERFLOW); // sums of what came at all
    // A known order is a duplicate as before, a small one still fits, and so does another currency.
    assert_int_equal(shop_place(&shop, shop_order(&shop, 0, largest_e4)), VERDICT_DUPLICATE);
    const int64_t room_e4 = INT64_MAX - FIT * largest_e4;
    shop_refuse(&shop, shop_order(&shop, 5000, room_e4 + 1), REJECT_OVERFLOW);
    assert_int_equal(shop_place(&shop, shop_order(&shop, 5000, room_e4)), VERDICT_ACCEPTED);
    shop_refuse(&shop, shop_order(&shop, 5001, 1), REJECT_OVERFLOW);
    assert_int_equal(shop_place(&shop, shop_order(&shop, 5002, 0)), VERDICT_ACCEPTED);
    struct order euro = shop_order(&shop, 5003, largest_e4);
    memcpy(euro.currency, "EUR", 4);
    assert_int_equal(shop_place(&shop, euro), VERDICT_ACCEPTED);
    shop_verify(&shop, FIT + 3, 0);
    shop_remove(&shop);
}

static void each_amount_and_the_lines_fill_the_sum(void **state) {
    (void)state;
    const int64_t largest_e4 = MONEY_LIMIT_E4 - 1;
    enum { AMOUNTS = 5, LINES = 200 };
    struct order_item *lines = mem_zalloc(LINES, sizeof *lines);
    for (int i = 0; i < LINES; i++) {
        lines[i] = (struct order_item){{i, TEXT_NONE}, 1, largest_e4};
    }
    for (int which = 0; which <= AMOUNTS; which++) {
        struct shop shop;
        shop_make(&shop, NULL);
        shop_open(&shop);
        int fit = which == AMOUNTS ? 4 : 922; // 4 * 200 lines < 922 < 5 * 200
        struct submission *s = submission_new(NULL);
        for (int i = 0; i <= fit; i++) {
            struct event *e = submission_add(s);
            struct order o = shop_order(&shop, i, 0);
            int64_t *amounts[AMOUNTS] = {&o.total_e4, &o.subtotal_e4, &o.discount_e4,
                                         &o.shipping_e4, &o.tax_e4};
            if (which < AMOUNTS) {
                *amounts[which] = largest_e4;
            } else {
                o.product_id = IDENT_NONE;
                o.items = lines;
                o.n_items = LINES;
                o.items_json = TEXT_LIT("[]"); // not read back in this test
            }
            e->order = o;
            e->raw = TEXT_LIT("{}");
        }
        assert_int_equal(shop_send(&shop, s), SETTLE_DURABLE);
        assert_int_equal(s->events[fit - 1].verdict, VERDICT_ACCEPTED);
        expect_rejected(&s->events[fit], REJECT_OVERFLOW);
        submission_free(s);
        shop_remove(&shop);
    }
    free(lines);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_order_counts_once_within_one_submission),
        cmocka_unit_test(an_order_counts_once_within_one_batch),
        cmocka_unit_test(an_order_counts_once_for_ever),
        cmocka_unit_test(adjustments_count_once_for_ever),
        cmocka_unit_test(two_event_ids_are_two_refunds),
        cmocka_unit_test(the_same_id_with_other_content_is_a_conflict),
        cmocka_unit_test(an_order_of_items_is_known_again_by_its_items),
        cmocka_unit_test(time_source_and_state_may_differ_in_a_duplicate),
        cmocka_unit_test(a_customer_gives_what_the_order_does_not_say),
        cmocka_unit_test(adjustments_take_the_origin_of_the_known_order),
        cmocka_unit_test(adjustments_of_unknown_orders_have_their_own_origin),
        cmocka_unit_test(swapped_customers_are_those_of_later_batches),
        cmocka_unit_test(a_sum_is_full_before_it_wraps),
        cmocka_unit_test(each_amount_and_the_lines_fill_the_sum),
    };
    log_set_level(LOG_ERROR + 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
