// SPDX-License-Identifier: MIT
// Tables of raw orders in Cassandra as users may have made them: what they are bound to, what is
// said about it, what is refused; and events as cells of each type, there and back.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "store/cassandra/cassandra.h"
#include "store/cassandra/cassandra_row.h"

static struct cassandra_column columns[32];
static size_t n_columns;
static struct cassandra_binding binding;
static struct buf warnings;
static struct error err;
static struct rejection why;

// "order_id int, created_at text": the first `n_key` are the key, one of them the partition's.
static void table_of(const char *text, size_t n_key) {
    n_columns = 0;
    memset(columns, 0, sizeof columns);
    while (*text != '\0') {
        struct cassandra_column *c = &columns[n_columns];
        int used = 0;
        assert_int_equal(sscanf(text, " %63[a-z_] %63[^,]%n", c->name, c->type, &used), 2);
        strcpy(c->kind, n_columns == 0      ? "partition_key"
                        : n_columns < n_key ? "clustering"
                                            : "regular");
        c->position = n_columns == 0 ? 0 : n_columns < n_key ? (int)n_columns - 1 : -1;
        n_columns++;
        text += used + (text[used] == ',');
    }
}

static bool bind_to(enum raw_table t) {
    buf_clear(&warnings);
    bool ok = cassandra_bind("ks", t, columns, n_columns, &binding, &warnings, &err);
    buf_put(&warnings, "", 1);
    return ok;
}

static void expect_bound(void) {
    if (!bind_to(RAW_ORDERS)) {
        fail_msg("%s", err.text);
    }
}

static void expect_warning(const char *part) {
    if (strstr(warnings.at, part) == NULL) {
        fail_msg("\"%s\" is not in:\n%s", part, warnings.at);
    }
}

static void expect_refused(enum raw_table t, const char *part) {
    assert_false(bind_to(t));
    assert_int_equal(err.cls, ERROR_USAGE);
    if (strstr(err.text, part) == NULL) {
        fail_msg("\"%s\" is not in: %s", part, err.text);
    }
}

#define FULL                                                                                       \
    "order_id text, created_at timestamp, customer_id text, product_id text, quantity int, "       \
    "subtotal decimal, discount decimal, shipping decimal, tax decimal, total decimal, "           \
    "currency text, source text, state text, items text, timestamp timestamp, position bigint"
#define BY_HAND                                                                                    \
    "order_id int, created_at text, customer_id int, discount float, product_id text, quantity "   \
    "int, subtotal float, tax float, timestamp text, total float"

static size_t count_lines(void) {
    size_t n = 0;
    for (size_t i = 0; i < warnings.len; i++) {
        n += warnings.at[i] == '\n';
    }
    return n;
}

static void our_own_table_loses_nothing(void **state) {
    UNUSED(state);
    table_of(FULL, 1);
    expect_bound();
    assert_int_equal(binding.n, 16);
    assert_true(binding.complete && binding.exists && !binding.narrow);
    assert_string_equal(warnings.at, "");
}

static void a_table_made_by_hand_is_bound_and_its_losses_are_said(void **state) {
    UNUSED(state);
    table_of(BY_HAND, 1);
    expect_bound();
    assert_int_equal(binding.n, 10);
    assert_int_equal(binding.field[0], RAW_ORDER_ID);
    assert_int_equal(binding.type[0], CQL_INT);
    assert_true(binding.narrow && !binding.complete);
    assert_string_equal(binding.narrow_columns, "order_id int, customer_id int");
    expect_warning("ks.orders: subtotal float, discount float, tax float, total float: amounts are "
                   "rounded");
    expect_warning("order_id int, customer_id int: orders with anything but an integer of that "
                   "range there are rejected\n");
    expect_warning("shipping, currency, source, state, items, position: there are no such columns");
    expect_warning("verify and rebuild cannot be done");
    assert_int_equal(count_lines(), 3);
    assert_non_null(strstr(binding.why_not, "float"));
}

static void a_table_that_is_not_there_is_no_error_here(void **state) {
    UNUSED(state);
    n_columns = 0;
    expect_bound();
    assert_false(binding.exists);
}

