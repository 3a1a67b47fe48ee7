// SPDX-License-Identifier: MIT
// The cube: which cells an event touches and with which sign, against sums made by hand.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "engine/zone_file.h"
#include "order/timestamp.h"
#include "sums/cube.h"
#include <stdio.h>

static const int64_t NOON_MS = INT64_C(1767268800000); // 2026-01-01T12:00:00Z
enum { MINUTE = 29454480, HOUR = 490908, DAY = 20454 };

static struct cube *cube_in(const char *zone_text, struct zone **zone) {
    struct error err = {0};
    assert_true(zone_open(zone_text, zone, &err));
    return mem_must(cube_new(*zone, NULL));
}

// Adds an event and answers its group's number.
static uint32_t add(struct cube *c, const struct order *o, int32_t minute_floor,
                    int32_t hour_floor) {
    uint32_t group = UINT32_MAX;
    assert_int_equal(cube_add(c, o, minute_floor, hour_floor, &group), CUBE_OK);
    return group;
}

static struct order order(enum order_kind kind) {
    return (struct order){.order_id = {1, TEXT_NONE},
                          .customer_id = IDENT_NONE,
                          .product_id = {7, TEXT_NONE},
                          .source = TEXT_LIT("GOOGLE"),
                          .state = TEXT_LIT("CA"),
                          .currency = "USD",
                          .kind = kind,
                          .created_ms = NOON_MS,
                          .quantity = 3,
                          .subtotal_e4 = 100,
                          .discount_e4 = 20,
                          .shipping_e4 = 5,
                          .tax_e4 = 7,
                          .total_e4 = 92};
}

static void expect_sum(const struct measures *have, struct measures want) {
    assert_int_equal(have->orders, want.orders);
    assert_int_equal(have->units, want.units);
    assert_int_equal(have->subtotal_e4, want.subtotal_e4);
    assert_int_equal(have->discount_e4, want.discount_e4);
    assert_int_equal(have->shipping_e4, want.shipping_e4);
    assert_int_equal(have->tax_e4, want.tax_e4);
    assert_int_equal(have->total_e4, want.total_e4);
    assert_int_equal(have->cancelled_orders, want.cancelled_orders);
    assert_int_equal(have->refunds, want.refunds);
    assert_int_equal(have->refunded_total_e4, want.refunded_total_e4);
}

// The cell, or NULL; there may be one only.
static const struct cube_cell *cell_at(struct cube *c, enum cube_table table, int32_t bucket,
                                       uint32_t dim) {
    const struct cube_cell *found = NULL;
    for (size_t i = 0; i < cube_n_cells(c); i++) {
        const struct cube_cell *cell = &cube_cells(c)[i];
        if (cell->table == table && cell->bucket == bucket && cell->dim == dim) {
            assert_null(found);
            found = cell;
        }
    }
    return found;
}

static void expect_cell(struct cube *c, enum cube_table table, int32_t bucket, uint32_t dim,
                        struct measures want) {
    const struct cube_cell *cell = cell_at(c, table, bucket, dim);
    if (cell == NULL) {
        fail_msg("no cell in table %d, bucket %d, dimension %u", (int)table, bucket, dim);
        return;
    }
    expect_sum(&cell->sum, want);
}

// In all four tables of groups.
static void expect_everywhere(struct cube *c, struct measures want) {
    expect_cell(c, CUBE_TOTALS, 0, 0, want);
    expect_cell(c, CUBE_MINUTE, MINUTE, 0, want);
    expect_cell(c, CUBE_HOUR, HOUR, 0, want);
    expect_cell(c, CUBE_DAY, DAY, 0, want);
    assert_int_equal(cube_n_cells(c), 5); // and one of products
}

static void a_placed_order_adds_every_measure(void **state) {
    (void)state;
    struct zone *zone;
    struct cube *c = cube_in("UTC", &zone);
    struct order o = order(ORDER_PLACED);
    assert_int_equal(add(c, &o, 0, 0), 0);
    expect_everywhere(c, (struct measures){.orders = 1,
                                           .units = 3,
                                           .subtotal_e4 = 100,
                                           .discount_e4 = 20,
                                           .shipping_e4 = 5,
                                           .tax_e4 = 7,
                                           .total_e4 = 92});
    expect_cell(c, CUBE_PRODUCT, DAY, 0,
                (struct measures){.orders = 1, .units = 3, .total_e4 = 92});
    cube_free(c);
    zone_free(zone);
}

