// SPDX-License-Identifier: MIT
// CSV rows to order events: columns and constants, prices, grouping, and what is refused.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "engine/zone_file.h"
#include "format/csv_groups.h"
#include "format/order_csv.h"
#include "format/order_json.h"
#include "format/order_write.h"
#include <stdio.h>
#include <stdlib.h>

static struct order_rules rules = {.currency = "USD"};

// Renders what a file came to, one event a line: "3: {json}" or "3! field code".
struct file {
    struct csv_fields fields;
    struct buf out;
    struct error err;
};

static void put_event(struct file *f, enum order_csv_result result,
                      const struct order_csv_event *e) {
    assert_int_not_equal(result, ORDER_CSV_NO_MEMORY);
    buf_printf(&f->out, "%lld", (long long)e->line);
    if (result == ORDER_CSV_OK) {
        buf_put_str(&f->out, ": ");
        struct order_spelling how = {.no_currency = !e->names_currency};
        order_write(&f->out, &e->order, &how);
        buf_put_str(&f->out, "\n");
    } else {
        buf_printf(&f->out, "! %s %s\n", e->why.field, e->why.code);
    }
}

static bool read_header(struct file *f, struct csv *csv, struct csv_binding *binding) {
    struct csv_row row;
    if (csv_next(csv, &row) != CSV_ROW) {
        return error_set(&f->err, ERROR_USAGE, "no header");
    }
    csv_set_width(csv, row.n_cells);
    return csv_fields_bind(&f->fields, &row, binding, &f->err);
}

static struct csv *open_text(struct text text) {
    struct csv *csv = mem_must(csv_new(NULL));
    assert_int_equal(csv_feed(csv, text), text.len);
    csv_fed(csv, 0);
    return csv;
}

static void read_plain(struct file *f, struct text text) {
    struct csv_binding binding;
    struct csv *csv = open_text(text);
    struct arena arena = {0};
    if (read_header(f, csv, &binding)) {
        struct order_csv *c = mem_must(order_csv_new(&rules, &binding, NULL));
        struct csv_row row;
        while (csv_next(csv, &row) != CSV_END) {
            struct order_csv_event e;
            put_event(f, order_csv_row(c, &row, &arena, &e), &e);
            assert_true(text_equal(e.raw, row.raw));
        }
        order_csv_free(c);
    }
    arena_free(&arena);
    csv_free(csv);
}

static void add_line(struct file *f, struct csv_groups *g, struct order_csv *c,
                     const struct csv_row *row, struct arena *arena) {
    struct csv_group group;
    struct order_csv_event e;
    switch (csv_groups_add(g, row, &group, &f->err)) {
    case GROUP_READY:
        put_event(f, order_csv_group(c, &group, arena, &e), &e);
        break;
    case GROUP_NONE:
        put_event(f, order_csv_row(c, row, arena, &e), &e);
        break;
    case GROUP_FAILED:
        fail_msg("%s", f->err.text);
        break;
    default:
        break;
    }
}

static void read_grouped(struct file *f, struct text text) {
    struct csv_binding binding;
    struct arena arena = {0};
    f->fields.group = true;
    struct csv *csv = open_text(text);
    if (read_header(f, csv, &binding)) {
        struct csv_groups *g = mem_must(csv_groups_new(&binding, NULL));
        struct csv_row row;
        while (csv_next(csv, &row) != CSV_END) {
            assert_true(csv_groups_count(g, &row, &f->err));
        }
        csv_groups_counted(g);
        csv_free(csv);
        csv = open_text(text);
        assert_true(read_header(f, csv, &binding));
        struct order_csv *c = mem_must(order_csv_new(&rules, &binding, NULL));
        while (csv_next(csv, &row) != CSV_END) {
            add_line(f, g, c, &row, &arena);
        }
        assert_int_equal(csv_groups_waiting(g), 0);
        order_csv_free(c);
        csv_groups_free(g);
    }
    arena_free(&arena);
    csv_free(csv);
}

