// SPDX-License-Identifier: MIT
// The keyspace and tables that `salestide setup` makes, and what is found of them later.
//
//     orders               one row for each placed order
//     order_adjustments    cancellations and refunds, in the partition of their order
//     orders_by_customer   the placed orders of each known customer again, newest first
//
// order_id and the like are text, since an identifier may be one; 7 and "7" are the same row.
// Amounts are decimals of scale 4. "timestamp" is the arrival, which is a word of CQL and therefore
// quoted. position is partition * 2^48 + offset of the event's message.
//
// How it fails: a node that is down delays the agreement on a schema; after SCHEMA_WAIT_MS that is
// said, and setup may simply be run again.
#include "store/cassandra/cassandra_internal.h"

#include "base/clock.h"
#include "base/log.h"
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

enum { SCHEMA_WAIT_MS = 30000, SCHEMA_LOOK_MS = 200, COLUMNS_FOUND_MAX = 512 };

#define EVENT_COLUMNS                                                                              \
    "    product_id text,\n"                                                                       \
    "    quantity int,\n"                                                                          \
    "    subtotal decimal,\n"                                                                      \
    "    discount decimal,\n"                                                                      \
    "    shipping decimal,\n"                                                                      \
    "    tax decimal,\n"                                                                           \
    "    total decimal,\n"                                                                         \
    "    currency text,\n"                                                                         \
    "    source text,\n"                                                                           \
    "    state text,\n"                                                                            \
    "    items text,\n"                                                                            \
    "    \"timestamp\" timestamp,\n"                                                               \
    "    position bigint,\n"

static const char *const table_ddl[RAW_TABLES] = {
    [RAW_ORDERS] = "    order_id text,\n"
                   "    created_at timestamp,\n"
                   "    customer_id text,\n" EVENT_COLUMNS "    PRIMARY KEY (order_id)\n)",
    [RAW_ADJUSTMENTS] =
        "    order_id text,\n"
        "    event text,\n"
        "    event_id text,\n"
        "    created_at timestamp,\n"
        "    customer_id text,\n" EVENT_COLUMNS "    PRIMARY KEY ((order_id), event, event_id)\n)",
    [RAW_BY_CUSTOMER] = "    customer_id text,\n"
                        "    created_at timestamp,\n"
                        "    order_id text,\n" EVENT_COLUMNS
                        "    PRIMARY KEY ((customer_id), created_at, order_id)\n"
                        ") WITH CLUSTERING ORDER BY (created_at DESC, order_id ASC)",
};

static void put_keyspace(struct buf *out, const char *keyspace, int replication) {
    buf_printf(out,
               "CREATE KEYSPACE IF NOT EXISTS \"%s\" WITH replication = "
               "{'class': 'NetworkTopologyStrategy', 'replication_factor': %d}",
               keyspace, replication);
}

static void put_table(struct buf *out, const char *keyspace, enum raw_table t) {
    buf_printf(out, "CREATE TABLE IF NOT EXISTS \"%s\".%s (\n%s", keyspace, raw_table_name(t),
               table_ddl[t]);
}

// Copies of each row unless the user says otherwise: as many as there are nodes, this at most. With
// more than there are nodes no quorum is ever there.
enum { COPIES_WANTED = 3 };

void cassandra_ddl(struct buf *out, const char *keyspace, int replication) {
    put_keyspace(out, keyspace, replication > 0 ? replication : COPIES_WANTED);
    buf_put_str(out, ";\n");
    for (enum raw_table t = 0; t < RAW_TABLES; t++) {
        put_table(out, keyspace, t);
        buf_put_str(out, ";\n");
    }
}

// --- Setup

struct versions {
    char first[16];
    bool any, differ;
};

static bool see_version(void *user, size_t tag, const struct text *cells, size_t n) {
    struct versions *v = user;
    UNUSED(tag);
    if (n != 1 || cells[0].len != sizeof v->first) {
        return true; // a node that is just joining has none
    }
    v->differ = v->differ || (v->any && memcmp(v->first, cells[0].at, sizeof v->first) != 0);
    memcpy(v->first, cells[0].at, sizeof v->first);
    v->any = true;
    return true;
}

static bool wait_for_agreement(struct cql_session *s, struct error *err) {
    const struct clock_source *clock = clock_system();
    int64_t until_ns = clock_monotonic_ns(clock) + SCHEMA_WAIT_MS * INT64_C(1000000);
    for (;;) {
        struct versions v = {0};
        if (cql_query(s, "SELECT schema_version FROM system.local", see_version, &v, err) !=
                STORE_OK ||
            cql_query(s, "SELECT schema_version FROM system.peers", see_version, &v, err) !=
                STORE_OK) {
            return false;
        }
        if (!v.differ) {
            return true;
        }
        if (clock_monotonic_ns(clock) >= until_ns) {
            return error_set(err, ERROR_RETRIABLE,
                             "Cassandra %s: after %d s not all nodes know the new tables; is one "
                             "down? Run setup again when all are up",
                             cql_session_server(s), SCHEMA_WAIT_MS / 1000);
        }
        (void)poll(NULL, 0, SCHEMA_LOOK_MS);
    }
}

static bool cassandra_schema_run(struct cql_session *s, struct buf *cql, struct error *err) {
    buf_put_char(cql, '\0');
    bool ok = cql->failed ? error_set(err, ERROR_RETRIABLE, "out of memory")
                          : cql_query(s, cql->at, NULL, NULL, err) == STORE_OK &&
                                wait_for_agreement(s, err);
    buf_clear(cql);
    return ok;
}

