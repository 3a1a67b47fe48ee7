// SPDX-License-Identifier: MIT
// Sessions in place of keys, tries to sign in, and the key out of a JSON body.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "format/json_member.h"
#include "http/login_limit.h"
#include "http/session.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <unistd.h>

static const int64_t now_ms = INT64_C(1767225600000);
static const int64_t lasts_ms = INT64_C(1000) * SESSION_LASTS_S;

// --- Sessions

static struct {
    char directory[64];
    struct keys *keys;
    const struct api_key *read, *ingest;
} shop;

static int open_shop(void **state) {
    UNUSED(state);
    char texts[2][KEY_TEXT_MAX + 1];
    struct api_key added;
    struct error err = {0};
    snprintf(shop.directory, sizeof shop.directory, "/tmp/salestide-session-XXXXXX");
    if (mkdtemp(shop.directory) == NULL ||
        !keys_file_add(shop.directory, KEY_READ, now_ms, texts[0], &added, &err) ||
        !keys_file_add(shop.directory, KEY_INGEST, now_ms, texts[1], &added, &err) ||
        !keys_open(shop.directory, &shop.keys, &err)) {
        return 1;
    }
    shop.read = keys_find(shop.keys, text_of(texts[0]), KEY_READ);
    shop.ingest = keys_find(shop.keys, text_of(texts[1]), KEY_INGEST);
    return shop.read == NULL || shop.ingest == NULL;
}

static int close_shop(void **state) {
    UNUSED(state);
    static const char *const files[] = {"keys", "keys.lock"};
    char path[128];
    keys_free(shop.keys);
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        snprintf(path, sizeof path, "%s/%s", shop.directory, files[i]);
        unlink(path);
    }
    return rmdir(shop.directory);
}

static bool is_believed(const char *value, int64_t at_ms) {
    char cookies[2 * SESSION_TEXT_LEN];
    struct session found;
    bool sent;
    snprintf(cookies, sizeof cookies, "a=b; " SESSION_COOKIE "=%s", value);
    return session_read(shop.keys, text_of(cookies), at_ms, &found, &sent);
}

static void a_session_is_believed_until_it_is_over(void **state) {
    UNUSED(state);
    char value[SESSION_TEXT_LEN + 1];
    assert_true(session_make(shop.read, now_ms, value));
    assert_int_equal(strlen(value), SESSION_TEXT_LEN);
    assert_true(is_believed(value, now_ms));
    assert_true(is_believed(value, now_ms + lasts_ms - 1));
    assert_false(is_believed(value, now_ms + lasts_ms));
}

static void a_session_that_is_changed_anywhere_is_not_believed(void **state) {
    UNUSED(state);
    char value[SESSION_TEXT_LEN + 1];
    assert_true(session_make(shop.read, now_ms, value));
    for (size_t i = 0; i < SESSION_TEXT_LEN; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            value[i] = (char)(value[i] ^ (1 << bit));
            assert_false(is_believed(value, now_ms));
            value[i] = (char)(value[i] ^ (1 << bit));
        }
    }
    assert_true(is_believed(value, now_ms));
    value[SESSION_TEXT_LEN - 1] = '\0';
    assert_false(is_believed(value, now_ms));
}

static void a_session_of_a_key_that_sends_orders_is_not_believed(void **state) {
    UNUSED(state);
    char value[SESSION_TEXT_LEN + 1];
    assert_true(session_make(shop.ingest, now_ms, value));
    assert_false(is_believed(value, now_ms));
}

static void two_sessions_of_a_key_are_told_apart(void **state) {
    UNUSED(state);
    char values[2][SESSION_TEXT_LEN + 1];
    assert_true(session_make(shop.read, now_ms, values[0]));
    assert_true(session_make(shop.read, now_ms, values[1]));
    assert_string_not_equal(values[0], values[1]);
}

// --- Tries

static struct login_address address_of(const char *text) {
    struct sockaddr_storage peer = {.ss_family = AF_INET};
    if (strchr(text, ':') != NULL) {
        peer.ss_family = AF_INET6;
        assert_int_equal(inet_pton(AF_INET6, text, &((struct sockaddr_in6 *)&peer)->sin6_addr), 1);
    } else {
        assert_int_equal(inet_pton(AF_INET, text, &((struct sockaddr_in *)&peer)->sin_addr), 1);
    }
    return login_address_of(&peer);
}

static int tries_of(struct login_limit *l, struct login_address from, int64_t at_ms) {
    int n = 0;
    while (login_limit_allows(l, from, at_ms)) {
        login_limit_failed(l, from, at_ms);
        n++;
    }
    return n;
}