static void expect(struct file *f, const char *want) {
    buf_put_char(&f->out, '\0');
    assert_string_equal(f->err.text, "");
    assert_string_equal(f->out.at, want);
    buf_free(&f->out);
    csv_fields_free(&f->fields);
}

static void expect_refused(struct file *f, const char *why) {
    if (strstr(f->err.text, why) == NULL) {
        fail_msg("'%s' does not say '%s'", f->err.text, why);
    }
    assert_int_equal(f->err.cls, ERROR_USAGE);
    assert_int_equal(f->out.len, 0);
    buf_free(&f->out);
    csv_fields_free(&f->fields);
}

static void map(struct file *f, const char *list) {
    struct error err = {0};
    if (!csv_fields_map(&f->fields, text_of(list), &err)) {
        fail_msg("%s", err.text);
    }
}

static void set(struct file *f, const char *list) {
    struct error err = {0};
    if (!csv_fields_set(&f->fields, text_of(list), &err)) {
        fail_msg("%s", err.text);
    }
}

#define HEAD "order_id,created_at,product_id,quantity,total"
#define DAY "2026-01-31"
#define AT "\"created_at\":\"2026-01-31T00:00:00.000Z\""
#define NO_AMOUNTS                                                                                 \
    "\"subtotal\":\"0.0000\",\"discount\":\"0.0000\",\"shipping\":\"0.0000\",\"tax\":\"0.0000\""

static void a_row_is_an_order_by_the_names_of_its_columns(void **state) {
    (void)state;
    struct file f = {0};
    read_plain(&f, TEXT_LIT("x,TOTAL,Order_ID, created_at ,product_id,quantity,source,state,tax\n"
                            ",12.5,7," DAY ",\"a \"\"b\"\"\",2, GOOGLE ,CA,1e-1\n"));
    expect(&f,
           "2: {\"order_id\":7," AT ",\"product_id\":\"a \\\"b\\\"\",\"quantity\":2,"
           "\"subtotal\":\"0.0000\",\"discount\":\"0.0000\",\"shipping\":\"0.0000\","
           "\"tax\":\"0.1000\",\"total\":\"12.5000\",\"source\":\"GOOGLE\",\"state\":\"CA\"}\n");
}

static void an_exact_name_goes_before_one_in_other_case(void **state) {
    (void)state;
    struct file f = {0};
    read_plain(&f, TEXT_LIT("TOTAL," HEAD "\n1,7," DAY ",5,1,2\n"));
    expect(&f, "2: {\"order_id\":7," AT ",\"product_id\":5,\"quantity\":1," NO_AMOUNTS
               ",\"total\":\"2.0000\"}\n");
}

static void an_empty_cell_is_an_absent_field(void **state) {
    (void)state;
    struct file f = {0};
    read_plain(&f, TEXT_LIT(HEAD ",customer_id,currency,event\n7," DAY ",5,1,2,,,\n"
                                 "8," DAY ",5,1,, ,,\n,,,,,,,\n"));
    expect(&f, "2: {\"order_id\":7," AT ",\"product_id\":5,\"quantity\":1," NO_AMOUNTS
               ",\"total\":\"2.0000\"}\n3! total missing\n4! order_id missing\n");
}

static void columns_are_mapped_and_constants_set(void **state) {
    (void)state;
    struct file f = {0};
    map(&f, "order_id=ID,total=AMOUNT");
    map(&f, "\"quantity=N, pieces\",created_at=WHEN");
    set(&f, "currency=GBP");
    set(&f, "product_id=thing,event=placed");
    read_plain(&f, TEXT_LIT("ID,\"N, pieces\",WHEN,amount,currency\nA-1,3," DAY ",9.99,EUR\n"));
    expect(&f, "2: {\"order_id\":\"A-1\"," AT ",\"product_id\":\"thing\",\"quantity\":3," NO_AMOUNTS
               ",\"total\":\"9.9900\",\"currency\":\"GBP\"}\n");
}

