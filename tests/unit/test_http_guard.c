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
#include "http/public_urls.h"

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

static const char *check_with(const struct public_urls *urls, struct guard_headers h, bool loopback,
                              bool safe) {
    const struct guard_place here = {loopback, text_of("127.0.0.1"), urls};
    return guard_check(&h, &here, safe);
}

static const char *check(struct guard_headers h, bool loopback, bool safe) {
    static const struct public_urls none;
    return check_with(&none, h, loopback, safe);
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

// --- Behind a proxy

static struct public_urls urls_of(const char *text) {
    struct public_urls urls = {.n = 0};
    struct error err = {0};
    assert_true(public_urls_add(&urls, text, &err));
    return urls;
}

static void a_public_url_is_taken_apart(void **state) {
    UNUSED(state);
    struct public_urls urls = urls_of("https://sales.example.com, HTTP://[2001:db8::1]:8080/,"
                                      "https://shop.example.com:8443/a/sales-1/");
    assert_int_equal(urls.n, 3);
    assert_string_equal(urls.at[0].scheme, "https");
    assert_string_equal(urls.at[0].host, "sales.example.com");
    assert_string_equal(urls.at[0].port, "443");
    assert_string_equal(urls.at[0].base, "");
    assert_string_equal(urls.at[1].scheme, "http");
    assert_string_equal(urls.at[1].host, "[2001:db8::1]");
    assert_string_equal(urls.at[1].port, "8080");
    assert_string_equal(urls.at[1].base, "");
    assert_string_equal(urls.at[2].port, "8443");
    assert_string_equal(urls.at[2].base, "/a/sales-1");
}

static void what_is_no_public_url_is_refused_with_a_right_one(void **state) {
    UNUSED(state);
    const char *const bad[] = {"",
                               "sales.example.com",
                               "ftp://sales.example.com",
                               "https://",
                               "https:///sales",
                               "https://*.example.com",
                               "https://user@sales.example.com",
                               "https://user:pass@sales.example.com",
                               "https://m\xc3\xbcller.example",
                               "https://sales.example.com:0",
                               "https://sales.example.com:65536",
                               "https://sales.example.com:080",
                               "https://sales.example.com:x",
                               "https://a.example,",
                               "https://a.example,,https://b.example",
                               "https://a.example/sales//x",
                               "https://a.example//",
                               "https://a.example/./sales",
                               "https://a.example/sales/..",
                               "https://a.example/sa les",
                               "https://a.example/sa%20les",
                               "https://a.example/sales?x=1",
                               "https://a.example/sales#x",
                               "https://a.example/v1",
                               "https://a.example/v1/sales"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct public_urls urls = {.n = 0};
        struct error err = {0};
        assert_false(public_urls_add(&urls, bad[i], &err));
        assert_int_equal(err.cls, ERROR_USAGE);
        assert_non_null(strstr(err.text, "https://HOST[:PORT][/BASE]"));
    }
}

static void public_urls_have_bounds(void **state) {
    UNUSED(state);
    struct public_urls urls = {.n = 0};
    struct error err = {0};
    char text[400];
    for (int i = 0; i < PUBLIC_URLS_MAX; i++) {
        snprintf(text, sizeof text, "https://s%d.example", i);
        assert_true(public_urls_add(&urls, text, &err));
    }
    assert_false(public_urls_add(&urls, "https://one.more.example", &err));
    urls.n = 0;
    snprintf(text, sizeof text, "https://a.example/%0*d", PUBLIC_BASE_MAX_BYTES - 1, 1);
    assert_true(public_urls_add(&urls, text, &err));
    snprintf(text, sizeof text, "https://a.example/%0*d", PUBLIC_BASE_MAX_BYTES, 1);
    assert_false(public_urls_add(&urls, text, &err));
    snprintf(text, sizeof text, "https://%0*d", PUBLIC_HOST_MAX_BYTES, 1);
    assert_true(public_urls_add(&urls, text, &err));
    snprintf(text, sizeof text, "https://%0*d", PUBLIC_HOST_MAX_BYTES + 1, 1);
    assert_false(public_urls_add(&urls, text, &err));
}

static void a_base_is_taken_off_a_path_once(void **state) {
    UNUSED(state);
    struct public_urls urls =
        urls_of("https://a.example,https://a.example/shop,https://b.example/shop/sales");
    const char *const paths[][2] = {{"/v1/orders", "/v1/orders"},
                                    {"/", "/"},
                                    {"/shop/v1/orders", "/v1/orders"},
                                    {"/shop/", "/"},
                                    {"/shop", ""},
                                    {"/shopping", "/shopping"},
                                    {"/shop/shop/", "/shop/"},
                                    {"/shop/sales/v1/stream", "/v1/stream"},
                                    {"/shop/sales", ""},
                                    {"/SHOP/", "/SHOP/"}};
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        assert_string_equal(public_urls_path(&urls, paths[i][0]), paths[i][1]);
    }
}

