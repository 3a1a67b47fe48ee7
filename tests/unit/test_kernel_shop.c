// SPDX-License-Identifier: MIT
// The kernel's shop: what it is made of, its customers from a CSV's bytes and from columns.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text.h"
#include "kernel/shop.h"
#include <stdio.h>

#include "arrow_testing.h"

static struct salestide_error err;

static struct salestide_shop_options usual(void) {
    return (struct salestide_shop_options){
        .size_bytes = sizeof(struct salestide_shop_options), .currency = "EUR", .timezone = "UTC"};
}

static struct salestide_shop *new_shop(void) {
    struct salestide_shop_options options = usual();
    struct salestide_shop *shop;
    assert_int_equal(salestide_shop_new(&options, &shop, &err), SALESTIDE_OK);
    assert_string_equal(err.text, "");
    return shop;
}

static void refuses(const struct salestide_shop_options *options, const char *why) {
    struct salestide_shop *shop = (void *)&err;
    assert_int_equal(salestide_shop_new(options, &shop, &err), SALESTIDE_INVALID);
    assert_null(shop);
    if (strstr(err.text, why) == NULL) {
        fail_msg("expected '%s' in: %s", why, err.text);
    }
}

static void a_shop_is_not_made_of_what_is_wrong(void **state) {
    (void)state;
    struct salestide_shop_options o = usual();
    o.size_bytes--;
    refuses(&o, "size_bytes");
    refuses(NULL, "size_bytes");
    o = usual();
    o.currency = NULL;
    refuses(&o, "currency");
    o.currency = "";
    refuses(&o, "currency");
    o.currency = "EURO";
    refuses(&o, "currency 'EURO'");
    o.currency = "\xFF\xFF";
    refuses(&o, "currency '?");
    assert_true(text_is_utf8(text_of(err.text)));
    o = usual();
    o.timezone = NULL;
    refuses(&o, "timezone");
    o.timezone = "../etc/passwd";
    refuses(&o, "time zone");
    o.timezone = "Europe/Berlin";
    refuses(&o, "Europe/Berlin"); // no bytes
    o.tzif = "no zone file";
    o.tzif_bytes = 12;
    refuses(&o, "Europe/Berlin");
    o.tzif_bytes = 256 * 1024 + 1;
    refuses(&o, "256 KiB");
    o.tzif = NULL;
    o.tzif_bytes = 1;
    refuses(&o, "tzif");
    o = usual();
    o.late_limit_ms = -1;
    refuses(&o, "late_limit_ms");
    o = usual();
    assert_int_equal(salestide_shop_new(&o, NULL, NULL), SALESTIDE_INVALID);
}

static const struct customer *find(const struct salestide_shop *shop, const char *id) {
    return customers_find(shop->customers, ident_of_text(text_of(id)));
}

static void customers_of_a_csv_take_the_place_of_others(void **state) {
    (void)state;
    struct salestide_shop *shop = new_shop();
    static const char first[] = "customer_id,source,state\n1,a,b\n", second[] = "customer_id\n2\n",
                      bad[] = "customer_id,source\n3,\xFF\n";
    assert_int_equal(salestide_shop_customers_csv(shop, "a.csv", first, strlen(first), &err), 0);
    assert_non_null(find(shop, "1"));
    assert_int_equal(salestide_shop_customers_csv(shop, "a.csv", second, strlen(second), &err), 0);
    assert_null(find(shop, "1"));
    assert_int_equal(salestide_shop_customers_csv(shop, "b.csv", bad, strlen(bad), &err),
                     SALESTIDE_INVALID);
    assert_non_null(strstr(err.text, "b.csv:2"));
    assert_int_equal(salestide_shop_customers_csv(shop, NULL, NULL, 0, &err), SALESTIDE_INVALID);
    assert_int_equal(salestide_shop_customers_csv(shop, NULL, NULL, 1, NULL), SALESTIDE_INVALID);
    assert_non_null(find(shop, "2")); // as it was
    salestide_shop_free(shop);
}

static int32_t add(struct salestide_shop *shop, struct batch *b) {
    int32_t result = salestide_shop_customers(shop, &b->schema, &b->array, &err);
    assert_true(b->schema.release == NULL && b->array.release == NULL);
    assert_int_equal(n_live_schemas + n_live_arrays, 0);
    return result;
}

