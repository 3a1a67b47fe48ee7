// SPDX-License-Identifier: MIT
// What the raw store, its reader and setup share.
#pragma once
#include "store/cassandra/cassandra.h"
#include "store/cassandra/cassandra_row.h"

enum cassandra_use { CASSANDRA_WRITE, CASSANDRA_READ };

MUST_CHECK bool cassandra_connect(const struct cassandra_address *address, enum cassandra_use use,
                                  const atomic_bool *stop, struct cql_session **out,
                                  struct error *err);
// Binds all tables of the keyspace. `say`: losses go to the log.
MUST_CHECK bool cassandra_bind_all(struct cql_session *s, const char *keyspace, bool say,
                                   struct cassandra_binding out[static RAW_TABLES],
                                   struct error *err);
// Says in the log when a crash can cost acknowledged rows.
MUST_CHECK bool cassandra_say_safety(struct cql_session *s, const char *keyspace,
                                     struct error *err);
// "SELECT columns FROM table" or "INSERT INTO table (columns) VALUES (?, ...)".
void cassandra_select_text(struct buf *out, const char *keyspace, enum raw_table t,
                           const struct cassandra_binding *b);
void cassandra_insert_text(struct buf *out, const char *keyspace, enum raw_table t,
                           const struct cassandra_binding *b);
// Prepares the text so far with `rest` behind it, and clears it.
MUST_CHECK enum store_result cassandra_prepare(struct cql_session *s, struct buf *text,
                                               const char *rest, struct cql_statement **out,
                                               struct error *err);
