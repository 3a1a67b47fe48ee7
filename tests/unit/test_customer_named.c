// SPDX-License-Identifier: MIT
// Which texts of rejected events name a customer: JSON in any spelling, broken JSON, lines of CSV;
// and which do not although they look alike.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "format/customer_named.h"

#define NAMED(event, id) assert_true(customer_named(TEXT_LIT(event), ident_of_text(TEXT_LIT(id))))
#define NOT_NAMED(event, id)                                                                       \
    assert_false(customer_named(TEXT_LIT(event), ident_of_text(TEXT_LIT(id))))

static void test_a_text_id_is_found_wherever_it_stands_as_a_word(void **state) {
    (void)state;
    NAMED("{\"order_id\":1,\"customer_id\":\"ann\"}", "ann");
    NAMED("{\"note\":\"for ann, please\"}", "ann");
    NAMED("{\"customer_id\":\"\\u0061nn\"}", "ann");
    NAMED("{\"customer_id\":\"a\\/b\"}", "a/b");
    NAMED("{\"customer_id\":\"a\\\\b\"}", "a\\b");
    NAMED("{\"customer_id\":\"ann", "ann"); // cut
    NAMED("1,2026-01-01,ann,p,1", "ann");
    NAMED("ann", "ann");
    NAMED("{\"customer_id\":\"x\\nann\"}", "ann");
    NOT_NAMED("{\"customer_id\":\"anna\"}", "ann");
    NOT_NAMED("{\"customer_id\":\"joann\"}", "ann");
    NOT_NAMED("{\"customer_id\":\"ann_2\"}", "ann");
    NOT_NAMED("{\"customer_id\":\"Ann\"}", "ann");
    NOT_NAMED("", "ann");
}

static void test_an_integer_is_found_behind_a_key_of_a_customer_in_json(void **state) {
    (void)state;
    NAMED("{\"customer_id\":7}", "7");
    NAMED("{\"customer_id\" : \" 7 \"}", "7");
    NAMED("{\"CustomerNumber\":\"7\",", "7");
    NAMED("{\"x\":\"{\\\"customer_id\\\":7}\"}", "7");
    NAMED("{\"quantity\":7,\"customer_id\":7}", "7");
    NAMED("{\"id\":1,\"customer\":{\"id\":7,\"email\":\"a@b.example\"}}", "7");
    NAMED("{\"body\":\"{\\\"customer\\\": {\\\"id\\\": 7}}\"}", "7");
    NOT_NAMED("{\"id\":7,\"customer\":{\"id\":8}}", "7");
    NOT_NAMED("{\"customer\":{\"id\":8},\"items\":[{\"id\":7}]}", "7");
    NOT_NAMED("{\"customer_id\":8,\"quantity\":7}", "7");
    NOT_NAMED("{\"customer_id\":\"x\",\"total\":\"7\"}", "7");
    NOT_NAMED("{\"customer_id\":77}", "7");
    NOT_NAMED("{\"customer_id\":\"007\"}", "7");
    NOT_NAMED("{\"customer_id\":\"-7\"}", "7");
    NOT_NAMED("{\"order_id\":7}", "7");
}

static void test_of_a_line_of_csv_any_cell_may_be_it(void **state) {
    (void)state;
    NAMED("1,yesterday,7,p,2,1.00", "7");
    NAMED("1;yesterday;\"7\";p", "7");
    NOT_NAMED("1,yesterday,77,p,2,1.00", "7");
    NOT_NAMED("1,yesterday,x7,p", "7");
}

static void test_bytes_that_are_no_text_are_looked_through(void **state) {
    (void)state;
    NAMED("\xff\0{\"customer_id\":\"ann\"}", "ann");
    NOT_NAMED("{\"customer_id\":\"\\u00", "ann");
    NOT_NAMED("{\"customer_id\":\\", "ann");
    assert_false(customer_named(TEXT_NONE, ident_of_text(TEXT_LIT("ann"))));
    assert_false(customer_named(TEXT_LIT("{\"customer_id\":\"\"}"), IDENT_FORGOTTEN));
    assert_false(customer_named(TEXT_LIT("{\"customer_id\":null}"), IDENT_NONE));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_text_id_is_found_wherever_it_stands_as_a_word),
        cmocka_unit_test(test_an_integer_is_found_behind_a_key_of_a_customer_in_json),
        cmocka_unit_test(test_of_a_line_of_csv_any_cell_may_be_it),
        cmocka_unit_test(test_bytes_that_are_no_text_are_looked_through),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
