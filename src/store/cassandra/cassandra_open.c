// SPDX-License-Identifier: MIT
// From an address to a session, and the statements that raw store and reader prepare.
#include "store/cassandra/cassandra_internal.h"

#include "base/log.h"
#include <stdio.h>
#include <unistd.h>

enum {
    PORT_DEFAULT = 9042,
    KEYSPACE_MAX_BYTES = 48,
    READ_TIMEOUT_MS = 20000,
    READ_GIVE_UP_MS = 60000
};

// --- Addresses

bool cassandra_address_read(const char *url, struct cassandra_address *out, struct error *err) {
    *out = (struct cassandra_address){.consistency = CQL_LOCAL_QUORUM};
    if (!url_read(url, "cassandra", PORT_DEFAULT, "KEYSPACE", &out->url, err)) {
        return false;
    }
    const char *name = out->url.path;
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
    return (n <= KEYSPACE_MAX_BYTES && name[n] == '\0') ||
           error_set(err, ERROR_USAGE,
                     "\"%.200s\": the name of a keyspace has at most 48 letters, digits and _",
                     name);
}

// --- Sessions

static bool is_loopback(const char *host) {
    return strncmp(host, "127.", 4) == 0 || strcmp(host, "::1") == 0 ||
           strcmp(host, "localhost") == 0;
}

static void warn_of_plain_password(const struct cassandra_address *a) {
    for (size_t i = 0; a->url.user[0] != '\0' && !a->tls && i < a->url.n_hosts; i++) {
        if (!is_loopback(a->url.hosts[i].name)) {
            log_warn("store",
                     "Cassandra %s:%u: the password goes there in clear text; use "
                     "--cassandra-tls",
                     a->url.hosts[i].name, a->url.hosts[i].port);
            return;
        }
    }
}

bool cassandra_connect(const struct cassandra_address *a, enum cassandra_use use,
                       const atomic_bool *stop, struct cql_session **out, struct error *err) {
    struct cql_options o;
    cql_options_default(&o);
    o.contacts = a->url.hosts;
    o.n_contacts = a->url.n_hosts;
    o.first_contact = (size_t)getpid(); // instances begin at different ones
    o.user = a->url.user[0] != '\0' ? a->url.user : NULL;
    o.password = a->password;
    o.tls = a->tls;
    o.ca_file = a->ca_file[0] != '\0' ? a->ca_file : NULL;
    o.consistency = a->consistency;
    o.stop = stop;
    if (use == CASSANDRA_READ) { // a page may take long; nobody waits behind it
        o.request_timeout_ms = READ_TIMEOUT_MS;
        o.give_up_ms = a->read_give_up_ms > 0 ? a->read_give_up_ms : READ_GIVE_UP_MS;
        o.down_give_up_ms = o.give_up_ms;
    }
    warn_of_plain_password(a);
    return cql_session_open(&o, out, err);
}

// --- Statements

static void put_columns(struct buf *out, const struct cassandra_binding *b) {
    for (size_t i = 0; i < b->n; i++) {
        buf_printf(out, "%s\"%s\"", i > 0 ? ", " : "", raw_field_column(b->field[i]));
    }
}

void cassandra_select_text(struct buf *out, const char *keyspace, enum raw_table t,
                           const struct cassandra_binding *b) {
    buf_put_str(out, "SELECT ");
    put_columns(out, b);
    buf_printf(out, " FROM \"%s\".%s", keyspace, raw_table_name(t));
}

void cassandra_insert_text(struct buf *out, const char *keyspace, enum raw_table t,
                           const struct cassandra_binding *b) {
    buf_printf(out, "INSERT INTO \"%s\".%s (", keyspace, raw_table_name(t));
    put_columns(out, b);
    buf_put_str(out, ") VALUES (");
    for (size_t i = 0; i < b->n; i++) {
        buf_put_str(out, i > 0 ? ", ?" : "?");
    }
    buf_put_str(out, ")");
}

enum store_result cassandra_prepare(struct cql_session *s, struct buf *text, const char *rest,
                                    struct cql_statement **out, struct error *err) {
    buf_put(text, rest, strlen(rest) + 1);
    enum store_result result = STORE_RETRY;
    if (text->failed) {
        error_set(err, ERROR_RETRIABLE, "out of memory");
    } else {
        result = cql_prepare(s, text->at, out, err);
    }
    buf_clear(text);
    return result;
}