static void a_cancelled_order_takes_every_measure_back(void **state) {
    (void)state;
    struct zone *zone;
    struct cube *c = cube_in("UTC", &zone);
    struct order o = order(ORDER_CANCELLED);
    add(c, &o, 0, 0);
    expect_everywhere(c, (struct measures){.orders = -1,
                                           .units = -3,
                                           .subtotal_e4 = -100,
                                           .discount_e4 = -20,
                                           .shipping_e4 = -5,
                                           .tax_e4 = -7,
                                           .total_e4 = -92,
                                           .cancelled_orders = 1});
    expect_cell(c, CUBE_PRODUCT, DAY, 0,
                (struct measures){.orders = -1, .units = -3, .total_e4 = -92});
    cube_free(c);
    zone_free(zone);
}

static void a_refund_takes_amounts_back_but_not_the_order(void **state) {
    (void)state;
    struct zone *zone;
    struct cube *c = cube_in("UTC", &zone);
    struct order o = order(ORDER_REFUNDED);
    add(c, &o, 0, 0);
    expect_everywhere(c, (struct measures){.orders = 0,
                                           .units = -3,
                                           .subtotal_e4 = -100,
                                           .discount_e4 = -20,
                                           .shipping_e4 = -5,
                                           .tax_e4 = -7,
                                           .total_e4 = -92,
                                           .refunds = 1,
                                           .refunded_total_e4 = 92});
    expect_cell(c, CUBE_PRODUCT, DAY, 0, (struct measures){.units = -3, .total_e4 = -92});
    cube_free(c);
    zone_free(zone);
}

static void events_of_one_cell_are_added_up(void **state) {
    (void)state;
    struct zone *zone;
    struct cube *c = cube_in("UTC", &zone);
    const enum order_kind kinds[] = {ORDER_PLACED, ORDER_PLACED, ORDER_PLACED, ORDER_CANCELLED,
                                     ORDER_REFUNDED};
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        struct order o = order(kinds[i]);
        o.total_e4 = (int64_t)(i + 1) * 1000;
        add(c, &o, 0, 0);
    }
    // 1000 + 2000 + 3000 - 4000 - 5000
    expect_everywhere(c, (struct measures){.orders = 2,
                                           .units = 3,
                                           .subtotal_e4 = 100,
                                           .discount_e4 = 20,
                                           .shipping_e4 = 5,
                                           .tax_e4 = 7,
                                           .total_e4 = -3000,
                                           .cancelled_orders = 1,
                                           .refunds = 1,
                                           .refunded_total_e4 = 5000});
    cube_free(c);
    zone_free(zone);
}

// Product 7 on two lines, a text product on one.
static const struct order_item ITEMS[] = {
    {{7, TEXT_NONE}, 1, 1000}, {{-1, {"tea", 3}}, 4, 500}, {{7, TEXT_NONE}, 2, 30}};

static struct order order_of_items(enum order_kind kind) {
    struct order o = order(kind);
    o.product_id = IDENT_NONE;
    o.items = ITEMS;
    o.n_items = COUNT_OF(ITEMS);
    o.quantity = 7;
    o.total_e4 = 9999; // the lines' subtotals count by product, not the order's total
    return o;
}

static void the_same_product_on_two_lines_counts_one_order(void **state) {
    (void)state;
    struct zone *zone;
    struct cube *c = cube_in("UTC", &zone);
    struct order o = order_of_items(ORDER_PLACED);
    add(c, &o, 0, 0);
    assert_int_equal(cube_product(c, 0)->product_id.num, 7);
    assert_true(text_equal(cube_product(c, 1)->product_id.text, TEXT_LIT("tea")));
    expect_cell(c, CUBE_PRODUCT, DAY, 0,
                (struct measures){.orders = 1, .units = 3, .total_e4 = 1030});
    expect_cell(c, CUBE_PRODUCT, DAY, 1,
                (struct measures){.orders = 1, .units = 4, .total_e4 = 500});
    assert_int_equal(cube_n_cells(c), 6);
    expect_cell(c, CUBE_TOTALS, 0, 0,
                (struct measures){.orders = 1,
                                  .units = 7,
                                  .subtotal_e4 = 100,
                                  .discount_e4 = 20,
                                  .shipping_e4 = 5,
                                  .tax_e4 = 7,
                                  .total_e4 = 9999});
    cube_free(c);
    zone_free(zone);
}