static void columns_of_others_do_not_matter(void **state) {
    UNUSED(state);
    table_of(FULL ", notes frozen<list<int>>, photo blob", 1);
    expect_bound();
    assert_int_equal(binding.n, 16);
    assert_true(binding.complete);
}

static void a_column_that_cannot_hold_it_refuses_the_table(void **state) {
    UNUSED(state);
    table_of("order_id uuid, created_at timestamp, total decimal", 1);
    expect_refused(RAW_ORDERS, "column order_id is uuid; it cannot hold an identifier");
    table_of("order_id text, created_at timestamp, total int", 1);
    expect_refused(RAW_ORDERS, "column total is int; it cannot hold an amount such as 12.34");
    table_of("order_id text, created_at int, total decimal", 1);
    expect_refused(RAW_ORDERS, "has to be timestamp, text, bigint or date");
    table_of("order_id text, created_at timestamp, total decimal, position int", 1);
    expect_refused(RAW_ORDERS, "column position is int");
    table_of("order_id text, created_at timestamp, total counter", 1);
    expect_refused(RAW_ORDERS, "counter");
    table_of("order_id text, created_at timestamp, total decimal, source blob", 1);
    expect_refused(RAW_ORDERS, "column source is blob");
    table_of("order_id text, created_at timestamp, total decimal, items frozen<list<text>>", 1);
    expect_refused(RAW_ORDERS, "frozen<list<text>>");
}

static void a_column_that_must_be_there_is_missed(void **state) {
    UNUSED(state);
    table_of("order_id text, created_at timestamp", 1);
    expect_refused(RAW_ORDERS, "has no column total");
    table_of("order_id text, total decimal", 1);
    expect_refused(RAW_ORDERS, "has no column created_at");
}

static void another_key_is_refused(void **state) {
    UNUSED(state);
    table_of("order_id text, created_at timestamp, total decimal", 2);
    expect_refused(RAW_ORDERS,
                   "its primary key is made of order_id, created_at; it must be order_id");
    table_of("customer_id text, order_id text, created_at timestamp, total decimal", 1);
    expect_refused(RAW_ORDERS, "it must be order_id");
    table_of("order_id text, event text, event_id text, created_at timestamp, total decimal", 2);
    expect_refused(RAW_ADJUSTMENTS, "it must be order_id, event, event_id");
    table_of("order_id text, event_id text, event text, created_at timestamp, total decimal", 3);
    expect_refused(RAW_ADJUSTMENTS, "made of order_id, event_id, event");
    table_of("order_id text, event text, event_id text, created_at timestamp, total decimal", 3);
    assert_true(bind_to(RAW_ADJUSTMENTS));
    strcpy(columns[1].kind, "partition_key"); // ((order_id, event), event_id)
    columns[1].position = 1;
    columns[2].position = 0;
    expect_refused(RAW_ADJUSTMENTS, "primary key");
    table_of("customer_id text, created_at timestamp, order_id text, total decimal", 3);
    assert_true(bind_to(RAW_BY_CUSTOMER));
}

static void a_list_of_a_customer_may_be_incomplete_without_harm_to_verify(void **state) {
    UNUSED(state);
    table_of("customer_id text, created_at timestamp, order_id text, total decimal", 3);
    assert_true(bind_to(RAW_BY_CUSTOMER));
    assert_null(strstr(warnings.at, "verify"));
}

// --- Values that do not fit

static struct order an_order(void) {
    return (struct order){.order_id = {7, TEXT_NONE},
                          .customer_id = {2147483647, TEXT_NONE},
                          .product_id = {-1, TEXT_LIT("SKU-1")},
                          .event_id = TEXT_NONE,
                          .source = TEXT_LIT("web"),
                          .state = TEXT_LIT("CA"),
                          .currency = "EUR",
                          .kind = ORDER_PLACED,
                          .created_ms = 1706000000123,
                          .quantity = 3,
                          .subtotal_e4 = 1234567,
                          .discount_e4 = 50000,
                          .shipping_e4 = 49900,
                          .tax_e4 = 1,
                          .total_e4 = -1234500};
}

