// SPDX-License-Identifier: MIT
// Retries of rejected events in a data directory: short transactions of an own connection, which
// take turns with those of a running server by SQLite's lock. Rows of events that are no longer
// kept go when another is put.
#include "base/mem.h"
#include "store/sqlite/sqlite.h"
#include "store/sqlite/sqlite_schema.h"
#include <stdlib.h>

struct sqlite_retries {
    struct rejected_retries base;
    sqlite3 *db;
    sqlite3_stmt *put, *expire;
};

static struct sqlite_retries *sqlite_retries_of(struct rejected_retries *r) {
    return (struct sqlite_retries *)r;
}

static bool write_row(struct sqlite_retries *r, int64_t id, int64_t retried_ms,
                      const char *verdict) {
    sqlite3_bind_int64(r->put, 1, id);
    sqlite3_bind_int64(r->put, 2, retried_ms);
    sqlite3_bind_text(r->put, 3, verdict, -1, SQLITE_STATIC);
    return sqlite_do(r->put) && sqlite_do(r->expire);
}

static bool retries_put(struct rejected_retries *base, int64_t id, int64_t retried_ms,
                        const char *verdict, struct error *err) {
    struct sqlite_retries *r = sqlite_retries_of(base);
    if (!sqlite_run(r->db, "BEGIN IMMEDIATE", err)) {
        return false;
    }
    if (!write_row(r, id, retried_ms, verdict)) {
        sqlite_failed(r->db, "noting a retry", err);
        sqlite3_exec(r->db, "ROLLBACK", NULL, NULL, NULL);
        return false;
    }
    return sqlite_run(r->db, "COMMIT", err);
}

static void retries_close(struct rejected_retries *base) {
    struct sqlite_retries *r = sqlite_retries_of(base);
    sqlite3_finalize(r->put);
    sqlite3_finalize(r->expire);
    sqlite3_close(r->db);
    free(r);
}

static const struct rejected_retries_ops ops = {.put = retries_put, .close = retries_close};

bool sqlite_retries_open(const char *directory, struct rejected_retries **out, struct error *err) {
    struct sqlite_retries *r = mem_zalloc(1, sizeof *r);
    r->base.ops = &ops;
    struct store_settings settings;
    bool ok = sqlite_connect(directory, NULL, SQLITE_AUDITOR, &r->db, err) &&
              sqlite_settings_read(r->db, &settings, err) &&
              sqlite_run(r->db, sqlite_retries_sql, err) &&
              sqlite_prepare(r->db, "INSERT OR REPLACE INTO rejected_retries VALUES (?1, ?2, ?3)",
                             &r->put, err) &&
              sqlite_prepare(r->db,
                             "DELETE FROM rejected_retries WHERE id < "
                             "(SELECT coalesce(min(id), 0) FROM rejected_rows)",
                             &r->expire, err);
    if (!ok) {
        retries_close(&r->base);
        return false;
    }
    *out = &r->base;
    return true;
}
