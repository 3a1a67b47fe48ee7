// SPDX-License-Identifier: MIT
// Cubes as parts of a whole: merged in any split they give the whole's sums; a sum that would leave
// 64 bits, or memory that is refused, leaves a cube as it was; and the cube as columns.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "engine/zone_file.h"
#include "sums/cube.h"
#include "sums/cube_columns.h"
#include <limits.h>
#include <stdio.h>

#include "refusing_heap.h"

static struct zone *zone;
enum { N_MEASURES = sizeof(struct measures) / sizeof(int64_t) };
static const int64_t NOON_MS = INT64_C(1767268800000); // 2026-01-01T12:00:00Z
enum { MINUTE = 29454480, HOUR = 490908, DAY = 20454 };

static int64_t *measure(struct measures *m, int k) {
    return (int64_t *)((char *)m + (size_t)k * sizeof(int64_t));
}

static int64_t measure_of(const struct measures *m, int k) {
    struct measures copy = *m;
    return *measure(&copy, k);
}

// --- Random events, the same in every run

static uint64_t seed = 42;
static int64_t below(int64_t n) {
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (int64_t)(seed >> 33) % n;
}

enum { N_EVENTS = 3000 };
static struct order events[N_EVENTS];
static struct order_item items[N_EVENTS][3];
static char names[60][16];

static void make_events(void) {
    for (int i = 0; i < 60; i++) {
        snprintf(names[i], sizeof names[i], "n%d", i);
    }
    for (int i = 0; i < N_EVENTS; i++) {
        struct order *o = &events[i];
        *o = (struct order){.order_id = {i, TEXT_NONE},
                            .customer_id = IDENT_NONE,
                            .product_id = {below(300), TEXT_NONE},
                            .source = text_of(names[below(60)]),
                            .state = text_of(names[below(5)]),
                            .kind = (enum order_kind)below(3),
                            .created_ms = NOON_MS + below(INT64_C(3) * 86400 * 1000),
                            .quantity = below(10),
                            .subtotal_e4 = below(1000000),
                            .discount_e4 = below(1000),
                            .shipping_e4 = below(1000),
                            .tax_e4 = below(1000),
                            .total_e4 = below(1000000)};
        memcpy(o->currency, below(2) ? "USD" : "EUR", 4);
        if (below(3) == 0) {
            for (int k = 0; k < 3; k++) {
                struct ident text = {-1, text_of(names[below(60)])};
                items[i][k] = (struct order_item){text, below(5), below(10000)};
            }
            o->product_id = IDENT_NONE;
            o->items = items[i];
            o->n_items = 3;
        }
    }
}

static void add(struct cube *c, const struct order *o) {
    uint32_t group;
    assert_int_equal(cube_add(c, o, MINUTE + 60, HOUR, &group), CUBE_OK);
}

static const struct cube_dim *dim_of(struct cube *c, const struct cube_cell *cell) {
    return cell->table == CUBE_PRODUCT ? cube_product(c, cell->dim) : cube_group(c, cell->dim);
}

static void expect_equal(struct cube *have, struct cube *want) {
    assert_int_equal(cube_n_cells(have), cube_n_cells(want));
    for (size_t i = 0; i < cube_n_cells(want); i++) {
        const struct cube_cell *cell = &cube_cells(want)[i];
        const struct measures *sum = cube_find(have, cell->table, cell->bucket, dim_of(want, cell));
        assert_non_null(sum);
        assert_memory_equal(sum, &cell->sum, sizeof *sum);
    }
}

static struct cube *new_cube(const struct mem_heap *heap) {
    struct cube *c = cube_new(zone, heap);
    assert_non_null(c);
    return c;
}

static struct cube *whole_of(int n_events) {
    struct cube *c = new_cube(NULL);
    for (int i = 0; i < n_events; i++) {
        add(c, &events[i]);
    }
    return c;
}

// --- Merging

static void parts_of_any_split_merge_to_the_whole(void **state) {
    (void)state;
    struct cube *whole = whole_of(N_EVENTS);
    for (int split = 0; split < 8; split++) {
        enum { PARTS = 7 };
        struct cube *parts[PARTS], *merged = new_cube(NULL);
        for (int p = 0; p < PARTS; p++) {
            parts[p] = new_cube(NULL);
        }
        for (int i = 0; i < N_EVENTS; i++) {
            add(parts[below(split + 1) % PARTS], &events[i]); // some parts stay empty
        }
        for (int p = PARTS - 1; p >= 0; p--) {
            assert_int_equal(cube_merge(merged, parts[p]), CUBE_OK);
            cube_free(parts[p]);
        }
        expect_equal(merged, whole);
        cube_free(merged);
    }
    cube_free(whole);
}

