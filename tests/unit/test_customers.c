// SPDX-License-Identifier: MIT
// The customers file: what is found, what is refused and named, and many customers.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "engine/customers_file.h"
#include "sums/customers.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char path[] = "/tmp/salestide-customers-XXXXXX";

static void write_file(const char *bytes, size_t n) {
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

static struct customers *load(const char *text) {
    struct customers *c = NULL;
    struct error err = {0};
    write_file(text, strlen(text));
    if (!customers_load(path, &c, &err)) {
        fail_msg("%s", err.text);
    }
    return c;
}

static void refuse(const char *text, size_t n, const char *why) {
    struct customers *c = NULL;
    struct error err = {0};
    write_file(text, n);
    assert_false(customers_load(path, &c, &err));
    assert_null(c);
    if (strstr(err.text, why) == NULL || strstr(err.text, path) == NULL) {
        fail_msg("'%s' does not say '%s' about %s", err.text, why, path);
    }
}

static void expect(const struct customers *c, const char *id, const char *source,
                   const char *state) {
    const struct customer *found = customers_find(c, ident_of_text(text_of(id)));
    assert_non_null(found);
    assert_true(text_equal(found->source, text_of(source)));
    assert_true(text_equal(found->state, text_of(state)));
    assert_int_equal(found->source.at == NULL, source == NULL);
    assert_int_equal(found->state.at == NULL, state == NULL);
}

static void a_customer_is_found_by_number_and_by_text(void **state) {
    (void)state;
    struct customers *c = load("customer_id,source,state\n7,GOOGLE,CA\nann@x,EMAIL,NY\n007,A,B\n");
    expect(c, "7", "GOOGLE", "CA");
    expect(c, "ann@x", "EMAIL", "NY");
    expect(c, "007", "A", "B");
    assert_null(customers_find(c, ident_of_text(text_of("8"))));
    assert_null(customers_find(c, IDENT_NONE));
    assert_int_equal(customers_count(c), 3);
    customers_free(c);
}

static void columns_may_stand_in_any_order_among_others(void **state) {
    (void)state;
    struct customers *c = load("\xEF\xBB\xBFname,STATE,x,Customer_Id,source\r\n"
                               "\"Doe, Ann\", CA ,,1,\"GOO\"\"GLE\"\r\nBob,TX,,2,FACEBOOK");
    expect(c, "1", "GOO\"GLE", "CA");
    expect(c, "2", "FACEBOOK", "TX");
    customers_free(c);
}

static void an_empty_cell_is_an_absent_field(void **state) {
    (void)state;
    struct customers *c = load("customer_id,source,state\n1,,CA\n2,GOOGLE,\n3, ,\n");
    expect(c, "1", NULL, "CA");
    expect(c, "2", "GOOGLE", NULL);
    expect(c, "3", NULL, NULL);
    customers_free(c);
    c = load("customer_id\n5\n");
    expect(c, "5", NULL, NULL);
    customers_free(c);
}

static void the_last_row_of_an_id_holds(void **state) {
    (void)state;
    struct customers *c = load("customer_id,source,state\n1,A,X\n2,B,Y\n1,C,Z\n");
    expect(c, "1", "C", "Z");
    assert_int_equal(customers_count(c), 2);
    customers_free(c);
}

static void a_wrong_file_is_refused_with_its_line(void **state) {
    (void)state;
#define REFUSE(text, why) refuse(text, sizeof(text) - 1, why)
    REFUSE("", ":1: the file is empty");
    REFUSE("id,source\n1,A\n", "no column customer_id");
    REFUSE("customer_id,customer_id\n1,2\n", "two columns are called customer_id");
    REFUSE("customer_id,source\n1,A\n2\n", ":3: the row has 1 cell, the header has 2");
    REFUSE("customer_id,source\n1,A\"\n", ":2: a quote inside a cell");
    REFUSE("customer_id,source\n,A\n", ":2: customer_id is empty");
    REFUSE("customer_id,source\n1,\xFF\n", ":2: source: not UTF-8");
    REFUSE("customer_id,source\n1,a\tb\n", ":2: source: ");
    REFUSE("customer_id,source\n\xC3\xA9,A\n", ":2: customer_id: ");
    REFUSE(
        "customer_id,source\n0123456789012345678901234567890123456789012345678901234567890123x,A\n",
        ":2: customer_id: ");
#undef REFUSE
    struct customers *c = NULL;
    struct error err = {0};
    assert_false(customers_load("/nowhere/customers.csv", &c, &err));
    assert_non_null(strstr(err.text, "/nowhere/customers.csv"));
}

static void nothing_is_found_without_customers(void **state) {
    (void)state;
    assert_null(customers_find(NULL, ident_of_text(text_of("1"))));
    assert_int_equal(customers_count(NULL), 0);
    customers_free(NULL);
    struct customers *c = load("customer_id,source,state\n");
    assert_null(customers_find(c, ident_of_text(text_of("1"))));
    customers_free(c);
}

static void many_customers_are_all_found(void **state) {
    (void)state;
    enum { N = 200000 };
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs("customer_id,source,state\n", f);
    for (int i = 0; i < N; i++) {
        fprintf(f, i % 3 == 0 ? "c-%d,S%d,T%d\n" : "%d,S%d,T%d\n", i, i % 997, i % 3001);
    }
    assert_int_equal(fclose(f), 0);
    struct customers *c = NULL;
    struct error err = {0};
    assert_true(customers_load(path, &c, &err));
    assert_int_equal(customers_count(c), N);
    for (int i = 0; i < N; i++) {
        char id[32], source[32], where[32];
        snprintf(id, sizeof id, i % 3 == 0 ? "c-%d" : "%d", i);
        snprintf(source, sizeof source, "S%d", i % 997);
        snprintf(where, sizeof where, "T%d", i % 3001);
        expect(c, id, source, where);
    }
    customers_free(c);
}

static size_t allocations_left;
static bool fail_at(void *user, size_t n_bytes) {
    (void)user;
    (void)n_bytes;
    return allocations_left-- == 0;
}

static void a_refused_allocation_is_an_error_each_time(void **state) {
    (void)state;
    static const char text[] = "customer_id,source,state\n1,A,B\nx,C,D\n";
    write_file(text, sizeof text - 1);
    for (size_t n = 0;; n++) {
        assert_true(n < 100);
        struct customers *c = NULL;
        struct error err = {0};
        allocations_left = n;
        mem_set_fail_hook(fail_at, NULL);
        bool ok = customers_load(path, &c, &err);
        mem_set_fail_hook(NULL, NULL);
        if (ok) {
            assert_true(n > 3); // some were refused before
            customers_free(c);
            return;
        }
        assert_null(c);
        assert_int_equal(err.cls, ERROR_RETRIABLE);
    }
}

int main(void) {
    int fd = mkstemp(path);
    if (fd < 0) {
        perror(path);
        return 1;
    }
    close(fd);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_customer_is_found_by_number_and_by_text),
        cmocka_unit_test(columns_may_stand_in_any_order_among_others),
        cmocka_unit_test(an_empty_cell_is_an_absent_field),
        cmocka_unit_test(the_last_row_of_an_id_holds),
        cmocka_unit_test(a_wrong_file_is_refused_with_its_line),
        cmocka_unit_test(nothing_is_found_without_customers),
        cmocka_unit_test(many_customers_are_all_found),
        cmocka_unit_test(a_refused_allocation_is_an_error_each_time),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path);
    return failed;
}