static void an_id_that_does_not_fit_is_rejected_with_its_field(void **state) {
    UNUSED(state);
    struct order o = an_order();
    table_of(BY_HAND, 1);
    expect_bound();
    assert_true(cassandra_binding_fits(&binding, &o, &why));
    o.order_id = (struct ident){-1, TEXT_LIT("A-17")};
    assert_false(cassandra_binding_fits(&binding, &o, &why));
    assert_string_equal(why.field, "order_id");
    assert_string_equal(why.code, REJECT_TYPE);
    assert_non_null(strstr(why.message, "'A-17'"));
    o.order_id = (struct ident){2147483648, TEXT_NONE};
    assert_false(cassandra_binding_fits(&binding, &o, &why));
    o = an_order();
    o.customer_id = (struct ident){2147483648, TEXT_NONE};
    assert_false(cassandra_binding_fits(&binding, &o, &why));
    assert_string_equal(why.field, "customer_id");
    o.customer_id = IDENT_NONE; // a guest
    assert_true(cassandra_binding_fits(&binding, &o, &why));
    assert_false(cassandra_id_fits(CQL_INT, (struct ident){-1, TEXT_LIT("A-17")}));
    assert_false(cassandra_id_fits(CQL_SMALLINT, (struct ident){40000, TEXT_NONE}));
    assert_true(cassandra_id_fits(CQL_TEXT, (struct ident){-1, TEXT_LIT("A-17")}));
}

static void a_count_and_a_text_that_do_not_fit_are_rejected(void **state) {
    UNUSED(state);
    struct order o = an_order();
    table_of("order_id text, created_at timestamp, total decimal, quantity smallint, source ascii, "
             "product_id ascii, currency ascii",
             1);
    expect_bound();
    expect_warning("product_id ascii, source ascii: orders with anything but ASCII");
    assert_true(cassandra_binding_fits(&binding, &o, &why));
    o.quantity = 32768;
    assert_false(cassandra_binding_fits(&binding, &o, &why));
    assert_string_equal(why.field, "quantity");
    assert_string_equal(why.code, REJECT_RANGE);
    o = an_order();
    o.source = TEXT_LIT("B\xC3\xBCro");
    assert_false(cassandra_binding_fits(&binding, &o, &why));
    assert_string_equal(why.code, REJECT_BAD_CHARACTER);
    o = an_order();
    o.product_id.text = TEXT_LIT("\xF0\x9F\x91\x95");
    assert_false(cassandra_binding_fits(&binding, &o, &why));
    assert_string_equal(why.field, "product_id");
}

// --- There and back

static struct arena arena;

// Writes the event as a row of the bound table and reads its cells again.
static struct stored_event round_trip(const struct stored_event *event, bool *has_position) {
    static struct buf b;
    struct text cells[RAW_FIELDS];
    struct stored_event back;
    buf_clear(&b);
    struct cql_values v = {&b, 0};
    cassandra_put_row(&v, &binding, event);
    assert_int_equal(v.n, binding.n);
    struct cql_in in = cql_in_of(buf_text(&b));
    for (size_t i = 0; i < binding.n; i++) {
        cells[i] = cql_get_bytes(&in);
    }
    assert_true(!in.bad && in.left == 0);
    assert_true(
        cassandra_read_row(cells, &binding, event->order.kind, &arena, &back, has_position));
    return back;
}

static void expect_same(const struct stored_event *a, const struct stored_event *b) {
    const struct order *x = &a->order, *y = &b->order;
    assert_true(ident_equal(x->order_id, y->order_id));
    assert_true(ident_equal(x->customer_id, y->customer_id));
    assert_true(ident_equal(x->product_id, y->product_id));
    assert_true(text_equal(x->source, y->source) && text_equal(x->state, y->state));
    assert_true(text_equal(x->items_json, y->items_json));
    assert_true(text_equal(x->event_id, y->event_id));
    assert_string_equal(x->currency, y->currency);
    assert_true(x->kind == y->kind && x->created_ms == y->created_ms);
    assert_true(x->quantity == y->quantity && x->subtotal_e4 == y->subtotal_e4);
    assert_true(x->discount_e4 == y->discount_e4 && x->shipping_e4 == y->shipping_e4);
    assert_true(x->tax_e4 == y->tax_e4 && x->total_e4 == y->total_e4);
    assert_true(a->arrival_ms == b->arrival_ms && a->position == b->position);
}

