// SPDX-License-Identifier: MIT
// Passwords from the environment or a file, and the settings that all stores compare alike.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/secret.h"
#include "store/settings.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define VARIABLE "SALESTIDE_TEST_SECRET"

static char path[64];

static void write_file(const char *bytes, size_t n) {
    snprintf(path, sizeof path, "/tmp/salestide-secret-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, n), n);
    close(fd);
}

static void expect_file(const char *bytes, const char *secret) {
    char out[SECRET_MAX_BYTES + 1];
    struct error err = {0};
    write_file(bytes, strlen(bytes));
    bool ok = secret_read(VARIABLE, path, out, &err);
    unlink(path);
    assert_int_equal(ok, secret != NULL);
    if (ok) {
        assert_string_equal(out, secret);
    } else {
        assert_int_equal(err.cls, ERROR_USAGE);
        assert_non_null(strstr(err.text, path));
    }
}

static void a_file_s_first_line_is_the_password(void **state) {
    (void)state;
    setenv(VARIABLE, "other", 1);
    expect_file("word", "word");
    expect_file("word\n", "word");
    expect_file("with spaces \r\nsecond\n", "with spaces ");
    expect_file("", NULL);
    expect_file("\nword\n", NULL);
    char longest[SECRET_MAX_BYTES + 3];
    memset(longest, 'x', sizeof longest);
    longest[SECRET_MAX_BYTES] = '\0';
    expect_file(longest, longest);
    longest[SECRET_MAX_BYTES] = 'x';
    longest[SECRET_MAX_BYTES + 1] = '\0';
    expect_file(longest, NULL);
    char out[SECRET_MAX_BYTES + 1];
    struct error err = {0};
    assert_false(secret_read(VARIABLE, "/no/such/file", out, &err));
    assert_int_equal(err.cls, ERROR_USAGE);
}

static void without_a_file_it_comes_from_the_environment(void **state) {
    (void)state;
    char out[SECRET_MAX_BYTES + 1];
    struct error err = {0};
    setenv(VARIABLE, "from outside", 1);
    assert_true(secret_read(VARIABLE, NULL, out, &err));
    assert_string_equal(out, "from outside");
    unsetenv(VARIABLE);
    assert_true(secret_read(VARIABLE, NULL, out, &err));
    assert_string_equal(out, "");
    char too_long[SECRET_MAX_BYTES + 2];
    memset(too_long, 'x', sizeof too_long);
    too_long[sizeof too_long - 1] = '\0';
    setenv(VARIABLE, too_long, 1);
    assert_false(secret_read(VARIABLE, NULL, out, &err));
    assert_null(strstr(err.text, "xxx"));
    unsetenv(VARIABLE);
}

static void settings_go_through_their_texts(void **state) {
    (void)state;
    const struct store_settings made = {"EUR", "Europe/Berlin", 90000};
    struct store_settings read = {0};
    for (int i = 0; i < N_SETTINGS; i++) {
        char value[SETTING_MAX_BYTES + 1];
        setting_get(&made, i, value);
        setting_set(&read, i, value);
    }
    assert_string_equal(read.currency, "EUR");
    assert_string_equal(read.timezone, "Europe/Berlin");
    assert_int_equal(read.late_limit_ms, 90000);
}

static void other_settings_are_refused_and_empty_ones_filled(void **state) {
    (void)state;
    const struct store_settings made = {"EUR", "Europe/Berlin", 90000};
    struct store_settings want = {0};
    struct error err = {0};
    assert_true(settings_compare(&made, &want, "--data", &err));
    assert_string_equal(want.timezone, "Europe/Berlin");
    assert_true(settings_compare(&made, &want, "--data", &err));
    const struct store_settings others[] = {
        {"USD", "", 0}, {"", "UTC", 0}, {"", "", 90001}, {"EUR", "UTC", 90000}};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        want = others[i];
        assert_false(settings_compare(&made, &want, "--aggregates", &err));
        assert_int_equal(err.cls, ERROR_USAGE);
        assert_non_null(strstr(err.text, "another --aggregates"));
    }
    want = (struct store_settings){0};
    settings_fill(&want);
    assert_string_equal(want.currency, "USD");
    assert_string_equal(want.timezone, "UTC");
    assert_int_equal(want.late_limit_ms, 600000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_s_first_line_is_the_password),
        cmocka_unit_test(without_a_file_it_comes_from_the_environment),
        cmocka_unit_test(settings_go_through_their_texts),
        cmocka_unit_test(other_settings_are_refused_and_empty_ones_filled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
