// SPDX-License-Identifier: MIT
// From an address and options to how the library is set up: what is taken, and what is refused with
// a line that says what to do.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "host/addresses.h"
#include "host/send_to_options.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct command_spec *command(const char *name) {
    size_t i = 0;
    while (strcmp(command_specs[i].name, name) != 0) {
        i++;
    }
    return &command_specs[i];
}

#define OPTIONS(...) options_of((char *[]){__VA_ARGS__, NULL})

static struct options *options_of(char **words) {
    struct options *o = NULL;
    struct error err = {0};
    int n = 0;
    while (words[n] != NULL) {
        n++;
    }
    if (!options_parse(command("load"), n, words, &o, &err)) {
        fail_msg("%s", err.text);
    }
    return o;
}

static void taken(const char *url, struct options *o, struct kafka_settings *out) {
    struct error err = {0};
    if (!kafka_settings_read(url, o, out, &err)) {
        fail_msg("%s", err.text);
    }
}

static void refused(const char *url, struct options *o, const char *part) {
    struct kafka_settings settings;
    struct error err = {0};
    assert_false(kafka_settings_read(url, o, &settings, &err));
    assert_int_equal(err.cls, ERROR_USAGE);
    if (strstr(err.text, part) == NULL) {
        fail_msg("\"%s\" should have \"%s\"", err.text, part);
    }
    options_free(o);
}

static void expect_conf(const struct kafka_settings *s, const char *name, const char *value) {
    struct error err = {0};
    char found[300] = "";
    size_t len = sizeof found;
    rd_kafka_conf_t *conf = kafka_conf_new(s, &err);
    assert_non_null(conf);
    assert_int_equal(rd_kafka_conf_get(conf, name, found, &len), RD_KAFKA_CONF_OK);
    assert_string_equal(found, value);
    rd_kafka_conf_destroy(conf);
}