static void a_merged_cube_goes_on(void **state) {
    (void)state;
    struct cube *whole = whole_of(N_EVENTS), *merged = whole_of(1000), *part = new_cube(NULL);
    for (int i = 1000; i < 2000; i++) {
        add(part, &events[i]);
    }
    assert_int_equal(cube_merge(merged, part), CUBE_OK);
    for (int i = 2000; i < N_EVENTS; i++) {
        add(merged, &events[i]);
    }
    expect_equal(merged, whole);
    cube_clear(merged); // and is cleared as others are
    assert_int_equal(cube_n_cells(merged), 0);
    assert_int_equal(cube_merge(merged, whole), CUBE_OK);
    expect_equal(merged, whole);
    cube_free(part);
    cube_free(merged);
    cube_free(whole);
}

// --- Overflow

static struct order one_of(enum order_kind kind) {
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

static const struct cube_dim GROUP = {
    .source = {"GOOGLE", 6}, .state = {"CA", 2}, .product_id = {-1, {NULL, 0}}, .currency = "USD"};
static const struct cube_dim PRODUCT = {.product_id = {7, {NULL, 0}}, .currency = "USD"};
static const int32_t buckets[CUBE_TABLES] = {0, MINUTE, HOUR, DAY, DAY};

static struct measures *edge_of(struct cube *c, int table) {
    struct measures *sum = cube_cell(c, (enum cube_table)table, buckets[table],
                                     table == CUBE_PRODUCT ? &PRODUCT : &GROUP);
    assert_non_null(sum);
    return sum;
}

// A cube with nothing but one measure of one cell, at the edge where this step leaves 64 bits.
static struct cube *at_the_edge(int table, int k, int64_t step) {
    struct cube *c = new_cube(NULL);
    *measure(edge_of(c, table), k) = step > 0 ? INT64_MAX - step + 1 : INT64_MIN - step - 1;
    return c;
}

static void expect_refused_then_taken(int table, int k, const struct order *o, int64_t step) {
    struct cube *c = at_the_edge(table, k, step), *same = at_the_edge(table, k, step);
    uint32_t group;
    assert_int_equal(cube_add(c, o, 0, 0, &group), CUBE_OVERFLOW);
    expect_equal(c, same);
    // One less, and it fits to the last digit: the refusal was no coincidence.
    *measure(edge_of(c, table), k) += step > 0 ? -1 : 1;
    assert_int_equal(cube_add(c, o, 0, 0, &group), CUBE_OK);
    assert_true(*measure(edge_of(c, table), k) == (step > 0 ? INT64_MAX : INT64_MIN));
    cube_free(c);
    cube_free(same);
}

static void a_sum_that_would_overflow_leaves_the_cube_as_it_was(void **state) {
    (void)state;
    int n_edges = 0;
    for (int kind = ORDER_PLACED; kind <= ORDER_REFUNDED; kind++) {
        struct order o = one_of((enum order_kind)kind);
        struct cube *c = new_cube(NULL);
        uint32_t group;
        assert_int_equal(cube_add(c, &o, 0, 0, &group), CUBE_OK);
        for (int table = 0; table < CUBE_TABLES; table++) {
            for (int k = 0; k < N_MEASURES; k++) {
                int64_t step = measure_of(&cube_cells(c)[table].sum, k);
                if (step != 0) {
                    expect_refused_then_taken(table, k, &o, step);
                    n_edges++;
                }
            }
        }
        cube_free(c);
    }
    // Placed: 7 measures in four tables, 3 of a product; cancelled: one more; refunded: no order,
    // but two more.
    assert_int_equal(n_edges, (4 * 7 + 3) + (4 * 8 + 3) + (4 * 8 + 2));
}

// Whatever the amounts, and however they lie in lines: from the first event on, and near the end.
static void sums_of_large_events_stop_at_the_last_that_fits(void **state) {
    (void)state;
    const int64_t step = INT64_MAX / 5 - 1;
    const struct order_item lines[] = {{{7, TEXT_NONE}, 1, step / 2},
                                       {{7, TEXT_NONE}, 1, step / 2}};
    for (int of_lines = 0; of_lines < 2; of_lines++) {
        for (int kind = ORDER_PLACED; kind <= ORDER_REFUNDED; kind++) {
            struct order o = one_of((enum order_kind)kind);
            o.total_e4 = of_lines ? 1 : step;
            o.items = of_lines ? lines : NULL;
            o.n_items = of_lines ? COUNT_OF(lines) : 0;
            struct cube *c = new_cube(NULL), *part = new_cube(NULL);
            uint32_t group;
            for (int i = 0; i < 5; i++) {
                add(c, &o);
            }
            add(part, &o);
            assert_int_equal(cube_add(c, &o, MINUTE + 60, HOUR, &group), CUBE_OVERFLOW);
            assert_int_equal(cube_merge(c, part), CUBE_OVERFLOW);
            int64_t sum = cube_find(c, CUBE_PRODUCT, DAY, &PRODUCT)->total_e4;
            int64_t want = (of_lines ? step / 2 * 2 : step) * 5;
            assert_true(sum == (kind == ORDER_PLACED ? want : -want));
            cube_clear(c);
            assert_int_equal(cube_merge(c, part), CUBE_OK); // from the start again
            cube_free(c);
            cube_free(part);
        }
    }
}

static void lines_before_the_one_that_overflows_are_taken_back(void **state) {
    (void)state;
    const struct order_item lines[] = {
        {{8, TEXT_NONE}, 1, 1000}, {{8, TEXT_NONE}, 1, 1}, {{7, TEXT_NONE}, 2, 30}};
    struct order o = one_of(ORDER_PLACED), other = one_of(ORDER_PLACED);
    o.items = lines;
    o.n_items = COUNT_OF(lines);
    o.product_id = IDENT_NONE;
    other.product_id = (struct ident){8, TEXT_NONE};
    struct cube *c = at_the_edge(CUBE_PRODUCT, CUBE_TOTAL_E4, 30);
    struct cube *same = at_the_edge(CUBE_PRODUCT, CUBE_TOTAL_E4, 30);
    uint32_t group;
    add(c, &other); // product 8 has a cell, which the first lines have changed already
    add(same, &other);
    assert_int_equal(cube_add(c, &o, 0, 0, &group), CUBE_OVERFLOW);
    expect_equal(c, same);
    o.n_items = ORDER_ITEMS_MAX + 1; // more than an order can have: not looked at
    assert_int_equal(cube_add(c, &o, 0, 0, &group), CUBE_OVERFLOW);
    expect_equal(c, same);
    cube_free(c);
    cube_free(same);
}

static void a_merge_that_would_overflow_leaves_the_cube_as_it_was(void **state) {
    (void)state;
    for (int k = 0; k < N_MEASURES; k++) {
        struct cube *into = whole_of(500), *same = whole_of(500), *from = whole_of(1500);
        const struct cube_cell *last = NULL; // that both have
        for (size_t i = 0; i < cube_n_cells(from); i++) {
            const struct cube_cell *cell = &cube_cells(from)[i];
            if (cube_find(into, cell->table, cell->bucket, dim_of(from, cell)) != NULL) {
                last = cell;
            }
        }
        assert_non_null(last);
        const struct cube_dim *dim = dim_of(from, last);
        struct measures *edge = cube_cell(into, last->table, last->bucket, dim);
        int64_t before = *measure(edge, k);
        *measure(edge, k) = INT64_MIN;
        *measure(cube_cell(from, last->table, last->bucket, dim), k) = -1;
        assert_int_equal(cube_merge(into, from), CUBE_OVERFLOW);
        *measure(cube_cell(into, last->table, last->bucket, dim), k) = before; // it may have moved
        expect_equal(into, same);
        cube_free(into);
        cube_free(same);
        cube_free(from);
    }
}

// --- Refused memory

// Whatever is refused, the cube is as it was and takes the event when it comes again.
static void every_allocation_of_adding_may_be_refused(void **state) {
    (void)state;
    struct cube *whole = whole_of(N_EVENTS);
    long n = 1;
    for (;; n++) {
        struct refusing_heap h;
        refusing_heap_init(&h, n);
        struct cube *c = cube_new(zone, &h.heap);
        assert_int_equal(c != NULL, n > 1);
        for (int i = 0; c != NULL && i < N_EVENTS; i++) {
            uint32_t group;
            size_t n_cells = cube_n_cells(c);
            enum cube_result result = cube_add(c, &events[i], MINUTE + 60, HOUR, &group);
            if (result != CUBE_OK) {
                assert_int_equal(result, CUBE_NO_MEMORY);
                assert_int_equal(cube_n_cells(c), n_cells);
                struct cube *so_far = whole_of(i);
                expect_equal(c, so_far);
                cube_free(so_far);
                add(c, &events[i]);
            }
        }
        if (c != NULL) {
            expect_equal(c, whole);
        }
        cube_free(c);
        assert_int_equal(h.n_live, 0);
        if (!h.hit) {
            break;
        }
    }
    assert_in_range(n, 15, LONG_MAX);
    cube_free(whole);
}

static struct cube *merge_from;

static bool merge_and_see(const struct mem_heap *heap) {
    struct cube *c = cube_new(zone, heap);
    if (c == NULL) {
        return false;
    }
    uint32_t group;
    bool ok = cube_add(c, &events[0], 0, 0, &group) == CUBE_OK;
    size_t n_cells = cube_n_cells(c);
    enum cube_result merged = ok ? cube_merge(c, merge_from) : CUBE_NO_MEMORY;
    if (merged != CUBE_OK) {
        assert_int_equal(merged, CUBE_NO_MEMORY);
        assert_int_equal(cube_n_cells(c), n_cells);
    }
    struct cube_columns columns;
    ok = merged == CUBE_OK && cube_columns_of(c, CUBE_TABLE_BIT(CUBE_DAY), heap, &columns);
    if (ok) {
        cube_columns_free(&columns);
    }
    cube_free(c);
    return ok;
}

static void every_allocation_of_merging_may_be_refused(void **state) {
    (void)state;
    merge_from = whole_of(2000);
    sweep_heap(merge_and_see, 15);
    cube_free(merge_from);
}

static void a_cube_goes_on_after_it_was_cleared_or_forgotten(void **state) {
    (void)state;
    struct refusing_heap h;
    refusing_heap_init(&h, 0);
    struct cube *c = new_cube(&h.heap), *whole = whole_of(N_EVENTS);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < N_EVENTS; i++) {
            add(c, &events[i]);
        }
        expect_equal(c, whole);
        h.refuse_at = h.n_asked + 1; // neither needs memory
        if (round == 1) {
            cube_forget(c);
        } else {
            cube_clear(c);
        }
        assert_false(h.hit);
        h.refuse_at = 0;
    }
    cube_free(c);
    cube_free(whole);
    assert_int_equal(h.n_live, 0);
}

