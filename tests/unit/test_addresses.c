// SPDX-License-Identifier: MIT
// From options to the plain structs that clients and tools take: what is taken, what is refused
// with a line that says what to do, and that no password stays behind where it is not used.
// Kafka's: test_kafka_config.c.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "host/addresses.h"
#include "host/send_to_options.h"
#include "host/shop_settings.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MYSQL "mysql://ann@h1,h2:3307/sales"
#define CASSANDRA "cassandra://h1,h2:9043/shop"
#define OPTIONS(command, ...) options_of(command, (char *[]){__VA_ARGS__, NULL})

static struct options *options_of(const char *command, char **words) {
    const struct command_spec *spec = command_specs;
    struct options *o = NULL;
    struct error err = {0};
    int n = 0;
    while (words[n] != NULL) {
        n++;
    }
    while (strcmp(spec->name, command) != 0) {
        spec++;
    }
    if (!options_parse(spec, n, words, &o, &err)) {
        fail_msg("%s", err.text);
    }
    return o;
}

static void expect_usage(bool ok, const struct error *err, const char *part) {
    assert_false(ok);
    assert_int_equal(err->cls, ERROR_USAGE);
    if (strstr(err->text, part) == NULL) {
        fail_msg("\"%s\" should have \"%s\"", err->text, part);
    }
}

static void expect_zero(const char *bytes, size_t n) {
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(bytes[i], 0);
    }
}

static void expect_mysql_tls(struct options *o, enum mysql_tls tls, const char *ca) {
    struct mysql_address a;
    struct error err = {0};
    assert_true(mysql_address_of_options(o, MYSQL, &a, &err));
    assert_int_equal(a.tls, tls);
    assert_string_equal(a.ca_file, ca);
    assert_string_equal(a.password, "secret");
    assert_string_equal(a.url.user, "ann");
    assert_string_equal(a.url.path, "sales");
    assert_int_equal(a.url.n_hosts, 2);
    assert_int_equal(a.url.hosts[0].port, 3306);
    assert_int_equal(a.url.hosts[1].port, 3307);
    options_free(o);
}

static void mysql_gets_its_password_and_how_far_the_server_is_believed(void **state) {
    (void)state;
    setenv("SALESTIDE_MYSQL_PASSWORD", "secret", 1);
    expect_mysql_tls(OPTIONS("verify", "--data", "d"), MYSQL_TLS_OFF, "");
    expect_mysql_tls(OPTIONS("verify", "--mysql-tls", "off"), MYSQL_TLS_OFF, "");
    expect_mysql_tls(OPTIONS("verify", "--mysql-tls", "encrypt"), MYSQL_TLS_ENCRYPT, "");
    expect_mysql_tls(OPTIONS("verify", "--mysql-tls", "verify"), MYSQL_TLS_VERIFY, "");
    expect_mysql_tls(OPTIONS("verify", "--mysql-ca", "ca.pem"), MYSQL_TLS_VERIFY, "ca.pem");
    unsetenv("SALESTIDE_MYSQL_PASSWORD");
}

static void mysql_options_that_contradict_each_other_are_refused(void **state) {
    (void)state;
    struct mysql_address a;
    struct error err = {0};
    char longer[sizeof a.ca_file + 1];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    setenv("SALESTIDE_MYSQL_PASSWORD", "secret", 1);
    struct options *o = OPTIONS("verify", "--mysql-ca", "ca.pem", "--mysql-tls", "encrypt");
    expect_usage(mysql_address_of_options(o, MYSQL, &a, &err), &err, "--mysql-tls encrypt");
    expect_zero(a.password, sizeof a.password); // it was read before
    options_free(o);
    o = OPTIONS("verify", "--mysql-ca", longer);
    expect_usage(mysql_address_of_options(o, MYSQL, &a, &err), &err, "--mysql-ca");
    expect_zero(a.password, sizeof a.password);
    expect_usage(mysql_address_of_options(o, "mysql://h/sales", &a, &err), &err, "USER@HOST");
    options_free(o);
    o = OPTIONS("verify", "--mysql-password-file", "/does/not/exist");
    expect_usage(mysql_address_of_options(o, MYSQL, &a, &err), &err, "/does/not/exist");
    options_free(o);
    unsetenv("SALESTIDE_MYSQL_PASSWORD");
}

static void cassandra_gets_its_password_and_how_many_nodes_have_to_answer(void **state) {
    (void)state;
    struct cassandra_address a;
    struct error err = {0};
    setenv("SALESTIDE_CASSANDRA_PASSWORD", "secret", 1);
    struct options *o = OPTIONS("verify", "--data", "d");
    assert_true(cassandra_address_of_options(o, CASSANDRA, &a, &err));
    assert_int_equal(a.consistency, CQL_LOCAL_QUORUM);
    assert_false(a.tls);
    assert_string_equal(a.password, "secret");
    assert_int_equal(a.url.hosts[1].port, 9043);
    options_free(o);
    o = OPTIONS("verify", "--cassandra-ca", "ca.pem", "--cassandra-consistency", "ONE");
    assert_true(cassandra_address_of_options(o, CASSANDRA, &a, &err));
    assert_int_equal(a.consistency, CQL_ONE);
    assert_true(a.tls); // whom to trust is asked for nothing else
    assert_string_equal(a.ca_file, "ca.pem");
    options_free(o);
    char longer[sizeof a.ca_file + 1];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    o = OPTIONS("verify", "--cassandra-ca", longer);
    expect_usage(cassandra_address_of_options(o, CASSANDRA, &a, &err), &err, "--cassandra-ca");
    expect_zero(a.password, sizeof a.password);
    options_free(o);
    unsetenv("SALESTIDE_CASSANDRA_PASSWORD");
}