static void what_cannot_be_mapped_is_refused(void **state) {
    (void)state;
    struct csv_fields f = {0};
    struct error err = {0};
    assert_false(csv_fields_map(&f, TEXT_LIT("orderid=ID"), &err));
    assert_non_null(strstr(err.text, "'orderid' is not a field of an order (fields: order_id,"));
    assert_false(csv_fields_map(&f, TEXT_LIT("items=X"), &err));
    assert_false(csv_fields_map(&f, TEXT_LIT("order_id"), &err));
    assert_non_null(strstr(err.text, "'order_id' is not FIELD=NAME"));
    assert_false(csv_fields_map(&f, TEXT_LIT("order_id="), &err));
    assert_false(csv_fields_map(&f, TEXT_LIT(""), &err));
    assert_false(csv_fields_map(&f, TEXT_LIT("a\"b"), &err));
    assert_false(csv_fields_map(&f, TEXT_LIT("total=A,total=B"), &err));
    assert_non_null(strstr(err.text, "total is given twice"));
    assert_false(csv_fields_set(&f, TEXT_LIT("currency=\xFF"), &err));
    csv_fields_free(&f);
}

static void a_header_that_lacks_columns_is_refused(void **state) {
    (void)state;
    struct file f = {0};
    map(&f, "order_id=ID");
    read_plain(&f, TEXT_LIT(HEAD "\n"));
    expect_refused(&f, "no column 'ID' for order_id (columns: order_id, created_at,");
    f = (struct file){0};
    read_plain(&f, TEXT_LIT("order_id,created_at,quantity,total\n"));
    expect_refused(&f, "no column for product_id: name it with --map product_id=COLUMN");
    f = (struct file){0};
    read_plain(&f, TEXT_LIT("order_id,created_at,product_id,quantity,subtotal\n"));
    expect_refused(&f, "no column for total");
    f = (struct file){0};
    read_plain(&f, TEXT_LIT(HEAD ",total\n"));
    expect_refused(&f, "two columns are called 'total'");
    f = (struct file){0};
    set(&f, "order_id=1");
    read_grouped(&f, TEXT_LIT(HEAD "\n"));
    expect_refused(&f, "--group-by order_id needs a column");
}

static void a_wrong_cell_rejects_its_row_only(void **state) {
    (void)state;
    struct file f = {0};
    read_plain(&f, TEXT_LIT(HEAD "\n1," DAY ",5,x,2\n2," DAY ",5,1,2,3\n3," DAY ",\xE9,1,2\n"
                                 "4," DAY ",5,1,\"2\"x\n5,31.01.2026,5,1,2\n6," DAY ",5,1,2\n"));
    expect(&f, "2! quantity malformed\n3!  bad_row\n4! product_id bad_character\n5!  bad_row\n"
               "6! created_at malformed\n7: {\"order_id\":6," AT ",\"product_id\":5,"
               "\"quantity\":1," NO_AMOUNTS ",\"total\":\"2.0000\"}\n");
}

static void bytes_that_are_not_utf8_do_not_matter_in_other_columns(void **state) {
    (void)state;
    struct file f = {0};
    read_plain(&f, TEXT_LIT(HEAD ",remark\n1," DAY ",5,1,2,caf\xE9\n"));
    expect(&f, "2: {\"order_id\":1," AT ",\"product_id\":5,\"quantity\":1," NO_AMOUNTS
               ",\"total\":\"2.0000\"}\n");
}

// One order of `quantity` pieces at `price`; what its subtotal comes to.
static void expect_product(const char *price, const char *quantity, const char *want) {
    struct file f = {0};
    struct buf text = {0};
    char line[128];
    buf_put_str(&text, "order_id,created_at,product_id,quantity,unit_price,total\n");
    buf_printf(&text, "1," DAY ",5,%s,%s,1\n", quantity, price);
    read_plain(&f, buf_text(&text));
    buf_put_char(&f.out, '\0');
    if (want[1] == '!') {
        assert_string_equal(f.out.at, want);
    } else {
        snprintf(line, sizeof line, "\"subtotal\":\"%s\"", want);
        if (strstr(f.out.at, line) == NULL) {
            fail_msg("%s * %s: '%s' is not in '%s'", price, quantity, want, f.out.at);
        }
    }
    buf_free(&text);
    buf_free(&f.out);
    csv_fields_free(&f.fields);
}