static void lines_are_taken_back_by_product(void **state) {
    (void)state;
    struct zone *zone;
    struct cube *c = cube_in("UTC", &zone);
    struct order cancelled = order_of_items(ORDER_CANCELLED);
    struct order refunded = order_of_items(ORDER_REFUNDED);
    add(c, &cancelled, 0, 0);
    add(c, &refunded, 0, 0);
    expect_cell(c, CUBE_PRODUCT, DAY, 0,
                (struct measures){.orders = -1, .units = -6, .total_e4 = -2060});
    expect_cell(c, CUBE_PRODUCT, DAY, 1,
                (struct measures){.orders = -1, .units = -8, .total_e4 = -1000});
    cube_free(c);
    zone_free(zone);
}

static void a_product_is_counted_by_currency(void **state) {
    (void)state;
    struct zone *zone;
    struct cube *c = cube_in("UTC", &zone);
    struct order o = order(ORDER_PLACED);
    add(c, &o, 0, 0);
    memcpy(o.currency, "EUR", 4);
    assert_int_equal(add(c, &o, 0, 0), 1);
    expect_cell(c, CUBE_PRODUCT, DAY, 0,
                (struct measures){.orders = 1, .units = 3, .total_e4 = 92});
    expect_cell(c, CUBE_PRODUCT, DAY, 1,
                (struct measures){.orders = 1, .units = 3, .total_e4 = 92});
    assert_string_equal(cube_product(c, 1)->currency, "EUR");
    assert_string_equal(cube_group(c, 1)->currency, "EUR");
    cube_free(c);
    zone_free(zone);
}

static void source_state_and_currency_make_the_group(void **state) {
    (void)state;
    struct zone *zone;
    struct cube *c = cube_in("UTC", &zone);
    struct order o = order(ORDER_PLACED);
    assert_int_equal(add(c, &o, 0, 0), 0);
    o.source = TEXT_LIT("CA"); // swapped with state: another group
    o.state = TEXT_LIT("GOOGLE");
    assert_int_equal(add(c, &o, 0, 0), 1);
    o.source = TEXT_LIT("google"); // case is kept
    assert_int_equal(add(c, &o, 0, 0), 2);
    o.source = TEXT_LIT("Facebook-a"); // as long, and alike in the first eight letters
    assert_int_equal(add(c, &o, 0, 0), 3);
    o.source = TEXT_LIT("Facebook-b");
    assert_int_equal(add(c, &o, 0, 0), 4);
    o.source = TEXT_LIT("Facebook-a");
    assert_int_equal(add(c, &o, 0, 0), 3);
    o = order(ORDER_PLACED);
    char copy[] = "GOOGLE"; // found by its letters, not by its address
    o.source = text_of(copy);
    assert_int_equal(add(c, &o, 0, 0), 0);
    memset(copy, 'x', 6); // and kept as a copy
    assert_true(text_equal(cube_group(c, 0)->source, TEXT_LIT("GOOGLE")));
    assert_int_equal(cube_group(c, 0)->store_id, -1);
    cube_free(c);
    zone_free(zone);
}

static void cells_below_the_floors_are_left_out(void **state) {
    (void)state;
    struct zone *zone;
    struct cube *c = cube_in("UTC", &zone);
    struct order o = order(ORDER_PLACED);
    add(c, &o, MINUTE + 1, HOUR);
    assert_null(cell_at(c, CUBE_MINUTE, MINUTE, 0));
    assert_non_null(cell_at(c, CUBE_HOUR, HOUR, 0));
    cube_clear(c);
    add(c, &o, MINUTE + 1, HOUR + 1);
    assert_null(cell_at(c, CUBE_HOUR, HOUR, 0));
    assert_non_null(cell_at(c, CUBE_DAY, DAY, 0));
    assert_non_null(cell_at(c, CUBE_TOTALS, 0, 0));
    assert_non_null(cell_at(c, CUBE_PRODUCT, DAY, 0));
    cube_clear(c);
    add(c, &o, MINUTE, HOUR); // the floor itself is kept
    assert_int_equal(cube_n_cells(c), 5);
    cube_free(c);
    zone_free(zone);
}

static int64_t orders_at(struct cube *c, enum cube_table table, int32_t bucket) {
    const struct cube_cell *cell = cell_at(c, table, bucket, 0);
    return cell == NULL ? 0 : cell->sum.orders;
}