// A file with this content; the caller unlinks it.
static void write_file(char path[static 32], const char *content) {
    strcpy(path, "/tmp/test_kafka_XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, content, strlen(content)), (ssize_t)strlen(content));
    close(fd);
}

static void an_address_is_brokers_and_a_topic(void **state) {
    (void)state;
    struct kafka_settings s;
    struct options *o = OPTIONS("x");
    taken("kafka://h1,h2:9093,[::1]:1/sales.eu-1", o, &s);
    assert_string_equal(s.brokers, "h1:9092,h2:9093,[::1]:1");
    assert_string_equal(s.topic, "sales.eu-1");
    expect_conf(&s, "bootstrap.servers", "h1:9092,h2:9093,[::1]:1");
    expect_conf(&s, "security.protocol", "plaintext");
    options_free(o);
}

static void an_address_of_another_form_is_refused(void **state) {
    (void)state;
    refused("http://h1/sales", OPTIONS("x"), "kafka://");
    refused("kafka://h1", OPTIONS("x"), "topic");
    refused("kafka://h1/a topic", OPTIONS("x"), "topic");
    refused("kafka://h1/a/b", OPTIONS("x"), "topic");
    refused("kafka://h1/..", OPTIONS("x"), "topic");
    refused("kafka://ann@h1/sales", OPTIONS("x"), "--kafka-user");
    refused("kafka://ann:secret@h1/sales", OPTIONS("x"), "password");
}

static void a_password_comes_from_a_file_or_the_environment(void **state) {
    (void)state;
    struct kafka_settings s;
    char path[32];
    write_file(path, "from a file\r\nand no more\n");
    setenv("SALESTIDE_KAFKA_PASSWORD", "from the environment", 1);
    struct options *o = OPTIONS("x", "--kafka-user", "ann", "--kafka-sasl", "scram-sha-512");
    taken("kafka://h/sales", o, &s);
    expect_conf(&s, "sasl.password", "from the environment");
    expect_conf(&s, "sasl.username", "ann");
    expect_conf(&s, "sasl.mechanisms", "SCRAM-SHA-512");
    expect_conf(&s, "security.protocol", "sasl_plaintext");
    options_free(o);
    o = OPTIONS("x", "--kafka-user", "ann", "--kafka-sasl", "plain", "--kafka-tls",
                "--kafka-password-file", path);
    taken("kafka://h/sales", o, &s);
    expect_conf(&s, "sasl.password", "from a file");
    expect_conf(&s, "sasl.mechanisms", "PLAIN");
    expect_conf(&s, "security.protocol", "sasl_ssl");
    expect_conf(&s, "ssl.endpoint.identification.algorithm", "https");
    options_free(o);
    unsetenv("SALESTIDE_KAFKA_PASSWORD");
    unlink(path);
}

static void credentials_that_are_not_whole_are_refused(void **state) {
    (void)state;
    char empty[32];
    write_file(empty, "");
    refused("kafka://h/s", OPTIONS("x", "--kafka-user", "ann"), "--kafka-sasl");
    refused("kafka://h/s", OPTIONS("x", "--kafka-sasl", "plain"), "--kafka-user");
    refused("kafka://h/s", OPTIONS("x", "--kafka-user", "ann", "--kafka-sasl", "plain"),
            "no password");
    refused("kafka://h/s",
            OPTIONS("x", "--kafka-user", "ann", "--kafka-sasl", "plain", "--kafka-password-file",
                    "/does/not/exist"),
            "/does/not/exist");
    refused("kafka://h/s",
            OPTIONS("x", "--kafka-user", "ann", "--kafka-sasl", "plain", "--kafka-password-file",
                    empty),
            empty);
    refused("kafka://h/s", OPTIONS("x", "--kafka-password-file", empty), "--kafka-user");
    unlink(empty);
}

static void files_of_tls_need_tls(void **state) {
    (void)state;
    struct kafka_settings s;
    char ca[32];
    write_file(ca, "an authority\n");
    refused("kafka://h/s", OPTIONS("x", "--kafka-ca", ca), "--kafka-tls");
    refused("kafka://h/s", OPTIONS("x", "--kafka-tls", "--kafka-ca", "/does/not/exist"),
            "/does/not/exist");
    refused("kafka://h/s", OPTIONS("x", "--kafka-tls", "--kafka-certificate", ca),
            "--kafka-certificate-key");
    struct options *o = OPTIONS("x", "--kafka-tls", "--kafka-ca", ca);
    taken("kafka://h/s", o, &s);
    expect_conf(&s, "security.protocol", "ssl");
    expect_conf(&s, "ssl.ca.location", ca);
    options_free(o);
    unlink(ca);
}

static void options_that_do_not_go_with_the_target_are_refused(void **state) {
    (void)state;
    static const struct {
        char *words[6];
        const char *part; // NULL: fine
    } cases[] = {
        {{"x", "--to", "kafka://h/s", "--kafka-tls", "--create-topic"}, NULL},
        {{"x", "--to", "http://h", "--key", "k"}, NULL},
        {{"x"}, NULL},
        {{"x", "--to", "kafka://h/s", "--key", "k"}, "--kafka-user"},
        {{"x", "--to", "http://h", "--create-topic"}, "--create-topic"},
        {{"x", "--kafka-user", "ann"}, "--kafka-user"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct error err = {0};
        struct options *o = options_of((char **)(uintptr_t)cases[i].words);
        bool fits = kafka_options_fit(o, &err);
        assert_int_equal(fits, cases[i].part == NULL);
        assert_true(fits || strstr(err.text, cases[i].part) != NULL);
        options_free(o);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_is_brokers_and_a_topic),
        cmocka_unit_test(an_address_of_another_form_is_refused),
        cmocka_unit_test(a_password_comes_from_a_file_or_the_environment),
        cmocka_unit_test(credentials_that_are_not_whole_are_refused),
        cmocka_unit_test(files_of_tls_need_tls),
        cmocka_unit_test(options_that_do_not_go_with_the_target_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
