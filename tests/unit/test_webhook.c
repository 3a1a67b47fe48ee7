// SPDX-License-Identifier: MIT
// Webhooks: signatures, secrets in a file, and what bodies come to when memory is refused. What a
// whole shop's deliveries come to is in tests/integration/test_webhooks.py.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/zone_file.h"
#include "guard_page.h"
#include "refusing_heap.h"
#include "webhook/webhook_map.h"
#include "webhook/webhook_secrets.h"
#include "webhook/webhook_signature.h"
#include <sys/stat.h>
#include <unistd.h>

#define NOW_MS INT64_C(1767225600000)
#define KEY TEXT_LIT("whsec_test")
// HMAC-SHA256 of "hello" by Python's hmac.
#define HELLO_BASE64 "+h8oQ8oiFAPmfDNdIu14Lx8rWjMmH77nC9WuTL/wJJA="

static struct zone *zone;
static struct order_rules rules;
static struct order_json *parser;

static int start(void **state) {
    UNUSED(state);
    struct error err;
    parser = order_json_new(NULL);
    bool ok = parser != NULL && zone_open("UTC", &zone, &err);
    rules = (struct order_rules){.zone = zone, .currency = "USD"};
    return ok ? 0 : -1;
}

static int end(void **state) {
    UNUSED(state);
    zone_free(zone);
    order_json_free(parser);
    return 0;
}

// --- Signatures

static enum webhook_signed check(enum webhook_system system, const char *signature) {
    return webhook_check(system, KEY, text_of(signature), TEXT_LIT("hello"), NOW_MS);
}

static void what_is_signed_is_heard_and_nothing_else(void **state) {
    UNUSED(state);
    char mac[WEBHOOK_SIGNED_MAX_BYTES];
    for (int i = 0; i < WEBHOOK_SYSTEMS; i++) {
        enum webhook_system system = (enum webhook_system)i;
        assert_true(webhook_sign(system, KEY, TEXT_LIT("hello"), NOW_MS, mac));
        assert_int_equal(check(system, mac), WEBHOOK_SIGNED);
        assert_int_equal(
            webhook_check(system, TEXT_LIT("other"), text_of(mac), TEXT_LIT("hello"), NOW_MS),
            WEBHOOK_WRONG_SIGNATURE);
        assert_int_equal(webhook_check(system, KEY, text_of(mac), TEXT_LIT("hellO"), NOW_MS),
                         WEBHOOK_WRONG_SIGNATURE);
        mac[strlen(mac) - 2] ^= 1;
        assert_int_not_equal(check(system, mac), WEBHOOK_SIGNED);
        assert_int_not_equal(check(system, ""), WEBHOOK_SIGNED);
    }
}

static void the_signature_is_hmac_sha256_in_base64(void **state) {
    UNUSED(state);
    assert_int_equal(check(WEBHOOK_SHOPIFY, HELLO_BASE64), WEBHOOK_SIGNED);
    assert_int_equal(check(WEBHOOK_WOOCOMMERCE, " " HELLO_BASE64 " "), WEBHOOK_SIGNED);
}

static void a_signed_time_has_to_be_near(void **state) {
    UNUSED(state);
    char mac[WEBHOOK_SIGNED_MAX_BYTES];
    static const struct {
        int64_t off_ms;
        enum webhook_signed is;
    } cases[] = {{0, WEBHOOK_SIGNED},
                 {-WEBHOOK_TOLERANCE_MS, WEBHOOK_SIGNED},
                 {WEBHOOK_TOLERANCE_MS, WEBHOOK_SIGNED},
                 {-WEBHOOK_TOLERANCE_MS - 1000, WEBHOOK_TOO_OLD},
                 {WEBHOOK_TOLERANCE_MS + 1000, WEBHOOK_TOO_OLD}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_true(
            webhook_sign(WEBHOOK_STRIPE, KEY, TEXT_LIT("hello"), NOW_MS + cases[i].off_ms, mac));
        assert_int_equal(check(WEBHOOK_STRIPE, mac), cases[i].is);
    }
}

static void a_header_in_another_form_is_no_signature(void **state) {
    UNUSED(state);
    static const char *const none[] = {"",           "x",      "t=",
                                       "t=1",        "v1=ab",  "t=x,v1=ab",
                                       "t=-1,v1=ab", ",,,",    "t=99999999999999999999,v1=ab",
                                       "=",          "t=1,,v1"};
    struct guard_page page = guard_page_new(4096);
    for (size_t i = 0; i < COUNT_OF(none); i++) {
        struct text signature = guard_page_place(&page, text_of(none[i]));
        enum webhook_signed is =
            webhook_check(WEBHOOK_STRIPE, KEY, signature, TEXT_LIT("hello"), NOW_MS);
        assert_true(is == WEBHOOK_NO_SIGNATURE || is == WEBHOOK_WRONG_SIGNATURE);
    }
    guard_page_free(&page);
}

// --- Secrets

static char directory[64];

static int make_directory(void **state) {
    UNUSED(state);
    snprintf(directory, sizeof directory, "/tmp/salestide-webhooks-XXXXXX");
    return mkdtemp(directory) == NULL;
}