static bool count_row(void *user, size_t tag, const struct text *cells, size_t n) {
    UNUSED(tag);
    UNUSED(cells);
    UNUSED(n);
    ++*(int *)user;
    return true;
}

static bool count_copies(struct cql_session *s, int *replication, struct error *err) {
    int n_nodes = 1; // the one that answers; its peers are the others
    if (cql_query(s, "SELECT peer FROM system.peers", count_row, &n_nodes, err) != STORE_OK) {
        return false;
    }
    *replication = n_nodes < COPIES_WANTED ? n_nodes : COPIES_WANTED;
    return true;
}

bool cassandra_setup(const struct cassandra_address *address, int replication, struct error *err) {
    struct cql_session *s;
    struct buf cql = {0};
    struct cassandra_binding bindings[RAW_TABLES];
    const char *keyspace = address->url.path;
    if (!cassandra_connect(address, CASSANDRA_WRITE, NULL, &s, err)) {
        return false;
    }
    bool ok = replication > 0 || count_copies(s, &replication, err);
    if (ok) {
        put_keyspace(&cql, keyspace, replication);
        ok = cassandra_schema_run(s, &cql, err);
    }
    for (enum raw_table t = 0; t < RAW_TABLES && ok; t++) {
        put_table(&cql, keyspace, t);
        ok = cassandra_schema_run(s, &cql, err);
    }
    ok = ok && cassandra_bind_all(s, keyspace, true, bindings, err);
    buf_free(&cql);
    cql_session_close(s);
    return ok;
}

// --- What is found

struct found {
    struct cassandra_column columns[RAW_TABLES][COLUMNS_FOUND_MAX];
    size_t n[RAW_TABLES];
};

static void cassandra_schema_copy(char *to, size_t room, struct text from) {
    size_t n = from.len < room - 1 ? from.len : room - 1;
    memcpy(to, from.len > 0 ? from.at : "", n);
    to[n] = '\0';
}

// table_name, column_name, type, kind, position
static bool see_column(void *user, size_t tag, const struct text *cells, size_t n) {
    struct found *found = user;
    UNUSED(tag);
    for (enum raw_table t = 0; n == 5 && t < RAW_TABLES; t++) {
        if (!text_equal(cells[0], text_of(raw_table_name(t))) || found->n[t] == COLUMNS_FOUND_MAX) {
            continue;
        }
        struct cassandra_column *c = &found->columns[t][found->n[t]++];
        int64_t position = 0;
        cassandra_schema_copy(c->name, sizeof c->name, cells[1]);
        cassandra_schema_copy(c->type, sizeof c->type, cells[2]);
        cassandra_schema_copy(c->kind, sizeof c->kind, cells[3]);
        c->position = cql_cell_int(cells[4], &position) ? (int)position : 0;
    }
    return true;
}

// Keyspace names come from a URL: in a text of CQL a quote is doubled.
static void put_quoted(struct buf *out, const char *text) {
    for (; *text != '\0'; text++) {
        buf_put(out, *text == '\'' ? "''" : text, *text == '\'' ? 2 : 1);
    }
}

static void say(struct buf *warnings) {
    for (char *line = warnings->at, *end; !warnings->failed && warnings->len > 0; line = end + 1) {
        size_t left = warnings->len - (size_t)(line - warnings->at);
        end = left > 0 ? memchr(line, '\n', left) : NULL;
        if (end == NULL) {
            return;
        }
        log_warn("store", "%.*s", (int)(end - line), line);
    }
}

static bool bind_found(const struct found *found, const char *keyspace, bool aloud,
                       struct cassandra_binding out[static RAW_TABLES], struct error *err) {
    struct buf warnings = {0};
    bool ok = true;
    for (enum raw_table t = 0; t < RAW_TABLES && ok; t++) {
        ok = cassandra_bind(keyspace, t, found->columns[t], found->n[t], &out[t], &warnings, err);
    }
    if (ok && (!out[RAW_ORDERS].exists || !out[RAW_ADJUSTMENTS].exists)) {
        ok = error_set(
            err, ERROR_USAGE,
            "Cassandra has no table %s.%s; `salestide setup --raw cassandra://...` makes "
            "what is missing",
            keyspace, raw_table_name(out[RAW_ORDERS].exists ? RAW_ADJUSTMENTS : RAW_ORDERS));
    }
    if (ok && !out[RAW_BY_CUSTOMER].exists) {
        buf_printf(&warnings,
                   "Cassandra has no table %s.%s: orders of one customer cannot be looked up; "
                   "`salestide setup` makes it\n",
                   keyspace, raw_table_name(RAW_BY_CUSTOMER));
    }
    if (ok && aloud) {
        say(&warnings);
    }
    buf_free(&warnings);
    return ok;
}

bool cassandra_bind_all(struct cql_session *s, const char *keyspace, bool aloud,
                        struct cassandra_binding out[static RAW_TABLES], struct error *err) {
    struct found *found = calloc(1, sizeof *found);
    struct buf cql = {0};
    buf_put_str(&cql, "SELECT table_name, column_name, type, kind, position FROM "
                      "system_schema.columns WHERE keyspace_name = '");
    put_quoted(&cql, keyspace);
    buf_put(&cql, "'", 2);
    bool ok = found != NULL && !cql.failed;
    if (!ok) {
        error_set(err, ERROR_RETRIABLE, "out of memory");
    }
    ok = ok && cql_query(s, cql.at, see_column, found, err) == STORE_OK &&
         bind_found(found, keyspace, aloud, out, err);
    buf_free(&cql);
    free(found);
    return ok;
}
