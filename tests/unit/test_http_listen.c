// SPDX-License-Identifier: MIT
// Addresses of --listen.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "http/http_listen.h"
#include <netinet/in.h>
#include <unistd.h>

static struct listen_address parsed(const char *text) {
    struct listen_address a;
    struct error err = {0};
    if (!listen_parse(text, &a, &err)) {
        fail_msg("%s", err.text);
    }
    return a;
}

static void loopback_addresses_are_known_as_such(void **state) {
    UNUSED(state);
    const char *const yes[] = {"127.0.0.1:8080", "127.9.9.9:1", "localhost:0", "[::1]:8080"};
    const char *const no[] = {"0.0.0.0:8080", "10.0.0.1:80",           ":8080",       "*:8080",
                              "[::]:80",      "[::ffff:127.0.0.1]:80", "128.0.0.1:80"};
    for (size_t i = 0; i < COUNT_OF(yes); i++) {
        assert_true(parsed(yes[i]).loopback);
    }
    for (size_t i = 0; i < COUNT_OF(no); i++) {
        assert_false(parsed(no[i]).loopback);
    }
}

static void host_and_port_are_taken_apart(void **state) {
    UNUSED(state);
    struct listen_address a = parsed("[::1]:65535");
    assert_string_equal(a.host, "[::1]");
    assert_int_equal(ntohs(a.at.v6.sin6_port), 65535);
    a = parsed("localhost:80");
    assert_string_equal(a.host, "127.0.0.1");
    assert_int_equal(ntohs(a.at.v4.sin_port), 80);
}

static void what_is_no_address_is_refused(void **state) {
    UNUSED(state);
    const char *const bad[] = {"",
                               "8080",
                               "localhost",
                               "127.0.0.1",
                               "127.0.0.1:",
                               "127.0.0.1:x",
                               "127.0.0.1:65536",
                               "127.0.0.1:-1",
                               "127.0.0.1:99999999999",
                               "::1:80",
                               "[::1]",
                               "[::1:80",
                               "shop.example:80",
                               "127.0.0.1:80x",
                               "[]:80",
                               "127.0.0.1000:80",
                               "[127.0.0.1]:80"};
    struct listen_address a;
    struct error err;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_false(listen_parse(bad[i], &a, &err));
        assert_int_equal(err.cls, ERROR_USAGE);
    }
    char text[300];
    memset(text, '1', sizeof text);
    memcpy(text + 290, ":80", 4);
    assert_false(listen_parse(text, &a, &err));
}

static void port_0_takes_any_and_a_taken_one_is_an_error(void **state) {
    UNUSED(state);
    struct listen_address a = parsed("127.0.0.1:0");
    struct error err;
    int port = 0, other = 0;
    int fd = listen_open(&a, &port, &err);
    assert_true(fd >= 0 && port > 0);
    char text[32];
    snprintf(text, sizeof text, "127.0.0.1:%d", port);
    a = parsed(text);
    assert_int_equal(listen_open(&a, &other, &err), -1);
    assert_non_null(strstr(err.text, text));
    close(fd);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loopback_addresses_are_known_as_such),
        cmocka_unit_test(host_and_port_are_taken_apart),
        cmocka_unit_test(what_is_no_address_is_refused),
        cmocka_unit_test(port_0_takes_any_and_a_taken_one_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
