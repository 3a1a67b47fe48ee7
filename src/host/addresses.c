// SPDX-License-Identifier: MIT
// From addresses and options to the plain structs that the clients of MySQL, Cassandra and Kafka
// take. Nothing is connected to.
//
// 1. The address is read by the client, which knows its form.
// 2. The password comes from a file or the environment (base/secret.h).
// 3. What is said about TLS and logging in has to fit together.
//
// How it fails: ERROR_USAGE with the option that is wrong and what it wants. A secret that was read
// before is wiped then.
#include "host/addresses.h"

#include "base/log.h"
#include "base/url.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

// --- MySQL

static bool mysql_tls_read(const struct options *o, struct mysql_address *out, struct error *err) {
    const char *tls = option_text(o, "mysql-tls"), *ca = option_text(o, "mysql-ca");
    if (tls != NULL) {
        out->tls = strcmp(tls, "verify") == 0    ? MYSQL_TLS_VERIFY
                   : strcmp(tls, "encrypt") == 0 ? MYSQL_TLS_ENCRYPT
                                                 : MYSQL_TLS_OFF;
    } else if (ca != NULL) {
        out->tls = MYSQL_TLS_VERIFY;
    }
    if (ca != NULL && out->tls != MYSQL_TLS_VERIFY) {
        return error_set(err, ERROR_USAGE,
                         "--mysql-ca says whom to trust, but --mysql-tls %s asks for no check; "
                         "leave one of them out",
                         tls);
    }
    if (ca != NULL &&
        snprintf(out->ca_file, sizeof out->ca_file, "%s", ca) >= (int)sizeof out->ca_file) {
        return error_set(err, ERROR_USAGE, "the path of --mysql-ca is too long");
    }
    return true;
}

bool mysql_address_of_options(const struct options *o, const char *url, struct mysql_address *out,
                              struct error *err) {
    if (mysql_address_read(url, out, err) &&
        secret_read("SALESTIDE_MYSQL_PASSWORD", option_text(o, "mysql-password-file"),
                    out->password, err) &&
        mysql_tls_read(o, out, err)) {
        return true;
    }
    explicit_bzero(out->password, sizeof out->password);
    return false;
}

// --- Cassandra

static bool cassandra_options_read(const struct options *o, struct cassandra_address *out,
                                   struct error *err) {
    const char *ca = option_text(o, "cassandra-ca"),
               *name = option_text(o, "cassandra-consistency");
    out->tls = option_flag(o, "cassandra-tls") || ca != NULL;
    if (ca != NULL &&
        snprintf(out->ca_file, sizeof out->ca_file, "%s", ca) >= (int)sizeof out->ca_file) {
        return error_set(err, ERROR_USAGE, "the path of --cassandra-ca is too long");
    }
    return name == NULL || cql_consistency_of(text_of(name), &out->consistency) ||
           error_set(err, ERROR_USAGE,
                     "--cassandra-consistency %.100s: there is no such level; "
                     "LOCAL_QUORUM, LOCAL_ONE, ONE, QUORUM and ALL are some",
                     name);
}

bool cassandra_address_of_options(const struct options *o, const char *url,
                                  struct cassandra_address *out, struct error *err) {
    if (cassandra_address_read(url, out, err) &&
        secret_read("SALESTIDE_CASSANDRA_PASSWORD", option_text(o, "cassandra-password-file"),
                    out->password, err) &&
        cassandra_options_read(o, out, err)) {
        return true;
    }
    explicit_bzero(out->password, sizeof out->password);
    return false;
}

// --- Kafka

static bool kafka_password_read(const struct options *o, struct kafka_settings *out,
                                struct error *err) {
    if (!secret_read("SALESTIDE_KAFKA_PASSWORD", option_text(o, "kafka-password-file"),
                     out->password, err)) {
        return false;
    }
    return out->password[0] != '\0' ||
           error_set(err, ERROR_USAGE,
                     "--kafka-user %s has no password: put it into a file "
                     "(--kafka-password-file) or into the environment (SALESTIDE_KAFKA_PASSWORD)",
                     out->user);
}

static const char *kafka_mechanism_of(const char *choice) {
    static const char *const names[] = {"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"};
    for (size_t i = 0; choice != NULL && i < COUNT_OF(names); i++) {
        if (strcasecmp(names[i], choice) == 0) {
            return names[i];
        }
    }
    return NULL;
}

static bool kafka_login_read(const struct options *o, struct kafka_settings *out,
                             struct error *err) {
    out->user = option_text(o, "kafka-user");
    out->sasl = kafka_mechanism_of(option_text(o, "kafka-sasl"));
    if (out->user == NULL && out->sasl == NULL) {
        return option_text(o, "kafka-password-file") == NULL ||
               error_set(err, ERROR_USAGE, "--kafka-password-file goes with --kafka-user");
    }
    if (out->user == NULL || out->sasl == NULL) {
        return error_set(err, ERROR_USAGE,
                         "--kafka-user and --kafka-sasl go together: say which user, and whether "
                         "by plain, scram-sha-256 or scram-sha-512");
    }
    return kafka_password_read(o, out, err);
}

static bool readable(const char *option, const char *path, struct error *err) {
    return path == NULL || access(path, R_OK) == 0 ||
           error_set(err, ERROR_USAGE, "--%s: cannot read %s: %s", option, path, strerror(errno));
}

static bool kafka_tls_read(const struct options *o, struct kafka_settings *out, struct error *err) {
    out->tls = option_flag(o, "kafka-tls");
    out->ca = option_text(o, "kafka-ca");
    out->certificate = option_text(o, "kafka-certificate");
    out->certificate_key = option_text(o, "kafka-certificate-key");
    if (!out->tls && (out->ca != NULL || out->certificate != NULL)) {
        return error_set(err, ERROR_USAGE, "--%s is for encrypted connections: say --kafka-tls too",
                         out->ca != NULL ? "kafka-ca" : "kafka-certificate");
    }
    if ((out->certificate == NULL) != (out->certificate_key == NULL)) {
        return error_set(err, ERROR_USAGE,
                         "--kafka-certificate and --kafka-certificate-key go together");
    }
    return readable("kafka-ca", out->ca, err) &&
           readable("kafka-certificate", out->certificate, err) &&
           readable("kafka-certificate-key", out->certificate_key, err);
}

bool kafka_settings_read(const char *url, const struct options *o, struct kafka_settings *out,
                         struct error *err) {
    if (!kafka_address_read(url, out, err) || !kafka_login_read(o, out, err) ||
        !kafka_tls_read(o, out, err)) {
        explicit_bzero(out->password, sizeof out->password);
        return false;
    }
    if (out->sasl != NULL && strcmp(out->sasl, "PLAIN") == 0 && !out->tls) {
        log_warn("broker",
                 "--kafka-sasl plain without --kafka-tls: the password of %s crosses the network "
                 "unencrypted",
                 out->user);
    }
    return true;
}

struct kafka_topic_wish kafka_topic_wish_of(const struct options *o) {
    return (struct kafka_topic_wish){.create = option_flag(o, "create-topic"),
                                     .partitions = (int)option_int(o, "partitions"),
                                     .replication = (int)option_int(o, "replication")};
}
