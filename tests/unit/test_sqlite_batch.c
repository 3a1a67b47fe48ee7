// SPDX-License-Identifier: MIT
// What a batch of the embedded store knows before it is written, alone: its orders by position, its
// adjustments by identity, what they take back. Whoever judges the next batch asks the same.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/sqlite/sqlite_batch.h"
#include <stdlib.h>

enum { FIRST_ORDER = 100, FIRST_ADJUSTMENT = 40, ARRIVAL_MS = 7 };

// Its texts live longer than any batch.
static const struct cube_dim group = {.source = {"GOOGLE", 6}, .state = {"CA", 2}};

static struct order order_of(struct ident id, int64_t total_e4) {
    return (struct order){.order_id = id,
                          .customer_id = IDENT_NONE,
                          .product_id = IDENT_NONE,
                          .currency = "USD",
                          .total_e4 = total_e4};
}

static struct order refund_of(struct ident id, const char *event_id, int64_t total_e4) {
    struct order o = order_of(id, total_e4);
    o.kind = ORDER_REFUNDED;
    o.event_id = text_of(event_id);
    return o;
}

static struct ident number(int64_t n) {
    return (struct ident){n, TEXT_NONE};
}

static struct ident named(const char *name) {
    return (struct ident){-1, text_of(name)};
}

static void begin(struct sqlite_batch *b) {
    sqlite_batch_init(b);
    sqlite_batch_clear(b, FIRST_ORDER, FIRST_ADJUSTMENT);
}

static void adjust(struct sqlite_batch *b, struct order o) {
    assert_true(sqlite_batch_add_adjustment(b, &o, &group, ARRIVAL_MS));
}

// It is known, at the index-th position of the batch's adjustments.
static void expect_known(const struct sqlite_batch *b, struct order o, int64_t index) {
    struct stored_event found;
    assert_true(sqlite_batch_adjustment(b, &o, &found));
    assert_int_equal(found.position, FIRST_ADJUSTMENT + index);
    assert_int_equal(found.arrival_ms, ARRIVAL_MS);
    assert_int_equal(found.order.total_e4, o.total_e4);
}

static void expect_unknown(const struct sqlite_batch *b, struct order o) {
    struct stored_event found;
    assert_false(sqlite_batch_adjustment(b, &o, &found));
}

static void orders_are_found_at_their_positions(void **state) {
    (void)state;
    struct sqlite_batch b;
    struct stored_event found;
    begin(&b);
    assert_false(sqlite_batch_order(&b, FIRST_ORDER, &found)); // none yet
    for (int64_t i = 0; i < 3; i++) {
        struct order o = order_of(number(i), 10000 + i);
        assert_true(pending_add(&b.orders, &o, &group, ARRIVAL_MS));
    }
    for (int64_t i = 0; i < 3; i++) {
        assert_true(sqlite_batch_order(&b, FIRST_ORDER + i, &found));
        assert_int_equal(found.order.total_e4, 10000 + i);
        assert_int_equal(found.position, FIRST_ORDER + i);
    }
    assert_false(sqlite_batch_order(&b, FIRST_ORDER - 1, &found));
    assert_false(sqlite_batch_order(&b, FIRST_ORDER + 3, &found));
    sqlite_batch_free(&b);
}

static void every_adjustment_of_an_order_is_known_by_its_identity(void **state) {
    (void)state;
    struct sqlite_batch b;
    begin(&b);
    for (int64_t i = 0; i < 5; i++) { // two orders by turns: chains do not lie side by side
        char event_id[2] = {(char)('a' + i), '\0'};
        adjust(&b, refund_of(number(1), event_id, 100 + i));
        adjust(&b, refund_of(number(2), event_id, 200 + i));
    }
    for (int64_t i = 0; i < 5; i++) {
        char event_id[2] = {(char)('a' + i), '\0'};
        expect_known(&b, refund_of(number(1), event_id, 100 + i), 2 * i);
        expect_known(&b, refund_of(number(2), event_id, 200 + i), 2 * i + 1);
    }
    expect_unknown(&b, refund_of(number(1), "f", 100));
    expect_unknown(&b, refund_of(number(3), "a", 100));
    struct order cancelled = refund_of(number(1), "a", 100);
    cancelled.kind = ORDER_CANCELLED;
    expect_unknown(&b, cancelled);
    sqlite_batch_free(&b);
}

static void what_was_taken_back_is_told_by_order_and_currency(void **state) {
    (void)state;
    struct sqlite_batch b;
    begin(&b);
    struct order o = refund_of(number(1), "a", 0), euros = refund_of(number(1), "c", 5000);
    assert_int_equal(sqlite_batch_taken(&b, &o), 0);
    memcpy(euros.currency, "EUR", 4);
    adjust(&b, refund_of(number(1), "a", 100));
    adjust(&b, refund_of(number(2), "a", 30));
    adjust(&b, euros);
    adjust(&b, refund_of(number(1), "b", 20));
    assert_int_equal(sqlite_batch_taken(&b, &o), 120);
    assert_int_equal(sqlite_batch_taken(&b, &euros), 5000);
    sqlite_batch_free(&b);
}

