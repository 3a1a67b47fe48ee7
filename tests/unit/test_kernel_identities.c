// SPDX-License-Identifier: MIT
// The identities that the kernel tells of messages: which of them are the same, that none is left
// out, and what becomes of a batch without memory.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kernel/shop.h"
#include "order/order_digest.h"

#include "arrow_testing.h"
#include "refusing_heap.h"

#define ORDER(id, more)                                                                            \
    "{\"order_id\":" id ",\"created_at\":\"2026-11-21T10:00:00Z\",\"product_id\":\"mug\","         \
    "\"quantity\":2,\"total\":\"31.9\"" more "}"

static const struct salestide_shop_options utc = {
    .size_bytes = sizeof utc, .currency = "USD", .timezone = "UTC", .late_limit_ms = 86400000};
static struct salestide_error err;

static int32_t identities(const struct salestide_shop *shop, struct batch *in, struct batch *out) {
    int32_t result =
        salestide_identities(shop, &in->schema, &in->array, &out->schema, &out->array, &err);
    assert_true(in->schema.release == NULL && in->array.release == NULL);
    assert_int_equal(n_live_schemas + n_live_arrays, 0);
    assert_int_equal(err.text[0] == '\0', result == SALESTIDE_OK);
    assert_int_equal(out->array.release != NULL, result == SALESTIDE_OK);
    assert_int_equal(out->schema.release != NULL, result == SALESTIDE_OK);
    return result;
}

static const char *identity_at(const struct batch *out, int64_t i) {
    const struct ArrowArray *a = out_child(out, "identity");
    const int32_t *offsets = a->buffers[1];
    assert_string_equal(out->schema.children[0]->format, "z");
    assert_int_equal(offsets[i], 16 * i);
    assert_int_equal(offsets[i + 1], 16 * (i + 1));
    return (const char *)a->buffers[2] + offsets[i];
}

static bool same(const struct batch *out, int64_t a, int64_t b) {
    return memcmp(identity_at(out, a), identity_at(out, b), 16) == 0;
}

static const char *const some[] = {
    ORDER("1", ""),
    ORDER("1", ",\"source\":\"GOOGLE\",\"event_id\":\"n\""), // another content
    ORDER("\"1\"", ""),
    ORDER("2", ""),
    ORDER("1", ",\"event\":\"cancelled\",\"event_id\":\"a\""),
    ORDER("1", ",\"event\":\"cancelled\",\"event_id\":\"b\""),
    NULL,
    NULL,
    "",
    "no order",
    "no order",
};
enum { N_SOME = sizeof some / sizeof some[0], N_ORDERS = 6 };

static struct salestide_shop *new_shop(void) {
    struct salestide_shop *shop;
    assert_int_equal(salestide_shop_new(&utc, &shop, &err), SALESTIDE_OK);
    return shop;
}

static void an_event_has_one_identity_and_what_is_none_is_like_no_other(void **state) {
    (void)state;
    struct salestide_shop *shop = new_shop();
    struct batch in, out;
    make_messages(&in, some, N_SOME);
    assert_int_equal(identities(shop, &in, &out), SALESTIDE_OK);
    assert_int_equal(out.array.length, N_SOME);
    for (int64_t i = 0; i < N_SOME; i++) {
        for (int64_t j = 0; j < i; j++) {
            assert_int_equal(same(&out, i, j), i <= 2); // 0, 1 and 2 are one order
        }
    }
    release_batch(&out);
    salestide_shop_free(shop);
}

static void an_identity_is_the_digest_that_a_window_has(void **state) {
    (void)state;
    struct salestide_shop *shop = new_shop();
    struct batch in, out;
    make_messages(&in, some, 1);
    assert_int_equal(identities(shop, &in, &out), SALESTIDE_OK);
    const struct order_identity wanted =
        order_placed_digest((struct ident){.num = 1, .text = TEXT_NONE});
    const unsigned char *found = (const unsigned char *)identity_at(&out, 0);
    for (int i = 0; i < 8; i++) { // little-endian on every machine
        assert_int_equal(found[i], wanted.high >> (8 * i) & 0xFF);
        assert_int_equal(found[8 + i], wanted.low >> (8 * i) & 0xFF);
    }
    release_batch(&out);
    salestide_shop_free(shop);
}