static void quantity_times_unit_price_is_exact(void **state) {
    (void)state;
    expect_product("2.55", "6", "15.3000");
    expect_product("0.1", "3", "0.3000");
    expect_product("9.99", "1000000", "9990000.0000");
    expect_product("0.00005", "1", "0.0000"); // half to even, once
    expect_product("0.00005", "3", "0.0002"); // 0.00015
    expect_product("0.00005", "2", "0.0001"); // not rounded before it is multiplied
    expect_product("0.0000000001", "1000000", "0.0001");
    expect_product("12345678901.2345", "80", "987654312098.7600");
    expect_product("999999999999.9999", "1", "999999999999.9999");
    expect_product("1e2", "7", "700.0000");
    expect_product("2.5E-1", "12", "3.0000");
    expect_product("10", "0", "0.0000");
    expect_product("0", "5", "0.0000");
    expect_product("-0.0", "5", "0.0000");
    expect_product("99.99", "1234", "123387.6600");
    expect_product(" 5 ", " 2 ", "10.0000");
    expect_product("1.", "2", "2.0000"); // as people write them
    expect_product(".5", "3", "1.5000");
    expect_product(".75", "1", "0.7500");
    expect_product("+2.50", "+02.00", "5.0000");
    expect_product("007", "3", "21.0000");
}

static void a_price_that_is_none_is_rejected_as_unit_price(void **state) {
    (void)state;
    expect_product("-1", "2", "2! unit_price negative\n");
    expect_product("abc", "2", "2! unit_price malformed\n");
    expect_product("1;5", "2", "2! unit_price malformed\n");
    expect_product("+", "2", "2! unit_price malformed\n");
    expect_product("1e13", "2", "2! unit_price out_of_range\n");
    expect_product("900000000000", "2", "2! subtotal out_of_range\n");
}

static void a_total_is_derived_where_prices_are_and_no_total(void **state) {
    (void)state;
    struct file f = {0};
    read_plain(&f, TEXT_LIT("order_id,created_at,product_id,quantity,unit_price,discount,shipping,"
                            "tax\n1," DAY ",5,2,3.50,1,0.99,0.25\n"));
    expect(&f, "2: {\"order_id\":1," AT ",\"product_id\":5,\"quantity\":2,\"subtotal\":\"7.0000\","
               "\"discount\":\"1.0000\",\"shipping\":\"0.9900\",\"tax\":\"0.2500\","
               "\"total\":\"7.2400\"}\n");
}

static void a_subtotal_column_goes_before_a_price_found_by_name(void **state) {
    (void)state;
    struct file f = {0};
    read_plain(&f, TEXT_LIT(HEAD ",unit_price,subtotal\n1," DAY ",5,2,9,4,9\n"));
    expect(&f, "2: {\"order_id\":1," AT ",\"product_id\":5,\"quantity\":2,\"subtotal\":\"9.0000\","
               "\"discount\":\"0.0000\",\"shipping\":\"0.0000\",\"tax\":\"0.0000\","
               "\"total\":\"9.0000\"}\n");
    f = (struct file){0};
    map(&f, "unit_price=PRICE");
    read_plain(&f, TEXT_LIT(HEAD ",PRICE,subtotal\n1," DAY ",5,2,9,4,9\n"));
    expect(&f, "2: {\"order_id\":1," AT ",\"product_id\":5,\"quantity\":2,\"subtotal\":\"8.0000\","
               "\"discount\":\"0.0000\",\"shipping\":\"0.0000\",\"tax\":\"0.0000\","
               "\"total\":\"9.0000\"}\n");
}

// --- Grouping

#define LINES "order_id,created_at,product_id,quantity,subtotal,discount\n"
#define ITEM(p, q, s) "{\"product_id\":" p ",\"quantity\":" q ",\"subtotal\":\"" s "\"}"
#define ORDER(line, id, items, subtotal, discount, total)                                          \
    line ": {\"order_id\":" id "," AT ",\"items\":[" items "],\"subtotal\":\"" subtotal            \
         "\",\"discount\":\"" discount "\",\"shipping\":\"0.0000\",\"tax\":\"0.0000\","            \
         "\"total\":\"" total "\"}\n"