static void an_event_comes_back_from_every_type_that_holds_it(void **state) {
    UNUSED(state);
    static const char *const tables[] = {
        FULL,
        "order_id ascii, created_at text, customer_id text, product_id text, quantity text, "
        "subtotal text, discount text, shipping text, tax text, total text, currency ascii, "
        "source text, state text, items text, timestamp text, position varint",
        "order_id bigint, created_at bigint, customer_id varint, product_id text, quantity "
        "varint, subtotal decimal, discount decimal, shipping decimal, tax decimal, total decimal, "
        "currency text, source text, state text, items text, timestamp varint, position bigint",
        "order_id varint, created_at timestamp, customer_id int, product_id text, quantity "
        "decimal, subtotal decimal, discount decimal, shipping decimal, tax decimal, total "
        "decimal, currency text, source text, state text, items text, timestamp timestamp, "
        "position varint",
        "order_id smallint, created_at timestamp, customer_id int, product_id text, quantity "
        "double, subtotal decimal, discount decimal, shipping decimal, tax decimal, total "
        "decimal, currency text, source text, state text, items text, timestamp timestamp, "
        "position varint"};
    for (size_t i = 0; i < COUNT_OF(tables); i++) {
        bool has_position;
        struct stored_event e = {an_order(), 1706000001456, log_position(3, 77)};
        table_of(tables[i], 1);
        expect_bound();
        assert_true(binding.complete);
        struct stored_event back = round_trip(&e, &has_position);
        expect_same(&e, &back);
        assert_true(has_position);
        e.order.customer_id = IDENT_NONE; // a guest, and an order of several lines
        e.order.product_id = IDENT_NONE;
        e.order.items_json =
            TEXT_LIT("[{\"product_id\":1,\"quantity\":3,\"subtotal\":\"1.0000\"}]");
        back = round_trip(&e, &has_position);
        expect_same(&e, &back);
    }
}

static void an_adjustment_comes_back(void **state) {
    UNUSED(state);
    bool has_position;
    struct stored_event e = {an_order(), 1706000001456, log_position(0, 1)};
    table_of("order_id text, event text, event_id text, " FULL, 3);
    n_columns = 3; // the key once
    struct cassandra_column key[3];
    memcpy(key, columns, sizeof key);
    table_of(FULL, 0);
    memmove(columns + 2, columns, n_columns * sizeof *columns);
    memcpy(columns, key, sizeof key);
    n_columns += 2;
    assert_true(bind_to(RAW_ADJUSTMENTS));
    e.order.kind = ORDER_CANCELLED;
    struct stored_event back = round_trip(&e, &has_position);
    expect_same(&e, &back);
    e.order.kind = ORDER_REFUNDED;
    e.order.event_id = TEXT_LIT("r-1");
    back = round_trip(&e, &has_position);
    expect_same(&e, &back);
}

static void floats_keep_what_a_float_keeps(void **state) {
    UNUSED(state);
    bool has_position;
    struct stored_event e = {an_order(), 1706000001456, 5};
    e.order.total_e4 = 199900;
    e.order.subtotal_e4 = 123456789012345; // 12345678901.2345
    table_of(BY_HAND, 1);
    expect_bound();
    struct stored_event back = round_trip(&e, &has_position);
    assert_false(has_position);
    assert_true(back.order.total_e4 == 199900);
    assert_true(back.order.subtotal_e4 != e.order.subtotal_e4);
    int64_t off = back.order.subtotal_e4 - e.order.subtotal_e4;
    assert_true(off > -INT64_C(6000000) && off < INT64_C(6000000)); // a float's 24 bits
    assert_true(back.order.created_ms == e.order.created_ms);
    assert_string_equal(back.order.currency, "");
    assert_null(back.order.source.at);
}