static void texts_with_one_slot_stay_apart(void **state) {
    (void)state;
    struct sqlite_batch b;
    order_index_set_hash_bits(0);
    begin(&b);
    assert_int_equal(order_index_slot(named("one")), order_index_slot(named("other")));
    adjust(&b, refund_of(named("one"), "r", 100));
    struct order other = refund_of(named("other"), "r", 7);
    expect_unknown(&b, other);
    assert_int_equal(sqlite_batch_taken(&b, &other), 0);
    adjust(&b, other);
    expect_known(&b, refund_of(named("one"), "r", 100), 0);
    expect_known(&b, other, 1);
    assert_int_equal(sqlite_batch_taken(&b, &other), 7);
    order_index_set_hash_bits(63);
    sqlite_batch_free(&b);
}

static void a_batch_that_was_cleared_knows_nothing_and_counts_from_where_it_is_told(void **state) {
    (void)state;
    struct sqlite_batch b;
    struct stored_event found;
    begin(&b);
    struct order o = order_of(number(1), 10000), refund = refund_of(number(1), "a", 100);
    assert_true(pending_add(&b.orders, &o, &group, ARRIVAL_MS));
    adjust(&b, refund_of(number(2), "a", 1));
    adjust(&b, refund);
    sqlite_batch_clear(&b, FIRST_ORDER + 1, FIRST_ADJUSTMENT + 2);
    assert_false(sqlite_batch_order(&b, FIRST_ORDER, &found));
    assert_false(sqlite_batch_order(&b, FIRST_ORDER + 1, &found));
    expect_unknown(&b, refund);
    assert_int_equal(sqlite_batch_taken(&b, &refund), 0);
    adjust(&b, refund); // the first one now
    expect_known(&b, refund, 2);
    expect_unknown(&b, refund_of(number(2), "a", 1));
    sqlite_batch_free(&b);
}

static void texts_are_copied(void **state) {
    (void)state;
    struct sqlite_batch b;
    char id[] = "order-1", event_id[] = "refund-1", raw[] = "{\"order_id\"}";
    struct rejection why = {.field = "total", .code = REJECT_MISSING, .message = "is missing"};
    struct event bad = {.why = &why, .raw = text_of(raw)};
    begin(&b);
    adjust(&b, refund_of(named(id), event_id, 100));
    assert_true(sqlite_batch_add_doubt(&b, 1, named(id)));
    assert_true(sqlite_batch_add_doubt(&b, 0, number(5)));
    assert_true(sqlite_batch_add_rejected(&b, &bad));
    memset(id, 'x', sizeof id - 1);
    memset(event_id, 'x', sizeof event_id - 1);
    memset(raw, 'x', sizeof raw - 1);
    memset(why.field, 'x', 5);
    memset(why.message, 'x', 10);
    expect_known(&b, refund_of(named("order-1"), "refund-1", 100), 0);
    assert_true(text_equal(b.doubts[0].order_id.text, TEXT_LIT("order-1")));
    assert_int_equal(b.doubts[0].kind, 1);
    assert_int_equal(b.doubts[1].order_id.num, 5);
    assert_true(text_equal(b.rejected[0].raw, TEXT_LIT("{\"order_id\"}")));
    assert_true(text_equal(b.rejected[0].field, TEXT_LIT("total")));
    assert_true(text_equal(b.rejected[0].message, TEXT_LIT("is missing")));
    sqlite_batch_free(&b);
}

static void of_a_rejected_text_so_much_is_kept_as_is_promised_and_its_length(void **state) {
    (void)state;
    struct sqlite_batch b;
    enum { LENGTH = ORDER_REJECTED_TEXT_MAX_BYTES + 1 };
    char *raw = malloc(LENGTH);
    assert_non_null(raw);
    memset(raw, 'a', LENGTH);
    struct rejection why = {.field = "total", .code = REJECT_MISSING, .message = "is missing"};
    struct event bad = {.why = &why, .raw = {raw, LENGTH}};
    begin(&b);
    assert_true(sqlite_batch_add_rejected(&b, &bad));
    assert_int_equal(b.rejected[0].raw.len, ORDER_REJECTED_TEXT_MAX_BYTES);
    assert_int_equal(b.rejected[0].raw_bytes, LENGTH);
    free(raw);
    sqlite_batch_free(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(orders_are_found_at_their_positions),
        cmocka_unit_test(every_adjustment_of_an_order_is_known_by_its_identity),
        cmocka_unit_test(what_was_taken_back_is_told_by_order_and_currency),
        cmocka_unit_test(texts_with_one_slot_stay_apart),
        cmocka_unit_test(a_batch_that_was_cleared_knows_nothing_and_counts_from_where_it_is_told),
        cmocka_unit_test(texts_are_copied),
        cmocka_unit_test(of_a_rejected_text_so_much_is_kept_as_is_promised_and_its_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