static void rows_of_one_order_become_its_items_wherever_they_stand(void **state) {
    (void)state;
    struct file f = {0};
    read_grouped(&f, TEXT_LIT(LINES "A," DAY ",tea,2,3,\nB," DAY ",\"t\"\"ea\",1,1.5,\n"
                                    "A,,cup,1,4.5,0.5\nC," DAY ",5,1,1,\n 07 ," DAY ",5,1,1,\n"
                                    "07,,6,1,2,\n"));
    expect(&f, ORDER("3", "\"B\"", ITEM("\"t\\\"ea\"", "1", "1.5000"), "1.5000", "0.0000", "1.5000")
                   ORDER("2", "\"A\"",
                         ITEM("\"tea\"", "2", "3.0000") "," ITEM("\"cup\"", "1", "4.5000"),
                         "7.5000", "0.5000", "7.0000") ORDER("5", "\"C\"", ITEM("5", "1", "1.0000"),
                                                             "1.0000", "0.0000", "1.0000")
                       ORDER("6", "\"07\"", ITEM("5", "1", "1.0000") "," ITEM("6", "1", "2.0000"),
                             "3.0000", "0.0000", "3.0000"));
}

static void a_mapped_total_of_the_first_row_that_has_it_holds(void **state) {
    (void)state;
    struct file f = {0};
    map(&f, "unit_price=P");
    read_grouped(&f, TEXT_LIT("order_id,created_at,product_id,quantity,P,total\n"
                              "1," DAY ",5,2,1.25,\n1,,6,1,2,4.5\n2," DAY ",5,1,1,\n"));
    expect(&f, ORDER("2", "1", ITEM("5", "2", "2.5000") "," ITEM("6", "1", "2.0000"), "4.5000",
                     "0.0000", "4.5000") "4! total missing\n");
}

static void a_group_with_a_wrong_row_is_rejected_as_a_whole(void **state) {
    (void)state;
    struct file f = {0};
    read_grouped(&f, TEXT_LIT(LINES "A," DAY ",tea,2,3,\nA,,cup,-1,4,\nB," DAY ",5,1,1,\n"
                                    "C," DAY ",,1,1,\nD," DAY ",5,,1,\n"));
    expect(&f, "3! items[1].quantity negative\n" ORDER("4", "\"B\"", ITEM("5", "1", "1.0000"),
                                                       "1.0000", "0.0000", "1.0000")
                   ORDER("5", "\"C\"", ITEM("\"(unknown)\"", "1", "1.0000"), "1.0000", "0.0000",
                         "1.0000") "6! items[0].quantity missing\n");
}

static void a_broken_row_rejects_its_order_and_no_other(void **state) {
    (void)state;
    struct file f = {0};
    read_grouped(&f, TEXT_LIT(LINES "A," DAY ",5,1,1,\nB," DAY ",5,1,1,\nB,,6,1\nB,,7,1,1,\n"
                                    "C," DAY ",5,1,1,\nD," DAY ",5,1,\"1\"x,\nE," DAY ",5,1,1,\n"));
    expect(&f,
           ORDER("2", "\"A\"", ITEM("5", "1", "1.0000"), "1.0000", "0.0000",
                 "1.0000") "4!  bad_row\n" ORDER("6", "\"C\"", ITEM("5", "1", "1.0000"), "1.0000",
                                                 "0.0000",
                                                 "1.0000") "7!  bad_row\n" ORDER("8", "\"E\"",
                                                                                 ITEM("5", "1",
                                                                                      "1.0000"),
                                                                                 "1.0000", "0.0000",
                                                                                 "1.0000"));
}

