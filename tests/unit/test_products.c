// SPDX-License-Identifier: MIT
// The product file.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "live/products.h"

static char path[] = "/tmp/salestide-products-XXXXXX";

static int make_file(void **state) {
    UNUSED(state);
    int fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state) {
    UNUSED(state);
    return unlink(path);
}

static void write_file(const char *bytes, size_t n) {
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

static struct products *load(const char *content) {
    write_file(content, strlen(content));
    struct products *p;
    struct error err;
    if (!products_load(path, &p, &err)) {
        fail_msg("%s", err.text);
    }
    return p;
}

static void expect_refused(const char *content, const char *words) {
    write_file(content, strlen(content));
    struct products *p = NULL;
    struct error err;
    assert_false(products_load(path, &p, &err));
    assert_int_equal(err.cls, ERROR_USAGE);
    if (strstr(err.text, words) == NULL || strstr(err.text, path) == NULL) {
        fail_msg("'%s' does not say '%s' and the file", err.text, words);
    }
    assert_null(p);
}

static void expect_product(const struct products *p, const char *id, const char *title,
                           const char *category) {
    const struct product *found = products_find(p, text_of(id));
    assert_non_null(found);
    assert_true(text_equal(found->title, text_of(title)));
    assert_true(text_equal(found->category, text_of(category)));
    assert_int_equal(found->category.at == NULL, category == NULL);
}

static void columns_are_found_by_name_in_any_order(void **state) {
    UNUSED(state);
    struct products *p = load("price,category,product_id,title\r\n"
                              "9.5,GIZMO,1, RUSTIC PAPER WALLET \r\n"
                              "1,,sku-2,\"Say \"\"hello\"\", twice\"\r\n");
    assert_int_equal(products_count(p), 2);
    expect_product(p, "1", "RUSTIC PAPER WALLET", "GIZMO");
    expect_product(p, "sku-2", "Say \"hello\", twice", NULL);
    assert_null(products_find(p, TEXT_LIT("2")));
    assert_null(products_find(p, TEXT_LIT("")));
    assert_null(products_find(NULL, TEXT_LIT("1")));
    products_free(p);
}

static void the_last_row_of_an_id_holds(void **state) {
    UNUSED(state);
    struct products *p = load("product_id,title\n1,old\n1,new\n");
    assert_int_equal(products_count(p), 1);
    expect_product(p, "1", "new", NULL);
    products_free(p);
}

static void thousands_of_products_are_all_found(void **state) {
    UNUSED(state);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fprintf(f, "product_id,title\n");
    for (int i = 0; i < 20000; i++) {
        fprintf(f, "%d,title %d\n", i * 37, i);
    }
    assert_int_equal(fclose(f), 0);
    struct products *p;
    struct error err;
    assert_true(products_load(path, &p, &err));
    assert_int_equal(products_count(p), 20000);
    for (int i = 0; i < 20000; i++) {
        char id[32], title[32];
        snprintf(id, sizeof id, "%d", i * 37);
        snprintf(title, sizeof title, "title %d", i);
        expect_product(p, id, title, NULL);
    }
    assert_null(products_find(p, TEXT_LIT("1")));
    products_free(p);
}

static void a_title_is_cut_between_characters(void **state) {
    UNUSED(state);
    char content[1024] = "product_id,title\n1,";
    char want[512] = "";
    for (int i = 0; i < 130; i++) {
        strcat(content, "\xC3\xA4");
        strcat(want, i < 120 ? "\xC3\xA4" : "");
    }
    struct products *p = load(content);
    expect_product(p, "1", want, NULL);
    products_free(p);
}

static void a_bad_file_is_refused_as_a_whole_with_its_line(void **state) {
    UNUSED(state);
    expect_refused("", "empty");
    expect_refused("id,name\n1,x\n", "product_id");
    expect_refused("product_id\n1\n", "title");
    expect_refused("product_id,title\n1,good\n,nameless\n", "line 3: product_id is empty");
    expect_refused("product_id,title\n1,good\n2\n", "line 3");
    expect_refused("product_id,title\n1,\"open\n", "line 2");
    expect_refused("product_id,title\n1,\xFF\xFE\n", "UTF-8");
}

static void a_file_that_is_not_there_is_named(void **state) {
    UNUSED(state);
    struct products *p = NULL;
    struct error err;
    assert_false(products_load("/nonexistent/products.csv", &p, &err));
    assert_non_null(strstr(err.text, "/nonexistent/products.csv"));
    assert_false(products_load("/tmp", &p, &err)); // a directory
    assert_null(p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_are_found_by_name_in_any_order),
        cmocka_unit_test(the_last_row_of_an_id_holds),
        cmocka_unit_test(thousands_of_products_are_all_found),
        cmocka_unit_test(a_title_is_cut_between_characters),
        cmocka_unit_test(a_bad_file_is_refused_as_a_whole_with_its_line),
        cmocka_unit_test(a_file_that_is_not_there_is_named),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
