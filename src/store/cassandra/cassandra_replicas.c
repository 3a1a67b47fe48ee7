// SPDX-License-Identifier: MIT
// How safe and how long Cassandra keeps what it acknowledged: said once, at the start of a writer.
//
// system_schema.keyspaces has the replication of a keyspace as a map of text to text:
//     4 bytes n, n times ([bytes] key, [bytes] value)
// 'class' is the strategy; every other key is a data centre (or replication_factor) with its
// copies.
#include "store/cassandra/cassandra_internal.h"

#include "base/log.h"
#include <stdio.h>

enum { SAFE_COPIES = 3 };

struct found {
    bool any, durable;
    int64_t n_fewest; // copies in the data centre that has the fewest
};

// "3", or "3/1" with one transient copy, which does not count.
static int64_t copies_of(struct text t) {
    int64_t n = 0;
    for (size_t i = 0; i < t.len && t.at[i] >= '0' && t.at[i] <= '9' && n < 1000; i++) {
        n = n * 10 + (t.at[i] - '0');
    }
    return n;
}

// durable_writes, replication
static bool see_keyspace(void *user, size_t tag, const struct text *cells, size_t n) {
    struct found *found = user;
    UNUSED(tag);
    if (n != 2 || cells[1].at == NULL) {
        return true;
    }
    struct cql_in in = cql_in_of(cells[1]);
    int32_t n_pairs = cql_get_i32(&in);
    found->any = true;
    found->durable = cells[0].len == 0 || cells[0].at[0] != 0;
    found->n_fewest = INT64_MAX;
    for (int32_t i = 0; i < n_pairs && !in.bad; i++) {
        struct text key = cql_get_bytes(&in), value = cql_get_bytes(&in);
        int64_t copies = copies_of(value);
        if (!text_equal(key, TEXT_LIT("class")) && copies < found->n_fewest) {
            found->n_fewest = copies;
        }
    }
    return false;
}

// The value of a setting of the node, in a buffer of SETTING_BYTES.
enum { SETTING_BYTES = 32 };

static bool see_setting(void *user, size_t tag, const struct text *cells, size_t n) {
    UNUSED(tag);
    if (n == 1 && cells[0].at != NULL) {
        snprintf(user, SETTING_BYTES, "%.*s", TEXT_ARG(cells[0]));
    }
    return false;
}

static void say_copies(struct cql_session *s, const char *keyspace, int64_t n_copies) {
    char sync[SETTING_BYTES] = "";
    struct error unknown; // a server before 4.0 has no such table: then nothing is said of it
    bool told =
        cql_query(s, "SELECT value FROM system_views.settings WHERE name = 'commitlog_sync'",
                  see_setting, sync, &unknown) == STORE_OK;
    bool late = told && strcmp(sync, "periodic") == 0;
    log_warn("store",
             "Cassandra keyspace %s keeps %lld copies of each row: rows that it acknowledged can "
             "be lost with a node%s; use 3 copies%s",
             keyspace, (long long)n_copies,
             late ? ", the newest also when it is killed (commitlog_sync: periodic)" : "",
             late ? ", or commitlog_sync: batch" : "");
}

// table_name, default_time_to_live
static bool see_expiry(void *user, size_t tag, const struct text *cells, size_t n) {
    const char *keyspace = user;
    int64_t seconds = 0;
    UNUSED(tag);
    if (n != 2 || !cql_cell_int(cells[1], &seconds) || seconds <= 0) {
        return true;
    }
    for (enum raw_table t = 0; t < RAW_TABLES; t++) {
        if (text_equal(cells[0], text_of(raw_table_name(t)))) {
            log_warn("store",
                     "Cassandra table %s.%s has default_time_to_live = %lld: its rows vanish after "
                     "so many seconds, and `verify` and `rebuild` need them all; take it off with "
                     "ALTER TABLE %s.%s WITH default_time_to_live = 0",
                     keyspace, raw_table_name(t), (long long)seconds, keyspace, raw_table_name(t));
        }
    }
    return true;
}

static bool say_expiry(struct cql_session *s, const char *keyspace, struct error *err) {
    char cql[256], name[64];
    snprintf(name, sizeof name, "%s", keyspace);
    snprintf(cql, sizeof cql,
             "SELECT table_name, default_time_to_live FROM system_schema.tables "
             "WHERE keyspace_name = '%s'",
             keyspace);
    return cql_query(s, cql, see_expiry, name, err) == STORE_OK;
}

bool cassandra_say_safety(struct cql_session *s, const char *keyspace, struct error *err) {
    char cql[256]; // the name was checked: letters, digits and _
    struct found found = {0};
    snprintf(cql, sizeof cql,
             "SELECT durable_writes, replication FROM system_schema.keyspaces "
             "WHERE keyspace_name = '%s'",
             keyspace);
    if (cql_query(s, cql, see_keyspace, &found, err) != STORE_OK) {
        return false;
    }
    if (found.any && found.n_fewest < SAFE_COPIES) {
        say_copies(s, keyspace, found.n_fewest);
    }
    if (found.any && !found.durable) {
        log_warn("store", "Cassandra keyspace %s has durable_writes = false: a restart loses rows",
                 keyspace);
    }
    return say_expiry(s, keyspace, err);
}