// --- Columns

static void expect_row(const struct cube_columns *have, size_t row, struct cube *c,
                       const struct cube_cell *cell) {
    assert_int_equal(have->table[row], cell->table);
    assert_int_equal(have->bucket[row], cell->bucket);
    assert_int_equal(have->dim[row], cell->dim);
    const struct cube_dim *dims = cell->table == CUBE_PRODUCT ? have->products : have->groups;
    assert_ptr_equal(&dims[cell->dim], dim_of(c, cell)); // not copied
    for (int k = 0; k < CUBE_MEASURES; k++) {
        assert_true(have->measures[k][row] == measure_of(&cell->sum, k));
        assert_int_equal((uintptr_t)have->measures[k] % 8, 0);
    }
}

static void a_cube_is_seen_as_columns(void **state) {
    (void)state;
    struct cube *c = whole_of(N_EVENTS);
    const unsigned products = CUBE_TABLE_BIT(CUBE_PRODUCT);
    const unsigned masks[] = {products, ~products, CUBE_TABLE_BIT(CUBE_MINUTE), ~0U, 0};
    for (size_t m = 0; m < COUNT_OF(masks); m++) {
        struct cube_columns columns;
        assert_true(cube_columns_of(c, masks[m], NULL, &columns));
        size_t row = 0;
        for (size_t i = 0; i < cube_n_cells(c); i++) {
            const struct cube_cell *cell = &cube_cells(c)[i];
            if ((masks[m] & CUBE_TABLE_BIT(cell->table)) != 0) {
                assert_in_range(row, 0, columns.n_rows - 1);
                expect_row(&columns, row++, c, cell);
            }
        }
        assert_int_equal(row, columns.n_rows);
        assert_int_equal(row == 0, masks[m] == 0);
        cube_columns_free(&columns);
    }
    cube_free(c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_of_any_split_merge_to_the_whole),
        cmocka_unit_test(a_merged_cube_goes_on),
        cmocka_unit_test(a_sum_that_would_overflow_leaves_the_cube_as_it_was),
        cmocka_unit_test(sums_of_large_events_stop_at_the_last_that_fits),
        cmocka_unit_test(lines_before_the_one_that_overflows_are_taken_back),
        cmocka_unit_test(a_merge_that_would_overflow_leaves_the_cube_as_it_was),
        cmocka_unit_test(every_allocation_of_adding_may_be_refused),
        cmocka_unit_test(every_allocation_of_merging_may_be_refused),
        cmocka_unit_test(a_cube_goes_on_after_it_was_cleared_or_forgotten),
        cmocka_unit_test(a_cube_is_seen_as_columns),
    };
    struct error err;
    if (!zone_open("America/New_York", &zone, &err)) {
        return 1;
    }
    make_events();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    zone_free(zone);
    return failed;
}