static void a_broken_row_that_may_be_anybodys_rejects_its_neighbours_too(void **state) {
    (void)state;
    struct file f = {0};
    // Line 4 has a cell too many in front of its order_id, maybe: it may belong to B or to C.
    read_grouped(&f, TEXT_LIT("note,order_id,created_at,product_id,quantity,subtotal\n"
                              ",A," DAY ",5,1,1\n,B," DAY ",5,1,1\nx,y,B,,6,1,1\n"
                              ",C," DAY ",5,1,1\n,D," DAY ",5,1,1\n"));
    expect(&f,
           ORDER("2", "\"A\"", ITEM("5", "1", "1.0000"), "1.0000", "0.0000",
                 "1.0000") "3!  bad_row\n4!  bad_row\n5!  bad_row\n" ORDER("6", "\"D\"",
                                                                           ITEM("5", "1", "1.0000"),
                                                                           "1.0000", "0.0000",
                                                                           "1.0000"));
}

static void a_refund_does_not_melt_into_its_order(void **state) {
    (void)state;
    struct file f = {0};
    read_grouped(&f,
                 TEXT_LIT("order_id,event,event_id,created_at,product_id,quantity,subtotal\n"
                          "1,,," DAY ",5,2,2\n1,refunded,r1," DAY ",5,1,1\n1,placed,,,6,1,3\n"));
    expect(&f,
           "3: {\"order_id\":1,\"event\":\"refunded\",\"event_id\":\"r1\"," AT ",\"items\":[" ITEM(
               "5", "1",
               "1.0000") "],\"subtotal\":\"1.0000\","
                         "\"discount\":\"0.0000\",\"shipping\":\"0.0000\",\"tax\":\"0.0000\","
                         "\"total\":\"1.0000\"}\n" ORDER(
                             "2", "1", ITEM("5", "2", "2.0000") "," ITEM("6", "1", "3.0000"),
                             "5.0000", "0.0000", "5.0000"));
}

static void rows_without_an_order_id_are_events_of_their_own(void **state) {
    (void)state;
    struct file f = {0};
    read_grouped(&f, TEXT_LIT(LINES "," DAY ",5,1,1,\nA," DAY ",5,1,1,\n," DAY ",5,1,1,\n"));
    expect(&f, "2! order_id missing\n" ORDER("3", "\"A\"", ITEM("5", "1", "1.0000"), "1.0000",
                                             "0.0000", "1.0000") "4! order_id missing\n");
}

static void an_order_of_more_than_200_rows_is_rejected(void **state) {
    (void)state;
    struct file f = {0};
    struct buf text = {0};
    buf_put_str(&text, LINES);
    for (int i = 0; i < 200; i++) {
        buf_put_str(&text, "A," DAY ",5,1,1,\nB," DAY ",5,1,1,\n");
    }
    buf_put_str(&text, "B," DAY ",5,1,1,\n");
    read_grouped(&f, buf_text(&text));
    buf_put_char(&f.out, '\0');
    assert_memory_equal(f.out.at, "2: {\"order_id\":\"A\"", 18);
    assert_non_null(strstr(f.out.at, "\"total\":\"200.0000\"}\n3! items too_long\n"));
    buf_free(&text);
    buf_free(&f.out);
    csv_fields_free(&f.fields);
}

static void a_file_that_changed_between_the_passes_is_noticed(void **state) {
    (void)state;
    struct file f = {.fields.group = true};
    struct csv_binding binding;
    struct csv *csv = open_text(TEXT_LIT(LINES "A," DAY ",5,1,1,\nB," DAY ",5,1,1,\n"));
    struct csv_row row;
    struct csv_group group;
    assert_true(read_header(&f, csv, &binding));
    struct csv_groups *g = mem_must(csv_groups_new(&binding, NULL));
    assert_int_equal(csv_next(csv, &row), CSV_ROW);
    assert_true(csv_groups_count(g, &row, &f.err));
    csv_groups_counted(g);
    assert_int_equal(csv_groups_add(g, &row, &group, &f.err), GROUP_READY);
    assert_int_equal(csv_groups_add(g, &row, &group, &f.err), GROUP_FAILED);
    assert_non_null(strstr(f.err.text, "has changed"));
    assert_int_equal(csv_next(csv, &row), CSV_ROW);
    assert_int_equal(csv_groups_add(g, &row, &group, &f.err), GROUP_FAILED);
    csv_groups_free(g);
    csv_free(csv);
    csv_fields_free(&f.fields);
}