// Events of one group and minute, each counted where the floors of its time leave it, whatever the
// one before was counted in.
static void floors_may_change_between_events_of_one_minute(void **state) {
    (void)state;
    struct zone *zone;
    struct cube *c = cube_in("UTC", &zone);
    const struct order o = order(ORDER_PLACED);
    int64_t want[3] = {0};
    for (int i = 0; i < 200; i++) {
        int minute_past = i / 3 % 2, hour_past = i / 7 % 2;
        add(c, &o, MINUTE + minute_past, HOUR + hour_past);
        want[0] += !minute_past;
        want[1] += !hour_past;
        want[2]++;
        if (i % 50 == 49) { // and looked at now and then
            assert_int_equal(orders_at(c, CUBE_MINUTE, MINUTE), want[0]);
            assert_int_equal(orders_at(c, CUBE_HOUR, HOUR), want[1]);
            assert_int_equal(orders_at(c, CUBE_DAY, DAY), want[2]);
            assert_int_equal(orders_at(c, CUBE_TOTALS, 0), want[2]);
        }
    }
    cube_free(c);
    zone_free(zone);
}

static void minutes_and_hours_are_of_utc_and_days_of_the_shop(void **state) {
    (void)state;
    struct zone *zone;
    struct cube *c = cube_in("America/New_York", &zone);
    struct order o = order(ORDER_PLACED);
    o.created_ms = INT64_C(1767243599999); // 2025-12-31T23:59:59.999 in New York
    add(c, &o, 0, 0);
    o.created_ms++; // New Year
    add(c, &o, 0, 0);
    struct measures one = {.orders = 1,
                           .units = 3,
                           .subtotal_e4 = 100,
                           .discount_e4 = 20,
                           .shipping_e4 = 5,
                           .tax_e4 = 7,
                           .total_e4 = 92};
    expect_cell(c, CUBE_DAY, days_from_civil(2025, 12, 31), 0, one);
    expect_cell(c, CUBE_DAY, days_from_civil(2026, 1, 1), 0, one);
    expect_cell(c, CUBE_HOUR, HOUR - 8, 0, one); // 04:00 UTC
    expect_cell(c, CUBE_HOUR, HOUR - 7, 0, one);
    expect_cell(c, CUBE_MINUTE, MINUTE - 7 * 60 - 1, 0, one);
    expect_cell(c, CUBE_MINUTE, MINUTE - 7 * 60, 0, one);
    cube_clear(c);
    o.created_ms = 0; // the first instant there is, a day before 1970 in New York
    add(c, &o, 0, 0);
    expect_cell(c, CUBE_DAY, -1, 0, one);
    assert_non_null(cell_at(c, CUBE_PRODUCT, -1, 0));
    cube_free(c);
    zone_free(zone);
}

static void clear_keeps_the_dimensions_and_their_store_ids(void **state) {
    (void)state;
    struct zone *zone;
    struct cube *c = cube_in("UTC", &zone);
    struct order o = order(ORDER_PLACED);
    add(c, &o, 0, 0);
    cube_group(c, 0)->store_id = 55;
    cube_product(c, 0)->store_id = 66;
    cube_clear(c);
    assert_int_equal(cube_n_cells(c), 0);
    assert_int_equal(add(c, &o, 0, 0), 0);
    assert_int_equal(cube_group(c, 0)->store_id, 55);
    assert_int_equal(cube_product(c, 0)->store_id, 66);
    expect_cell(c, CUBE_PRODUCT, DAY, 0,
                (struct measures){.orders = 1, .units = 3, .total_e4 = 92});
    cube_free(c);
    zone_free(zone);
}

static void forget_drops_the_store_ids(void **state) {
    (void)state;
    struct zone *zone;
    struct cube *c = cube_in("UTC", &zone);
    struct order o = order(ORDER_PLACED);
    add(c, &o, 0, 0);
    cube_group(c, 0)->store_id = 55;
    cube_product(c, 0)->store_id = 66;
    cube_forget(c);
    assert_int_equal(cube_n_cells(c), 0);
    assert_int_equal(add(c, &o, 0, 0), 0);
    assert_int_equal(cube_group(c, 0)->store_id, -1);
    assert_int_equal(cube_product(c, 0)->store_id, -1);
    cube_free(c);
    zone_free(zone);
}

// n orders, each of its own source, product and minute: five cells each but one total a source.
static void add_many(struct cube *c, int n) {
    for (int i = 0; i < n; i++) {
        char source[24];
        struct order o = order(ORDER_PLACED);
        o.source = (struct text){source, (size_t)sprintf(source, "s%d", i)};
        o.product_id = i % 2 == 0 ? (struct ident){i, TEXT_NONE} : (struct ident){-1, o.source};
        o.created_ms = NOON_MS + (int64_t)i * 60000;
        o.total_e4 = i;
        assert_int_equal(add(c, &o, 0, 0), i);
    }
}

