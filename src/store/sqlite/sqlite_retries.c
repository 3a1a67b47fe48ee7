// SPDX-License-Identifier: MIT
// Retries of rejected events in a data directory: short transactions of an own connection, which
// take turns with those of a running server by SQLite's lock. Rows of events that are no longer
// kept go when another is claimed.
#include "base/mem.h"
#include "store/sqlite/sqlite.h"
#include "store/sqlite/sqlite_schema.h"
#include <stdlib.h>

struct sqlite_retries {
    struct rejected_retries base;
    sqlite3 *db;
    sqlite3_stmt *newest, *claim, *put, *forget, *expire;
};

static struct sqlite_retries *sqlite_retries_of(struct rejected_retries *r) {
    return (struct sqlite_retries *)r;
}

// Ends the transaction: all of it or nothing.
static bool end_noting(struct sqlite_retries *r, bool ok, struct error *err) {
    if (ok && sqlite_run(r->db, "COMMIT", err)) {
        return true;
    }
    if (!ok) {
        sqlite_failed(r->db, "noting a retry", err);
    }
    sqlite3_exec(r->db, "ROLLBACK", NULL, NULL, NULL);
    return false;
}

// Of the newest try; 0: there is none.
static bool newest_try(struct sqlite_retries *r, int64_t id, int64_t *out_ms) {
    sqlite3_bind_int64(r->newest, 1, id);
    bool ok = sqlite3_step(r->newest) == SQLITE_ROW;
    *out_ms = ok ? sqlite3_column_int64(r->newest, 0) : 0;
    sqlite3_reset(r->newest);
    return ok;
}

static bool retries_claim(struct rejected_retries *base, const struct rejected_claim *c,
                          int64_t *retried_ms, struct error *err) {
    struct sqlite_retries *r = sqlite_retries_of(base);
    int64_t newest_ms;
    *retried_ms = 0;
    if (!sqlite_run(r->db, "BEGIN IMMEDIATE", err)) {
        return false;
    }
    bool ok = newest_try(r, c->id, &newest_ms);
    if (ok && newest_ms == c->seen_ms) {
        *retried_ms = c->now_ms > newest_ms ? c->now_ms : newest_ms + 1;
        sqlite3_bind_int64(r->claim, 1, c->id);
        sqlite3_bind_int64(r->claim, 2, *retried_ms);
        sqlite3_bind_int64(r->claim, 3, (int64_t)c->sent_hash);
        ok = sqlite_do(r->claim) && sqlite_do(r->expire);
    }
    return end_noting(r, ok, err);
}

static bool retries_put(struct rejected_retries *base, int64_t id, int64_t retried_ms,
                        const char *verdict, struct error *err) {
    struct sqlite_retries *r = sqlite_retries_of(base);
    sqlite3_stmt *stmt = verdict != NULL ? r->put : r->forget;
    if (!sqlite_run(r->db, "BEGIN IMMEDIATE", err)) {
        return false;
    }
    sqlite3_bind_int64(stmt, 1, id);
    sqlite3_bind_int64(stmt, 2, retried_ms);
    if (verdict != NULL) {
        sqlite3_bind_text(stmt, 3, verdict, -1, SQLITE_STATIC);
    }
    return end_noting(r, sqlite_do(stmt), err);
}

static void retries_close(struct rejected_retries *base) {
    struct sqlite_retries *r = sqlite_retries_of(base);
    sqlite3_stmt *statements[] = {r->newest, r->claim, r->put, r->forget, r->expire};
    for (size_t i = 0; i < COUNT_OF(statements); i++) {
        sqlite3_finalize(statements[i]);
    }
    sqlite3_close(r->db);
    free(r);
}

static const struct rejected_retries_ops ops = {
    .claim = retries_claim, .put = retries_put, .close = retries_close};

static bool prepare_retries(struct sqlite_retries *r, struct error *err) {
    return sqlite_prepare(r->db,
                          "SELECT coalesce(max(retried_ms), 0) FROM rejected_retries WHERE id = ?1",
                          &r->newest, err) &&
           sqlite_prepare(r->db,
                          "INSERT INTO rejected_retries (id, retried_ms, verdict, sent_hash) "
                          "VALUES (?1, ?2, 'trying', ?3)",
                          &r->claim, err) &&
           sqlite_prepare(r->db,
                          "UPDATE rejected_retries SET verdict = ?3 "
                          "WHERE id = ?1 AND retried_ms = ?2",
                          &r->put, err) &&
           sqlite_prepare(r->db, "DELETE FROM rejected_retries WHERE id = ?1 AND retried_ms = ?2",
                          &r->forget, err) &&
           sqlite_prepare(r->db,
                          "DELETE FROM rejected_retries WHERE id < "
                          "(SELECT coalesce(min(id), 0) FROM rejected_rows)",
                          &r->expire, err);
}

bool sqlite_retries_open(const char *directory, struct rejected_retries **out, struct error *err) {
    struct sqlite_retries *r = mem_zalloc(1, sizeof *r);
    r->base.ops = &ops;
    struct store_settings settings;
    bool ok = sqlite_connect(directory, NULL, SQLITE_AUDITOR, &r->db, err) &&
              sqlite_settings_read(r->db, &settings, err) && prepare_retries(r, err);
    if (!ok) {
        retries_close(&r->base);
        return false;
    }
    *out = &r->base;
    return true;
}