static void an_address_has_some_tries_at_once_then_one_at_a_time(void **state) {
    UNUSED(state);
    struct login_limit *l = calloc(1, sizeof *l);
    assert_non_null(l);
    struct login_address here = address_of("192.0.2.1"), there = address_of("192.0.2.2");
    assert_int_equal(tries_of(l, here, 1000), LOGIN_TRIES);
    assert_int_equal(tries_of(l, there, 1000), LOGIN_TRIES);
    assert_int_equal(tries_of(l, here, 1000 + LOGIN_TRY_EVERY_MS - 1), 0);
    assert_int_equal(tries_of(l, here, 1000 + LOGIN_TRY_EVERY_MS), 1);
    assert_int_equal(tries_of(l, here, 1000 + INT64_C(100) * LOGIN_TRY_EVERY_MS), LOGIN_TRIES);
    free(l);
}

static void hosts_of_one_network_share_their_tries(void **state) {
    UNUSED(state);
    struct login_limit *l = calloc(1, sizeof *l);
    assert_non_null(l);
    assert_int_equal(tries_of(l, address_of("2001:db8:0:1::1"), 1), LOGIN_TRIES);
    assert_int_equal(tries_of(l, address_of("2001:db8:0:1::2"), 1), 0);
    assert_int_equal(tries_of(l, address_of("2001:db8:0:2::1"), 1), LOGIN_TRIES);
    assert_int_equal(tries_of(l, address_of("192.0.2.1"), 1), LOGIN_TRIES);
    assert_int_equal(tries_of(l, address_of("::ffff:192.0.2.1"), 1), 0);
    free(l);
}

static void many_addresses_do_not_free_one_that_tries_most(void **state) {
    UNUSED(state);
    struct login_limit *l = calloc(1, sizeof *l);
    assert_non_null(l);
    struct login_address here = address_of("192.0.2.1");
    assert_int_equal(tries_of(l, here, 1), LOGIN_TRIES);
    for (uint64_t i = 0; i < 100000; i++) {
        login_limit_failed(l, (struct login_address){i << 32}, 1);
    }
    assert_false(login_limit_allows(l, here, 1));
    free(l);
}

// --- The key in a JSON body

static void a_text_is_taken_out_of_an_object(void **state) {
    UNUSED(state);
    static const struct {
        const char *json, *want; // NULL: none
    } cases[] = {
        {"{\"key\":\"abc\"}", "abc"}, {" { \"a\": [1, {}], \"key\": \"a\\u0041\" } ", "aA"},
        {"{\"key\":\"\"}", ""},       {"{\"key\":\"123456789\"}", NULL},
        {"{\"key\":1}", NULL},        {"{\"kex\":\"abc\"}", NULL},
        {"[\"key\"]", NULL},          {"\"key\"", NULL},
        {"{\"key\":\"abc\"", NULL},   {"", NULL},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char out[8];
        size_t len = 0;
        bool found = json_member_text(text_of(cases[i].json), "key", out, sizeof out, &len);
        assert_int_equal(found, cases[i].want != NULL);
        assert_true(!found || text_equal((struct text){out, len}, text_of(cases[i].want)));
    }
}

static void any_document_of_the_size_that_is_taken_has_room(void **state) {
    UNUSED(state);
    char json[JSON_MEMBER_DOCUMENT_MAX + 1], out[8];
    size_t len;
    memset(json, ' ', sizeof json);
    static const char begin[] = "{\"key\":\"abc\",\"x\":[";
    memcpy(json, begin, sizeof begin - 1);
    for (size_t i = sizeof begin - 1; i + 2 < JSON_MEMBER_DOCUMENT_MAX; i += 2) {
        memcpy(json + i, "1,", 2);
    }
    memcpy(json + JSON_MEMBER_DOCUMENT_MAX - 4, "1]} ", 4);
    assert_true(json_member_text((struct text){json, JSON_MEMBER_DOCUMENT_MAX}, "key", out,
                                 sizeof out, &len));
    assert_false(json_member_text((struct text){json, sizeof json}, "key", out, sizeof out, &len));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session_is_believed_until_it_is_over),
        cmocka_unit_test(a_session_that_is_changed_anywhere_is_not_believed),
        cmocka_unit_test(a_session_of_a_key_that_sends_orders_is_not_believed),
        cmocka_unit_test(two_sessions_of_a_key_are_told_apart),
        cmocka_unit_test(an_address_has_some_tries_at_once_then_one_at_a_time),
        cmocka_unit_test(hosts_of_one_network_share_their_tries),
        cmocka_unit_test(many_addresses_do_not_free_one_that_tries_most),
        cmocka_unit_test(a_text_is_taken_out_of_an_object),
        cmocka_unit_test(any_document_of_the_size_that_is_taken_has_room),
    };
    return cmocka_run_group_tests(tests, open_shop, close_shop);
}