static void expect_many(struct cube *c, int n) {
    assert_int_equal(cube_n_cells(c), (size_t)n * 5);
    for (int i = 0; i < n; i++) {
        char source[24];
        sprintf(source, "s%d", i);
        assert_true(text_equal(cube_group(c, (uint32_t)i)->source, text_of(source)));
        const struct cube_cell *five = &cube_cells(c)[(size_t)i * 5]; // in order of first touch
        for (int k = 0; k < 5; k++) {
            assert_int_equal(five[k].sum.total_e4, i);
            assert_int_equal(five[k].sum.orders, 1);
            assert_int_equal(five[k].dim, i);
        }
    }
}

static void many_dimensions_and_cells_are_told_apart(void **state) {
    (void)state;
    struct zone *zone;
    struct cube *c = cube_in("UTC", &zone);
    const int sizes[] = {1, 100, 100, 500, 500, 20000, 3, 700, 1}; // clears in all ways
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        add_many(c, sizes[i]);
        expect_many(c, sizes[i]);
        cube_clear(c);
    }
    cube_free(c);
    zone_free(zone);
}

static void too_many_dimensions_are_dropped_between_batches(void **state) {
    (void)state;
    struct zone *zone;
    struct cube *c = cube_in("UTC", &zone);
    add_many(c, 200001);
    cube_group(c, 0)->store_id = 55;
    cube_clear(c);
    struct order o = order(ORDER_PLACED);
    assert_int_equal(add(c, &o, 0, 0), 0); // numbers begin anew: memory does not grow
    assert_int_equal(cube_group(c, 0)->store_id, -1);
    cube_free(c);
    zone_free(zone);
}

static void cells_are_found_and_put_by_their_names(void **state) {
    (void)state;
    struct zone *zone;
    struct cube *c = cube_in("UTC", &zone);
    struct order o = order(ORDER_PLACED);
    add(c, &o, 0, 0);
    struct cube_dim group = {.source = TEXT_LIT("GOOGLE"),
                             .state = TEXT_LIT("CA"),
                             .product_id = IDENT_NONE,
                             .currency = "USD",
                             .store_id = 77}; // does not count
    struct cube_dim product = {.product_id = {7, TEXT_NONE}, .currency = "USD"};
    assert_int_equal(cube_find(c, CUBE_DAY, DAY, &group)->total_e4, 92);
    assert_int_equal(cube_find(c, CUBE_PRODUCT, DAY, &product)->units, 3);
    assert_null(cube_find(c, CUBE_DAY, DAY + 1, &group));
    assert_null(cube_find(c, CUBE_PRODUCT, DAY, &group)); // no product
    group.state = TEXT_LIT("ca");
    assert_null(cube_find(c, CUBE_DAY, DAY, &group));
    size_t n = cube_n_cells(c);
    struct measures *new = cube_cell(c, CUBE_DAY, DAY, &group);
    expect_sum(new, (struct measures){0});
    new->orders = 5;
    assert_int_equal(cube_n_cells(c), n + 1);
    assert_int_equal(cube_cell(c, CUBE_DAY, DAY, &group)->orders, 5);
    assert_int_equal(cube_find(c, CUBE_DAY, DAY, &group)->orders, 5);
    group.state = TEXT_LIT("CA");
    assert_int_equal(cube_cell(c, CUBE_DAY, DAY, &group)->total_e4, 92);
    assert_int_equal(cube_n_cells(c), n + 1);
    cube_free(c);
    zone_free(zone);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_placed_order_adds_every_measure),
        cmocka_unit_test(a_cancelled_order_takes_every_measure_back),
        cmocka_unit_test(a_refund_takes_amounts_back_but_not_the_order),
        cmocka_unit_test(events_of_one_cell_are_added_up),
        cmocka_unit_test(the_same_product_on_two_lines_counts_one_order),
        cmocka_unit_test(lines_are_taken_back_by_product),
        cmocka_unit_test(a_product_is_counted_by_currency),
        cmocka_unit_test(source_state_and_currency_make_the_group),
        cmocka_unit_test(cells_below_the_floors_are_left_out),
        cmocka_unit_test(floors_may_change_between_events_of_one_minute),
        cmocka_unit_test(minutes_and_hours_are_of_utc_and_days_of_the_shop),
        cmocka_unit_test(clear_keeps_the_dimensions_and_their_store_ids),
        cmocka_unit_test(forget_drops_the_store_ids),
        cmocka_unit_test(many_dimensions_and_cells_are_told_apart),
        cmocka_unit_test(too_many_dimensions_are_dropped_between_batches),
        cmocka_unit_test(cells_are_found_and_put_by_their_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
