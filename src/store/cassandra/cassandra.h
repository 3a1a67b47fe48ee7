// SPDX-License-Identifier: MIT
// Raw orders in Apache Cassandra: tables orders, order_adjustments and orders_by_customer of one
// keyspace (cassandra_schema.c), our own or made by hand (cassandra_table.h).
#pragma once
#include "base/secret.h"
#include "base/url.h"
#include "cql/cql_session.h"
#include "store/forgotten.h"
#include "store/raw_store.h"

// Where Cassandra is and who asks. A plain value.
struct cassandra_address {
    struct url url; // cassandra://[user@]host[:9042][,host...]/keyspace
    char password[SECRET_MAX_BYTES + 1];
    bool tls;           // certificates and host names are verified, always
    char ca_file[4096]; // certificates to trust; "": the system's
    enum cql_consistency consistency;
    int64_t read_give_up_ms; // of a reader's question; 0: a minute
};

// Reads the URL; the rest is default: no TLS, LOCAL_QUORUM. ERROR_USAGE says what is wrong.
MUST_CHECK bool cassandra_address_read(const char *url, struct cassandra_address *out,
                                       struct error *err);

// Connects, looks at the tables and says in the log what they cannot hold. ERROR_USAGE: tables are
// missing or of no use. stop: see struct cql_options.
MUST_CHECK bool cassandra_raw_open(const struct cassandra_address *address, const atomic_bool *stop,
                                   struct raw_store **out, struct error *err);
MUST_CHECK bool cassandra_reader_open(const struct cassandra_address *address,
                                      struct raw_reader **out, struct error *err);
// Orders of one customer, newest first, at most n_max.
MUST_CHECK bool cassandra_reader_customer(struct raw_reader *r, struct ident customer_id,
                                          size_t n_max, raw_event_fn each, void *user,
                                          struct error *err);

// Takes a customer out of the raw orders, beside whatever else writes there. Adds to *out the rows
// that it blanked; doing it again is right. What is overwritten stays in Cassandra's files until
// they are compacted.
MUST_CHECK bool cassandra_forget(const struct cassandra_address *address, struct ident customer,
                                 const atomic_bool *stop, struct forgotten *out, struct error *err);

// What `salestide setup` runs, as text for --print: statements ended by ";\n". replication of a new
// keyspace: 0 is as many as there are nodes, 3 at most.
void cassandra_ddl(struct buf *out, const char *keyspace, int replication);
// Creates what is missing of keyspace and tables, waits until all nodes know it, and looks at the
// tables as cassandra_raw_open does. Harmless when all is there.
MUST_CHECK bool cassandra_setup(const struct cassandra_address *address, int replication,
                                struct error *err);