static const char *path_of(const char *name) {
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    return path;
}

static int remove_directory(void **state) {
    UNUSED(state);
    unlink(path_of("webhooks"));
    unlink(path_of("webhooks.lock"));
    return rmdir(directory);
}

static void write_file(const char *text) {
    FILE *f = fopen(path_of("webhooks"), "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static void secrets_of_any_bytes_come_back_as_they_were(void **state) {
    UNUSED(state);
    char id[WEBHOOK_ID_LEN + 1], long_one[WEBHOOK_SECRET_MAX_BYTES + 1];
    struct error err = {0};
    static struct webhook_secrets all;
    memset(long_one, 0xE9, sizeof long_one);
    struct text longest = {long_one, WEBHOOK_SECRET_MAX_BYTES};
    assert_true(webhook_secrets_add(directory, WEBHOOK_STRIPE, longest, NOW_MS, id, &err));
    assert_true(webhook_secrets_add(directory, WEBHOOK_SHOPIFY, KEY, NOW_MS, id, &err));
    longest.len++;
    assert_false(webhook_secrets_add(directory, WEBHOOK_SHOPIFY, longest, NOW_MS, id, &err));
    assert_true(webhook_secrets_read(directory, &all, &err));
    assert_int_equal(all.n, 2);
    assert_int_equal(all.list[0].len, WEBHOOK_SECRET_MAX_BYTES);
    assert_memory_equal(all.list[0].secret, long_one, WEBHOOK_SECRET_MAX_BYTES);
    assert_string_equal(all.list[1].id, id);
    struct stat now;
    assert_int_equal(stat(path_of("webhooks"), &now), 0);
    assert_int_equal(now.st_mode & 07777, 0600);
}

static void lines_that_are_no_secret_are_refused(void **state) {
    UNUSED(state);
    static const char *const bad[] = {
        "1f0c9a3e shopify 2026\n",   "1f0c9a3e etsy 2026 00\n",    "1f0c9a3 shopify 2026 00\n",
        "1f0c9a3e shopify 2026 0\n", "1f0c9a3e shopify 2026 0g\n", "1f0c9a3e shopify 2026 00 11\n",
    };
    static struct webhook_secrets all;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct error err = {0};
        write_file(bad[i]);
        assert_false(webhook_secrets_read(directory, &all, &err));
        assert_int_equal(all.n, 0);
        assert_non_null(strstr(err.text, "line 1"));
    }
    struct error err = {0};
    write_file("# a comment\n\n1f0c9a3e shopify 2026 6162 # ab\n");
    assert_true(webhook_secrets_read(directory, &all, &err));
    assert_int_equal(all.n, 1);
    assert_string_equal(all.list[0].secret, "ab");
}

static void a_file_that_others_can_read_is_told(void **state) {
    UNUSED(state);
    char id[WEBHOOK_ID_LEN + 1];
    struct error err = {0};
    assert_false(webhook_secrets_open_to_others(directory, &err)); // there is none
    assert_true(webhook_secrets_add(directory, WEBHOOK_SHOPIFY, KEY, NOW_MS, id, &err));
    assert_false(webhook_secrets_open_to_others(directory, &err));
    static const mode_t open[] = {0640, 0620, 0604, 0602};
    for (size_t i = 0; i < COUNT_OF(open); i++) {
        assert_int_equal(chmod(path_of("webhooks"), open[i]), 0);
        assert_true(webhook_secrets_open_to_others(directory, &err));
    }
    assert_non_null(strstr(err.text, "0602"));
}

static void a_keyring_follows_its_file(void **state) {
    UNUSED(state);
    char id[WEBHOOK_ID_LEN + 1];
    struct error err = {0};
    struct webhook_keyring *k = webhook_keyring_new(directory);
    assert_true(webhook_keyring_refresh(k, &err));
    assert_int_equal(webhook_keyring_secrets(k)->n, 0);
    assert_true(webhook_secrets_add(directory, WEBHOOK_SHOPIFY, KEY, NOW_MS, id, &err));
    assert_true(webhook_keyring_refresh(k, &err));
    assert_int_equal(webhook_keyring_secrets(k)->n, 1);
    write_file("nonsense\n");
    assert_false(webhook_keyring_refresh(k, &err));
    assert_true(webhook_keyring_refresh(k, &err)); // told once
    assert_non_null(webhook_keyring_problem(k));
    assert_int_equal(webhook_keyring_secrets(k)->n, 0);
    assert_int_equal(unlink(path_of("webhooks")), 0);
    assert_true(webhook_keyring_refresh(k, &err));
    assert_null(webhook_keyring_problem(k));
    webhook_keyring_free(k);
}

// --- Bodies

#define REFUND                                                                                     \
    "{\"id\":9,\"order_id\":5,\"created_at\":\"2026-01-02T00:00:00Z\",\"refund_line_items\":[{"    \
    "\"line_item_id\":1,\"quantity\":1,\"line_item\":{\"sku\":\"A\",\"price\":\"10.00\"}}],"       \
    "\"transactions\":[{\"kind\":\"refund\",\"status\":\"success\",\"amount\":\"10.00\"}]}"
