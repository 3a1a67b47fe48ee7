// SPDX-License-Identifier: MIT
// Pages of other sites: which Host, Origin and Sec-Fetch-Site are let in.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "http/http_guard.h"

static bool loopback_name(const char *host) {
    return guard_is_loopback_name(text_of(host));
}

static void names_of_this_machine_are_loopback(void **state) {
    UNUSED(state);
    const char *const yes[] = {"localhost", "LOCALHOST", "localhost.",      "shop.localhost",
                               "127.0.0.1", "127.1.2.3", "127.255.255.255", "[::1]"};
    for (size_t i = 0; i < COUNT_OF(yes); i++) {
        assert_true(loopback_name(yes[i]));
    }
}

static void every_other_name_is_foreign(void **state) {
    UNUSED(state);
    const char *const no[] = {"",
                              "evil.example",
                              "localhost.evil.example",
                              "notlocalhost",
                              "128.0.0.1",
                              "127.0.0.1.evil.example",
                              "127.0.0",
                              "127.0.0.256",
                              "0x7f.0.0.1",
                              "127.0.0.1.",
                              "0127.0.0.1",
                              "127..0.1",
                              "[::2]",
                              "::1",
                              "0.0.0.0",
                              "127.0.0.1.1",
                              ".localhost",
                              "localhost..",
                              "127.0.0.0001"};
    for (size_t i = 0; i < COUNT_OF(no); i++) {
        // "127.0.0.1." is a name with a root dot: it is the address
        bool is_address = strcmp(no[i], "127.0.0.1.") == 0;
        assert_int_equal(loopback_name(no[i]), is_address);
    }
}

static void a_host_header_is_cut_into_host_and_port(void **state) {
    UNUSED(state);
    struct text host, port;
    assert_true(guard_split_host(text_of("localhost:8080"), &host, &port));
    assert_true(text_equal(host, text_of("localhost")) && text_equal(port, text_of("8080")));
    assert_true(guard_split_host(text_of("[::1]:80"), &host, &port));
    assert_true(text_equal(host, text_of("[::1]")) && text_equal(port, text_of("80")));
    assert_true(guard_split_host(text_of("[::1]"), &host, &port));
    assert_true(text_equal(host, text_of("[::1]")) && port.len == 0);
}

static void what_is_no_host_is_refused(void **state) {
    UNUSED(state);
    const char *const bad[] = {"", ":80", "[::1", "[::1]x", "a:b", "a:80x", "a:123456", "a:1:2"};
    struct text host, port;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_false(guard_split_host(text_of(bad[i]), &host, &port));
    }
}

static bool matches(const char *origin, const char *host) {
    return guard_origin_matches(text_of(origin), text_of(host));
}

static void an_origin_matches_its_own_host_only(void **state) {
    UNUSED(state);
    assert_true(matches("http://localhost:8080", "localhost:8080"));
    assert_true(matches("http://LocalHost:8080", "localhost:8080"));
    assert_true(matches("http://shop.example", "shop.example"));
    assert_true(matches("http://shop.example:80", "shop.example"));
    assert_true(matches("https://shop.example", "shop.example:443"));
    assert_true(matches("http://[::1]:8080", "[::1]:8080"));
    assert_false(matches("http://localhost:3000", "localhost:8080"));
    assert_false(matches("http://127.0.0.1:8080", "localhost:8080"));
    assert_false(matches("http://evil.example", "localhost:8080"));
    assert_false(matches("http://localhost:8080.evil.example", "localhost:8080"));
    assert_false(matches("null", "localhost:8080"));
    assert_false(matches("", "localhost:8080"));
    assert_false(matches("ftp://localhost:8080", "localhost:8080"));
    assert_false(matches("http://", "localhost:8080"));
}

static const char *check(struct guard_headers h, bool loopback, bool safe) {
    return guard_check(&h, loopback, text_of("127.0.0.1"), safe);
}

static void a_program_without_browser_headers_is_let_in(void **state) {
    UNUSED(state);
    struct guard_headers h = {.host = text_of("localhost:8080")};
    assert_null(check(h, true, false));
    assert_null(check(h, false, false));
}

static void a_foreign_name_for_loopback_is_refused(void **state) {
    UNUSED(state);
    struct guard_headers h = {.host = text_of("evil.example:8080")};
    assert_non_null(check(h, true, true));
    assert_null(check(h, false, true)); // beyond loopback any name may be the server's
    h.host = TEXT_NONE;
    assert_non_null(check(h, true, true));
}

static void a_page_of_another_port_is_refused(void **state) {
    UNUSED(state);
    struct guard_headers h = {.host = text_of("localhost:8080"),
                              .origin = text_of("http://localhost:3000"),
                              .sec_fetch_site = text_of("same-site")};
    assert_non_null(check(h, true, false));
}

static void a_cross_site_request_is_refused_but_a_link_may_be_followed(void **state) {
    UNUSED(state);
    struct guard_headers h = {.host = text_of("localhost:8080"),
                              .sec_fetch_site = text_of("cross-site"),
                              .sec_fetch_mode = text_of("no-cors")};
    assert_non_null(check(h, true, true));
    assert_non_null(check(h, false, false));
    h.sec_fetch_mode = text_of("navigate");
    assert_null(check(h, true, true));
    assert_non_null(check(h, true, false)); // a form that posts also navigates
}

static void the_page_itself_is_let_in(void **state) {
    UNUSED(state);
    struct guard_headers h = {.host = text_of("localhost:8080"),
                              .origin = text_of("http://localhost:8080"),
                              .sec_fetch_site = text_of("same-origin"),
                              .sec_fetch_mode = text_of("cors")};
    assert_null(check(h, true, false));
    h.sec_fetch_site = text_of("none"); // typed into the address bar
    assert_null(check(h, true, true));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_of_this_machine_are_loopback),
        cmocka_unit_test(every_other_name_is_foreign),
        cmocka_unit_test(a_host_header_is_cut_into_host_and_port),
        cmocka_unit_test(what_is_no_host_is_refused),
        cmocka_unit_test(an_origin_matches_its_own_host_only),
        cmocka_unit_test(a_program_without_browser_headers_is_let_in),
        cmocka_unit_test(a_foreign_name_for_loopback_is_refused),
        cmocka_unit_test(a_page_of_another_port_is_refused),
        cmocka_unit_test(a_cross_site_request_is_refused_but_a_link_may_be_followed),
        cmocka_unit_test(the_page_itself_is_let_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
