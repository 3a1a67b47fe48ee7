// SPDX-License-Identifier: MIT
// The table order_doubts: (kind, n, order_id), n counts from 1 for each kind. The newest thousand
// of each kind are kept; the count is the highest n.
#include "store/sqlite/sqlite_doubts.h"

#include "store/sqlite/sqlite_util.h"
#include <stdio.h>

bool sqlite_doubts_make(sqlite3 *db, struct error *err) {
    return sqlite_run(db,
                      "CREATE TABLE IF NOT EXISTS order_doubts (kind INTEGER NOT NULL, "
                      "n INTEGER NOT NULL, order_id TEXT NOT NULL, PRIMARY KEY (kind, n)) "
                      "WITHOUT ROWID",
                      err);
}

static bool read_kind(sqlite3 *db, sqlite3_stmt *stmt, int kind, struct store_doubt *out,
                      struct error *err) {
    int rc, i = 0;
    *out = (struct store_doubt){0};
    sqlite3_bind_int(stmt, 1, kind);
    sqlite3_bind_int(stmt, 2, DOUBTS_SHOWN);
    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        const char *id = (const char *)sqlite3_column_text(stmt, 1);
        out->n = i == 0 ? sqlite3_column_int64(stmt, 0) : out->n;
        snprintf(out->newest[i++], sizeof out->newest[0], "%s", id != NULL ? id : "?");
    }
    sqlite3_reset(stmt);
    return rc == SQLITE_DONE || (sqlite_failed(db, "reading doubts", err), false);
}

bool sqlite_doubts_read(sqlite3 *db, struct store_doubt out[static ORDER_DOUBT_KINDS],
                        struct error *err) {
    sqlite3_stmt *stmt = NULL;
    memset(out, 0, ORDER_DOUBT_KINDS * sizeof *out);
    bool ok = sqlite_prepare(
        db, "SELECT n, order_id FROM order_doubts WHERE kind = ?1 ORDER BY n DESC LIMIT ?2", &stmt,
        err);
    for (int kind = 0; ok && kind < ORDER_DOUBT_KINDS; kind++) {
        ok = read_kind(db, stmt, kind, &out[kind], err);
    }
    sqlite3_finalize(stmt);
    return ok;
}

// --- Writing

bool sqlite_doubts_open(sqlite3 *db, struct sqlite_doubts *d, struct error *err) {
    return sqlite_prepare(db,
                          "INSERT INTO order_doubts SELECT ?1, coalesce(max(n), 0) + 1, ?2 "
                          "FROM order_doubts WHERE kind = ?1",
                          &d->add, err) &&
           sqlite_prepare(db,
                          "DELETE FROM order_doubts WHERE kind = ?1 AND n <= "
                          "(SELECT max(n) - 1000 FROM order_doubts WHERE kind = ?1)",
                          &d->drop, err);
}

void sqlite_doubts_close(struct sqlite_doubts *d) {
    sqlite3_finalize(d->add);
    sqlite3_finalize(d->drop);
    *d = (struct sqlite_doubts){0};
}

bool sqlite_doubts_add(struct sqlite_doubts *d, int kind, struct ident order_id) {
    char digits[24];
    sqlite3_bind_int(d->add, 1, kind);
    sqlite_bind_text(d->add, 2, ident_text(order_id, digits));
    sqlite3_bind_int(d->drop, 1, kind);
    return sqlite_do(d->add) && sqlite_do(d->drop);
}