#define ORDER(more)                                                                                \
    "{\"id\":5,\"created_at\":\"2026-01-01T00:00:00Z\",\"total_price\":\"21.00\",\"total_tax\":"   \
    "\"1.00\",\"line_items\":[{\"id\":1,\"sku\":\"A\",\"quantity\":2,\"price\":\"10.00\"}]" more   \
    "}"

static struct submission *map(const char *topic, const char *body, enum webhook_outcome wanted) {
    struct submission *sub = submission_new(NULL);
    assert_non_null(sub);
    const struct webhook hook = {WEBHOOK_SHOPIFY, text_of(topic), text_of(body)};
    assert_int_equal(webhook_map(&hook, parser, &rules, sub), wanted);
    return sub;
}

static void a_cancellation_is_what_refunds_have_left(void **state) {
    UNUSED(state);
    struct submission *sub =
        map("orders/cancelled",
            ORDER(",\"cancelled_at\":\"2026-01-02T00:00:00Z\",\"refunds\":[" REFUND "]"),
            WEBHOOK_MAPPED);
    assert_int_equal(sub->n_events, 3);
    const struct order *placed = &sub->events[0].order, *back = &sub->events[1].order,
                       *cancelled = &sub->events[2].order;
    assert_int_equal(placed->total_e4, 210000);
    assert_int_equal(placed->subtotal_e4, 200000);
    assert_int_equal(back->kind, ORDER_REFUNDED);
    assert_int_equal(back->total_e4, 100000);
    assert_int_equal(cancelled->kind, ORDER_CANCELLED);
    assert_int_equal(cancelled->total_e4, 110000);
    assert_int_equal(cancelled->quantity, 1);
    submission_free(sub);
}

static void a_refund_after_the_cancellation_has_a_counter_entry(void **state) {
    UNUSED(state);
    struct submission *sub =
        map("orders/updated",
            ORDER(",\"cancelled_at\":\"2026-01-01T12:00:00Z\",\"refunds\":[" REFUND "]"),
            WEBHOOK_MAPPED);
    assert_int_equal(sub->n_events, 4);
    assert_int_equal(sub->events[2].order.total_e4, 210000);
    assert_int_equal(sub->events[3].order.total_e4, -100000);
    assert_true(text_equal(sub->events[3].order.event_id, TEXT_LIT("9-counter")));
    submission_free(sub);
}

static void amounts_that_no_sum_can_hold_are_kept(void **state) {
    UNUSED(state);
    struct submission *sub =
        map("orders/create",
            "{\"id\":1,\"created_at\":\"2026-01-01\",\"total_price\":\"1\",\"line_items\":[{"
            "\"quantity\":1000000,\"price\":\"999999999999\"}]}",
            WEBHOOK_MAPPED);
    assert_int_equal(sub->n_events, 1);
    assert_string_equal(sub->events[0].why->code, REJECT_RANGE);
    assert_true(webhook_is_kept(sub->events[0].raw));
    submission_free(sub);
}

static const char *swept;

static bool map_in(const struct mem_heap *heap) {
    struct submission *sub = submission_new(heap);
    if (sub == NULL) {
        return false;
    }
    const struct webhook hook = {WEBHOOK_SHOPIFY, TEXT_LIT("orders/updated"), text_of(swept)};
    enum webhook_outcome outcome = webhook_map(&hook, parser, &rules, sub);
    submission_free(sub);
    assert_true(outcome == WEBHOOK_MAPPED || outcome == WEBHOOK_NO_MEMORY);
    return outcome == WEBHOOK_MAPPED;
}

static void refused_memory_is_said_and_nothing_is_lost(void **state) {
    UNUSED(state);
    swept = ORDER(",\"cancelled_at\":\"2026-01-01T12:00:00Z\",\"refunds\":[" REFUND "]");
    sweep_heap(map_in, 5);
    swept = "[]";
    sweep_heap(map_in, 3);
}

int main(void) {
#define WITH_FILES(name) cmocka_unit_test_setup_teardown(name, make_directory, remove_directory)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_signed_is_heard_and_nothing_else),
        cmocka_unit_test(the_signature_is_hmac_sha256_in_base64),
        cmocka_unit_test(a_signed_time_has_to_be_near),
        cmocka_unit_test(a_header_in_another_form_is_no_signature),
        WITH_FILES(secrets_of_any_bytes_come_back_as_they_were),
        WITH_FILES(lines_that_are_no_secret_are_refused),
        WITH_FILES(a_file_that_others_can_read_is_told),
        WITH_FILES(a_keyring_follows_its_file),
        cmocka_unit_test(a_cancellation_is_what_refunds_have_left),
        cmocka_unit_test(a_refund_after_the_cancellation_has_a_counter_entry),
        cmocka_unit_test(amounts_that_no_sum_can_hold_are_kept),
        cmocka_unit_test(refused_memory_is_said_and_nothing_is_lost),
    };
    return cmocka_run_group_tests(tests, start, end);
}