static void many_orders_far_apart_are_each_whole(void **state) {
    (void)state;
    enum { N = 20000 };
    struct file f = {.fields.group = true};
    struct csv_binding binding;
    struct arena arena = {0};
    struct csv *csv = open_text(TEXT_LIT(LINES));
    assert_true(read_header(&f, csv, &binding));
    csv_free(csv);
    struct csv_groups *g = mem_must(csv_groups_new(&binding, NULL));
    struct order_csv *c = mem_must(order_csv_new(&rules, &binding, NULL));
    struct text cells[6] = {TEXT_NONE,     TEXT_LIT(DAY), TEXT_LIT("5"),
                            TEXT_LIT("1"), TEXT_LIT("1"), TEXT_LIT("")};
    int n_ready = 0;
    for (int pass = 0; pass < 2; pass++) {
        for (int i = 0; i < 2 * N; i++) {
            char id[32], raw[64];
            int n = snprintf(id, sizeof id, i % 2 ? "%d" : "t%d", i % N);
            int m = snprintf(raw, sizeof raw, "%s," DAY ",5,1,1,", id);
            cells[0] = (struct text){id, (size_t)n};
            struct csv_row row = {cells, 6, {raw, (size_t)m}, i + 1, NULL, false};
            struct csv_group group;
            struct order_csv_event e;
            if (pass == 0) {
                assert_true(csv_groups_count(g, &row, &f.err));
            } else if (csv_groups_add(g, &row, &group, &f.err) == GROUP_READY) {
                assert_int_equal(group.n_lines, 2);
                assert_int_equal(order_csv_group(c, &group, &arena, &e), ORDER_CSV_OK);
                assert_int_equal(e.order.total_e4, 20000);
                arena_reset(&arena);
                n_ready++;
            }
        }
        csv_groups_counted(g);
    }
    assert_int_equal(n_ready, N);
    assert_int_equal(csv_groups_waiting(g), 0);
    order_csv_free(c);
    csv_groups_free(g);
    arena_free(&arena);
    csv_fields_free(&f.fields);
}

// --- Memory

static size_t allocations_left;
static bool fail_at(void *user, size_t n_bytes) {
    (void)user;
    (void)n_bytes;
    return allocations_left-- == 0;
}

static void a_refused_allocation_is_told_and_never_half_an_order(void **state) {
    (void)state;
    static const char rows[] = LINES "x7," DAY ",\"a\"\"b\",1,1,\nx7,,\"c\"\"d\",2,2,\n";
    bool done = false;
    for (size_t n = 0; !done; n++) {
        assert_true(n < 100);
        struct file f = {.fields.group = true};
        struct csv_binding binding;
        struct arena arena = {0};
        struct csv *csv = open_text(text_of(rows)), *again = open_text(text_of(rows));
        struct csv_row row[1];
        assert_true(read_header(&f, csv, &binding));
        struct csv_groups *g = mem_must(csv_groups_new(&binding, NULL));
        struct order_csv *c = mem_must(order_csv_new(&rules, &binding, NULL));
        allocations_left = n;
        mem_set_fail_hook(fail_at, NULL);
        bool ok = true;
        while (ok && csv_next(csv, row) != CSV_END) {
            ok = csv_groups_count(g, row, &f.err);
        }
        ok = ok && csv_next(again, row) == CSV_ROW;
        while (ok && csv_next(again, row) != CSV_END) {
            struct csv_group group;
            struct order_csv_event e;
            enum csv_group_step step = csv_groups_add(g, row, &group, &f.err);
            ok = step != GROUP_FAILED;
            if (step == GROUP_READY) {
                enum order_csv_result r = order_csv_group(c, &group, &arena, &e);
                assert_int_not_equal(r, ORDER_CSV_REJECTED);
                done = r == ORDER_CSV_OK;
                assert_true(!done || e.order.total_e4 == 30000);
            }
        }
        mem_set_fail_hook(NULL, NULL);
        assert_true(ok || f.err.cls == ERROR_RETRIABLE);
        csv_free(csv);
        csv_free(again);
        order_csv_free(c);
        csv_groups_free(g);
        arena_free(&arena);
        csv_fields_free(&f.fields);
    }
}