static void rows_of_other_programs_are_read_as_far_as_they_go(void **state) {
    UNUSED(state);
    struct text cells[RAW_FIELDS] = {{NULL, 0}};
    struct stored_event back;
    bool has_position;
    table_of(BY_HAND, 1);
    expect_bound();
    cells[0] = (struct text){"\xFF\xFF\xFF\xF9", 4}; // -7
    cells[1] = TEXT_LIT("2024-01-01 10:00");         // created_at, in a zone nobody knows
    assert_true(cassandra_read_row(cells, &binding, ORDER_PLACED, &arena, &back, &has_position));
    assert_true(text_equal(back.order.order_id.text, TEXT_LIT("-7")));
    assert_true(back.order.created_ms == 0);
    assert_false(ident_present(back.order.customer_id));
    assert_false(has_position);
}

static void addresses_are_checked(void **state) {
    UNUSED(state);
    struct cassandra_address a;
    assert_true(cassandra_address_read("cassandra://shop@h1,h2:9142/sales_ks", &a, &err));
    assert_int_equal(a.url.hosts[0].port, 9042);
    assert_int_equal(a.consistency, CQL_LOCAL_QUORUM);
    assert_false(cassandra_address_read("cassandra://h/ks;drop", &a, &err));
    assert_false(cassandra_address_read("cassandra://h/ks\"x", &a, &err));
    assert_false(cassandra_address_read("mysql://h/ks", &a, &err));
    assert_int_equal(err.cls, ERROR_USAGE);
}

static void the_ddl_names_every_column_once_for_each_table(void **state) {
    UNUSED(state);
    struct buf b = {0};
    cassandra_ddl(&b, "sales_ks", 3);
    buf_put(&b, "", 1);
    assert_non_null(strstr(b.at, "'replication_factor': 3"));
    for (enum raw_table t = 0; t < RAW_TABLES; t++) {
        char head[128];
        snprintf(head, sizeof head, "CREATE TABLE IF NOT EXISTS \"sales_ks\".%s (",
                 raw_table_name(t));
        const char *from = strstr(b.at, head);
        assert_non_null(from);
        const char *to = strstr(from, ";\n");
        assert_non_null(to);
        for (enum raw_field f = 0; f < RAW_FIELDS; f++) {
            char column[64];
            bool quoted = f == RAW_ARRIVAL;
            snprintf(column, sizeof column, quoted ? "    \"%s\" " : "    %s ",
                     raw_field_column(f));
            const char *at = strstr(from, column);
            bool wanted = t == RAW_ADJUSTMENTS || (f != RAW_EVENT && f != RAW_EVENT_ID);
            assert_int_equal(at != NULL && at < to, wanted);
        }
    }
    buf_free(&b);
}

static int tear_down(void **state) {
    UNUSED(state);
    buf_free(&warnings);
    arena_free(&arena);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(our_own_table_loses_nothing),
        cmocka_unit_test(a_table_made_by_hand_is_bound_and_its_losses_are_said),
        cmocka_unit_test(a_table_that_is_not_there_is_no_error_here),
        cmocka_unit_test(columns_of_others_do_not_matter),
        cmocka_unit_test(a_column_that_cannot_hold_it_refuses_the_table),
        cmocka_unit_test(a_column_that_must_be_there_is_missed),
        cmocka_unit_test(another_key_is_refused),
        cmocka_unit_test(a_list_of_a_customer_may_be_incomplete_without_harm_to_verify),
        cmocka_unit_test(an_id_that_does_not_fit_is_rejected_with_its_field),
        cmocka_unit_test(a_count_and_a_text_that_do_not_fit_are_rejected),
        cmocka_unit_test(an_event_comes_back_from_every_type_that_holds_it),
        cmocka_unit_test(an_adjustment_comes_back),
        cmocka_unit_test(floats_keep_what_a_float_keeps),
        cmocka_unit_test(rows_of_other_programs_are_read_as_far_as_they_go),
        cmocka_unit_test(addresses_are_checked),
        cmocka_unit_test(the_ddl_names_every_column_once_for_each_table),
    };
    return cmocka_run_group_tests(tests, NULL, tear_down);
}