static void orders_go_nowhere_to_a_server_or_into_a_topic(void **state) {
    (void)state;
    struct send_to to;
    struct error err = {0};
    struct options *o = OPTIONS("load", "x");
    assert_true(send_to_of_options(o, &to, &err));
    assert_int_equal(to.kind, SEND_TO_NOTHING);
    options_free(o);
    o = OPTIONS("load", "x", "--to", "http://h:1", "--key", "k");
    assert_true(send_to_of_options(o, &to, &err));
    assert_int_equal(to.kind, SEND_TO_SERVER);
    assert_string_equal(to.url, "http://h:1");
    assert_string_equal(to.key, "k");
    options_free(o);
    setenv("SALESTIDE_KAFKA_PASSWORD", "secret", 1);
    o = OPTIONS("rejected", "list", "--to", "kafka://h:1/sales", "--delivery-timeout", "3s",
                "--kafka-user", "ann", "--kafka-sasl", "scram-sha-256");
    assert_true(send_to_of_options(o, &to, &err));
    assert_int_equal(to.kind, SEND_TO_TOPIC);
    assert_string_equal(to.topic.brokers, "h:1");
    assert_string_equal(to.topic.topic, "sales");
    assert_string_equal(to.topic.password, "secret");
    assert_int_equal(to.delivery_timeout_ms, 3000);
    assert_false(to.wish.create);
    send_to_wipe(&to);
    expect_zero(to.topic.password, sizeof to.topic.password);
    options_free(o);
    o = OPTIONS("rejected", "list", "--to", "kafka://h:1/sales", "--kafka-user", "ann",
                "--kafka-sasl", "plain", "--kafka-ca", "/does/not/exist");
    expect_usage(send_to_of_options(o, &to, &err), &err, "--kafka-tls");
    expect_zero(to.topic.password, sizeof to.topic.password);
    options_free(o);
    unsetenv("SALESTIDE_KAFKA_PASSWORD");
}

static void a_topic_is_made_only_when_that_is_wished(void **state) {
    (void)state;
    struct options *o =
        OPTIONS("load", "x", "--create-topic", "--partitions", "2", "--replication", "1");
    struct kafka_topic_wish wish = kafka_topic_wish_of(o);
    assert_true(wish.create);
    assert_int_equal(wish.partitions, 2);
    assert_int_equal(wish.replication, 1);
    options_free(o);
    o = OPTIONS("load", "x");
    assert_false(kafka_topic_wish_of(o).create);
    options_free(o);
}

static void what_the_shop_is_may_be_left_open_but_not_be_nonsense(void **state) {
    (void)state;
    static const struct {
        char *words[3];
        const char *part;
    } bad[] = {
        {{"x", "--currency", "usd"}, "--currency usd"},
        {{"x", "--currency", "DOLLARS"}, "--currency DOLLARS"},
        {{"x", "--timezone", "Nowhere/Atlantis"}, "--timezone Nowhere/Atlantis"},
    };
    struct store_settings s;
    struct error err = {0};
    struct options *o = OPTIONS("load", "x");
    assert_true(settings_of_options(o, &s, &err));
    assert_string_equal(s.currency, "");
    assert_string_equal(s.timezone, "");
    assert_int_equal(s.late_limit_ms, 0);
    options_free(o);
    o = OPTIONS("load", "x", "--currency", "EUR", "--timezone", "Europe/Berlin", "--late-limit",
                "1h");
    assert_true(settings_of_options(o, &s, &err));
    assert_string_equal(s.currency, "EUR");
    assert_string_equal(s.timezone, "Europe/Berlin");
    assert_int_equal(s.late_limit_ms, 3600000);
    options_free(o);
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        char *words[] = {bad[i].words[0], bad[i].words[1], bad[i].words[2], NULL};
        o = options_of("load", words);
        expect_usage(settings_of_options(o, &s, &err), &err, bad[i].part);
        options_free(o);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mysql_gets_its_password_and_how_far_the_server_is_believed),
        cmocka_unit_test(mysql_options_that_contradict_each_other_are_refused),
        cmocka_unit_test(cassandra_gets_its_password_and_how_many_nodes_have_to_answer),
        cmocka_unit_test(orders_go_nowhere_to_a_server_or_into_a_topic),
        cmocka_unit_test(a_topic_is_made_only_when_that_is_wished),
        cmocka_unit_test(what_the_shop_is_may_be_left_open_but_not_be_nonsense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