static void what_is_written_as_json_reads_back_as_the_same_order(void **state) {
    (void)state;
    static const char json[] =
        "{\"order_id\":\"a\\\"b\",\"event\":\"refunded\",\"event_id\":\"r\\\\1\",\"created_at\":"
        "\"2026-01-31T12:34:56.789+02:00\",\"customer_id\":5,\"items\":[{\"product_id\":"
        "\"\\u00e9\","
        "\"quantity\":3,\"subtotal\":\"1.2345\"}],\"subtotal\":1.2345,\"tax\":0.1,\"discount\":0.2,"
        "\"shipping\":3,\"total\":4.1345,\"currency\":\"EUR\",\"source\":\"x\\\\y\",\"state\":"
        "\"z\"}";
    struct order_json *p = mem_must(order_json_new(NULL));
    struct arena arena = {0};
    struct order first, second;
    struct rejection why;
    struct buf text = {0};
    assert_int_equal(order_json_parse(p, &rules, text_of(json), &arena, &first, &why),
                     ORDER_JSON_OK);
    order_write(&text, &first, NULL);
    if (order_json_parse(p, &rules, buf_text(&text), &arena, &second, &why) != ORDER_JSON_OK) {
        fail_msg("%s: %s in %.*s", why.field, why.message, TEXT_ARG(buf_text(&text)));
    }
    assert_true(ident_equal(first.order_id, second.order_id));
    assert_true(text_equal(first.event_id, second.event_id));
    assert_true(text_equal(first.source, second.source));
    assert_true(text_equal(first.state, second.state));
    assert_int_equal(first.kind, second.kind);
    assert_int_equal(first.created_ms, second.created_ms);
    assert_true(order_same_content(&first, &second));
    buf_free(&text);
    arena_free(&arena);
    order_json_free(p);
}

int main(void) {
    struct zone *utc = NULL;
    struct error err;
    if (!zone_open("UTC", &utc, &err)) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    rules.zone = utc;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row_is_an_order_by_the_names_of_its_columns),
        cmocka_unit_test(an_exact_name_goes_before_one_in_other_case),
        cmocka_unit_test(an_empty_cell_is_an_absent_field),
        cmocka_unit_test(columns_are_mapped_and_constants_set),
        cmocka_unit_test(what_cannot_be_mapped_is_refused),
        cmocka_unit_test(a_header_that_lacks_columns_is_refused),
        cmocka_unit_test(a_wrong_cell_rejects_its_row_only),
        cmocka_unit_test(bytes_that_are_not_utf8_do_not_matter_in_other_columns),
        cmocka_unit_test(quantity_times_unit_price_is_exact),
        cmocka_unit_test(a_price_that_is_none_is_rejected_as_unit_price),
        cmocka_unit_test(a_total_is_derived_where_prices_are_and_no_total),
        cmocka_unit_test(a_subtotal_column_goes_before_a_price_found_by_name),
        cmocka_unit_test(rows_of_one_order_become_its_items_wherever_they_stand),
        cmocka_unit_test(a_mapped_total_of_the_first_row_that_has_it_holds),
        cmocka_unit_test(a_group_with_a_wrong_row_is_rejected_as_a_whole),
        cmocka_unit_test(a_broken_row_rejects_its_order_and_no_other),
        cmocka_unit_test(a_broken_row_that_may_be_anybodys_rejects_its_neighbours_too),
        cmocka_unit_test(a_refund_does_not_melt_into_its_order),
        cmocka_unit_test(rows_without_an_order_id_are_events_of_their_own),
        cmocka_unit_test(an_order_of_more_than_200_rows_is_rejected),
        cmocka_unit_test(a_file_that_changed_between_the_passes_is_noticed),
        cmocka_unit_test(many_orders_far_apart_are_each_whole),
        cmocka_unit_test(a_refused_allocation_is_told_and_never_half_an_order),
        cmocka_unit_test(what_is_written_as_json_reads_back_as_the_same_order),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    zone_free(utc);
    return failed;
}