static void the_host_of_a_public_url_is_let_in_with_any_port(void **state) {
    UNUSED(state);
    struct public_urls urls = urls_of("https://sales.example.com:8443/x,http://[2001:db8::1]");
    const char *const yes[] = {"sales.example.com",    "Sales.Example.com:8443",
                               "sales.example.com:80", "[2001:db8::1]",
                               "localhost:8080",       "127.0.0.1"};
    const char *const no[] = {"example.com", "sales.example.com.evil.example",
                              "x.sales.example.com", "[2001:db8::2]", "evil.example"};
    for (size_t i = 0; i < COUNT_OF(yes); i++) {
        assert_null(
            check_with(&urls, (struct guard_headers){.host = text_of(yes[i])}, true, false));
    }
    for (size_t i = 0; i < COUNT_OF(no); i++) {
        assert_non_null(
            check_with(&urls, (struct guard_headers){.host = text_of(no[i])}, true, true));
    }
}

static void the_origin_of_a_public_url_is_let_in_and_no_other(void **state) {
    UNUSED(state);
    struct public_urls urls = urls_of("https://sales.example.com,https://shop.example.com:8443/x");
    static const struct {
        const char *host, *origin;
        bool good;
    } pairs[] = {
        {"sales.example.com", "https://sales.example.com", true},
        {"sales.example.com", "https://sales.example.com:443", true},
        {"sales.example.com:443", "https://SALES.example.com", true},
        {"shop.example.com", "https://shop.example.com:8443", true}, // the proxy cut the port off
        {"127.0.0.1:8080", "https://sales.example.com", true},       // the proxy changed it
        {"localhost:8080", "http://localhost:8080", true},           // past the proxy
        {"sales.example.com", "http://sales.example.com", false},
        {"sales.example.com", "https://sales.example.com:8443", false},
        {"shop.example.com:8443", "https://shop.example.com", false},
        {"sales.example.com", "https://evil.example", false},
        {"sales.example.com", "https://example.com", false},
        {"sales.example.com", "null", false},
        {"127.0.0.1:8080", "https://evil.example", false},
        {"evil.example", "https://evil.example", false},
    };
    for (size_t i = 0; i < COUNT_OF(pairs); i++) {
        struct guard_headers h = {.host = text_of(pairs[i].host),
                                  .origin = text_of(pairs[i].origin)};
        assert_int_equal(check_with(&urls, h, true, false) == NULL, pairs[i].good);
    }
    // Beyond loopback too: a page that came by plain http is not the one that the proxy serves.
    struct guard_headers h = {.host = text_of("sales.example.com"),
                              .origin = text_of("http://sales.example.com")};
    assert_non_null(check_with(&urls, h, false, false));
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
        cmocka_unit_test(a_public_url_is_taken_apart),
        cmocka_unit_test(what_is_no_public_url_is_refused_with_a_right_one),
        cmocka_unit_test(public_urls_have_bounds),
        cmocka_unit_test(a_base_is_taken_off_a_path_once),
        cmocka_unit_test(the_host_of_a_public_url_is_let_in_with_any_port),
        cmocka_unit_test(the_origin_of_a_public_url_is_let_in_and_no_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