static void what_is_no_order_is_told_apart_by_partition_and_offset(void **state) {
    (void)state;
    struct salestide_shop *shop = new_shop();
    struct batch in[2], out[2];
    for (int i = 0; i < 2; i++) {
        int32_t partitions[N_SOME];
        for (int j = 0; j < N_SOME; j++) {
            partitions[j] = i;
        }
        make_messages(&in[i], some, N_SOME);
        add_numbers(&in[i], "i", "partition", partitions, 4, N_SOME);
        assert_int_equal(identities(shop, &in[i], &out[i]), SALESTIDE_OK);
    }
    for (int64_t j = 0; j < N_SOME; j++) {
        int differ = memcmp(identity_at(&out[0], j), identity_at(&out[1], j), 16);
        assert_int_equal(differ == 0, j < N_ORDERS);
    }
    release_batch(&out[0]);
    release_batch(&out[1]);
    salestide_shop_free(shop);
}

static void what_a_door_has_rejected_is_no_duplicate_of_the_order(void **state) {
    (void)state;
    static const char *const texts[] = {ORDER("1", ""), ORDER("1", "")};
    static const char *const no_keys[] = {NULL, NULL};
    static const char *const names[] = {"salestide-rejected"};
    static const char *const reasons[] = {"{\"field\":\"total\",\"code\":\"negative\","
                                          "\"message\":\"m\"}"};
    static const int32_t ends[] = {0, 1};
    struct salestide_shop *shop = new_shop();
    struct batch in, out;
    make_messages(&in, texts, 2);
    add_texts(&in, "z", "key", no_keys, 2);
    add_headers(&in, ends, 2, names, reasons);
    assert_int_equal(identities(shop, &in, &out), SALESTIDE_OK);
    assert_false(same(&out, 0, 1));
    release_batch(&out);
    salestide_shop_free(shop);
}

static void many_are_more_than_the_first_room(void **state) {
    (void)state;
    enum { N = 3000 };
    static const char *texts[N];
    struct salestide_shop *shop = new_shop();
    struct batch in, out;
    for (int i = 0; i < N; i++) {
        texts[i] = some[i % N_SOME];
    }
    make_messages(&in, texts, N);
    assert_int_equal(identities(shop, &in, &out), SALESTIDE_OK);
    assert_int_equal(out.array.length, N);
    for (int64_t i = N_SOME; i < N; i++) {
        assert_int_equal(same(&out, i, i % N_SOME), i % N_SOME < N_ORDERS);
    }
    release_batch(&out);
    salestide_shop_free(shop);
}

static void what_is_wrong_is_refused_and_released(void **state) {
    (void)state;
    struct salestide_shop *shop = new_shop();
    struct batch in, out;
    make_messages(&in, some, N_SOME);
    in.schema.children[0]->name = "values";
    assert_int_equal(identities(shop, &in, &out), SALESTIDE_INVALID);
    assert_non_null(strstr(err.text, "no column value"));
    make_messages(&in, some, N_SOME);
    assert_int_equal(identities(NULL, &in, &out), SALESTIDE_INVALID);
    make_messages(&in, some, N_SOME);
    assert_int_equal(salestide_identities(shop, &in.schema, &in.array, NULL, &out.array, NULL),
                     SALESTIDE_INVALID);
    assert_int_equal(n_live_schemas + n_live_arrays, 0);
    salestide_shop_free(shop);
}

static bool identities_with(const struct mem_heap *heap) {
    struct salestide_shop *shop = NULL;
    struct batch in, out;
    int32_t result = shop_new(&utc, heap, &shop, &err);
    if (result == SALESTIDE_OK) {
        make_messages(&in, some, N_SOME);
        result = identities(shop, &in, &out);
    }
    assert_int_equal(n_live_schemas + n_live_arrays, 0);
    assert_true(result == SALESTIDE_OK || result == SALESTIDE_NO_MEMORY);
    salestide_shop_free(shop);
    if (result == SALESTIDE_OK) {
        release_batch(&out);
    }
    return result == SALESTIDE_OK;
}

static void every_allocation_may_be_refused(void **state) {
    (void)state;
    sweep_heap(identities_with, 10);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_has_one_identity_and_what_is_none_is_like_no_other),
        cmocka_unit_test(an_identity_is_the_digest_that_a_window_has),
        cmocka_unit_test(what_is_no_order_is_told_apart_by_partition_and_offset),
        cmocka_unit_test(what_a_door_has_rejected_is_no_duplicate_of_the_order),
        cmocka_unit_test(many_are_more_than_the_first_room),
        cmocka_unit_test(what_is_wrong_is_refused_and_released),
        cmocka_unit_test(every_allocation_may_be_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