static void customers_of_columns_have_ids_of_any_integer_or_text(void **state) {
    (void)state;
    static const struct {
        const char *format, *ids[2];
        size_t n_bytes;
        uint64_t values[2];
    } cases[] = {
        {"c", {"-1", "5"}, 1, {0x05FF, 0}},
        {"C", {"255", "5"}, 1, {0x05FF, 0}},
        {"s", {"-2", "300"}, 2, {0x012CFFFE, 0}},
        {"S", {"65534", "300"}, 2, {0x012CFFFE, 0}},
        {"i", {"-3", "70000"}, 4, {UINT64_C(0x00011170FFFFFFFD), 0}},
        {"I", {"4294967293", "70000"}, 4, {UINT64_C(0x00011170FFFFFFFD), 0}},
        {"l", {"-9223372036854775808", "9223372036854775807"}, 8, {UINT64_C(1) << 63, INT64_MAX}},
        {"L", {"18446744073709551615", "9223372036854775807"}, 8, {UINT64_MAX, INT64_MAX}},
    };
    static const char *const sources[] = {"GOOGLE", NULL};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct salestide_shop *shop = new_shop();
        struct batch b;
        begin_batch(&b, 2);
        add_texts(&b, "u", "source", sources, 2);
        add_numbers(&b, cases[i].format, "customer_id", cases[i].values, cases[i].n_bytes, 2);
        assert_int_equal(add(shop, &b), SALESTIDE_OK);
        assert_int_equal(customers_count(shop->customers), 2);
        for (int j = 0; j < 2; j++) {
            const struct customer *c = find(shop, cases[i].ids[j]);
            assert_non_null(c);
            assert_int_equal(c->source.at != NULL, j == 0);
            assert_null(c->state.at);
        }
        begin_batch(&b, 1); // more of them; the last row holds
        static const char *const texts[] = {"5"};
        add_texts(&b, "U", "customer_id", texts, 1);
        add_texts(&b, "u", "state", texts, 1);
        assert_int_equal(add(shop, &b), SALESTIDE_OK);
        assert_true(text_equal(find(shop, "5")->state, TEXT_LIT("5")));
        assert_non_null(find(shop, cases[i].ids[0]));
        salestide_shop_free(shop);
    }
}

static void a_wrong_customer_is_named_by_its_row(void **state) {
    (void)state;
    enum { N = 3000 };
    static const char *ids[N];
    struct salestide_shop *shop = new_shop();
    struct batch b;
    for (int i = 0; i < N; i++) {
        ids[i] = i == 2500 ? NULL : "1";
    }
    begin_batch(&b, N);
    add_texts(&b, "u", "customer_id", ids, N);
    assert_int_equal(add(shop, &b), SALESTIDE_INVALID);
    assert_non_null(strstr(err.text, "row 2500"));
    ids[2500] = "\xC3"; // no UTF-8, whatever the column says of itself
    begin_batch(&b, N);
    add_texts(&b, "u", "customer_id", ids, N);
    assert_int_equal(add(shop, &b), SALESTIDE_INVALID);
    assert_non_null(strstr(err.text, "row 2500: customer_id: not UTF-8"));
    begin_batch(&b, N);
    add_texts(&b, "u", "customer", ids, N);
    assert_int_equal(add(shop, &b), SALESTIDE_INVALID);
    assert_non_null(strstr(err.text, "no column customer_id"));
    begin_batch(&b, 1);
    add_texts(&b, "z", "customer_id", ids, 1);
    assert_int_equal(add(shop, &b), SALESTIDE_INVALID);
    assert_non_null(strstr(err.text, "its format is 'z'"));
    begin_batch(&b, 0);
    assert_int_equal(salestide_shop_customers(NULL, &b.schema, &b.array, NULL), SALESTIDE_INVALID);
    assert_int_equal(n_live_schemas + n_live_arrays, 0);
    salestide_shop_free(shop);
    salestide_shop_free(NULL);
}

static void the_library_says_which_it_is(void **state) {
    (void)state;
    assert_int_equal(salestide_abi(), SALESTIDE_ABI);
    assert_string_equal(salestide_version(), SALESTIDE_VERSION);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_shop_is_not_made_of_what_is_wrong),
        cmocka_unit_test(customers_of_a_csv_take_the_place_of_others),
        cmocka_unit_test(customers_of_columns_have_ids_of_any_integer_or_text),
        cmocka_unit_test(a_wrong_customer_is_named_by_its_row),
        cmocka_unit_test(the_library_says_which_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
