// SPDX-License-Identifier: MIT
// Damage is looked for in two places: the file is as long as its header says (one that was cut has
// rows of zeros at its end), and SQLite's own check of the raw tables' pages and records.
//
// Accepting a loss: rows that no longer join a group cannot be read and go; positions are given
// anew, in order, from 1; the index of order ids is emptied, since it is made of positions.
#include "store/audit/audit_sqlite_damage.h"

#include "store/audit/audit_sqlite_index.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

// Pages of a write-ahead log that was not moved into the file yet may lie past its end: then only
// whole pages can be asked for.
static bool check_length(sqlite3 *db, char out[static DAMAGE_BYTES], struct error *err) {
    const char *path = sqlite3_db_filename(db, "main");
    int64_t n_pages, page_bytes;
    struct stat st, log;
    char wal[4200];
    if (!sqlite_int(db, "PRAGMA page_count", 0, &n_pages, err) ||
        !sqlite_int(db, "PRAGMA page_size", 4096, &page_bytes, err)) {
        return false;
    }
    snprintf(wal, sizeof wal, "%s-wal", path);
    bool has_log = stat(wal, &log) == 0 && log.st_size > 0;
    if (stat(path, &st) != 0) {
        return error_set(err, ERROR_RETRIABLE, "cannot look at %s", path);
    }
    bool cut = st.st_size % page_bytes != 0 || (!has_log && st.st_size < n_pages * page_bytes);
    if (cut) {
        snprintf(out, DAMAGE_BYTES,
                 "sales.db was cut: it has %" PRId64 " bytes, and %" PRId64 " pages of %" PRId64
                 " belong to it",
                 (int64_t)st.st_size, n_pages, page_bytes);
    }
    return true;
}

static bool check_table(sqlite3 *db, const char *table, char out[static DAMAGE_BYTES],
                        struct error *err) {
    char sql[64];
    sqlite3_stmt *stmt = NULL;
    snprintf(sql, sizeof sql, "PRAGMA integrity_check(%s)", table);
    if (!sqlite_prepare(db, sql, &stmt, err)) {
        return false;
    }
    int rc = sqlite3_step(stmt);
    const char *says = rc == SQLITE_ROW ? (const char *)sqlite3_column_text(stmt, 0) : NULL;
    bool fine = says != NULL && strcmp(says, "ok") == 0;
    if (!fine && says != NULL) {
        snprintf(out, DAMAGE_BYTES, "%s is damaged: %.180s", table, says);
        out[strcspn(out, "\n")] = '\0';
    } else if (!fine) {
        sqlite_failed(db, "checking the raw orders", err);
    }
    sqlite3_finalize(stmt);
    return fine || says != NULL || rc == SQLITE_DONE;
}

bool audit_sqlite_damage(sqlite3 *db, char out[static DAMAGE_BYTES], struct error *err) {
    static const char *const tables[] = {"order_rows", "adjustment_rows"};
    out[0] = '\0';
    bool ok = check_length(db, out, err);
    for (size_t i = 0; ok && out[0] == '\0' && i < COUNT_OF(tables); i++) {
        ok = check_table(db, tables[i], out, err);
    }
    return ok;
}

// Each row moves to a position that is free already: those before it have moved.
static bool close_up(sqlite3 *db, const char *table, struct error *err) {
    char sql[128];
    sqlite3_stmt *select = NULL, *move = NULL;
    snprintf(sql, sizeof sql, "SELECT rowid FROM %s ORDER BY rowid", table);
    bool ok = sqlite_prepare(db, sql, &select, err);
    snprintf(sql, sizeof sql, "UPDATE %s SET rowid = ?1 WHERE rowid = ?2", table);
    ok = ok && sqlite_prepare(db, sql, &move, err);
    int64_t n = 0;
    int rc = SQLITE_DONE;
    while (ok && (rc = sqlite3_step(select)) == SQLITE_ROW) {
        int64_t position = sqlite3_column_int64(select, 0);
        n++;
        sqlite3_bind_int64(move, 1, n);
        sqlite3_bind_int64(move, 2, position);
        ok = position == n || sqlite_do(move);
    }
    if (select != NULL && move != NULL && (!ok || rc != SQLITE_DONE)) {
        sqlite_failed(db, "giving raw orders new positions", err);
        ok = false;
    }
    sqlite3_finalize(select);
    sqlite3_finalize(move);
    return ok;
}

bool audit_sqlite_accept_loss(sqlite3 *db, int64_t n_events, struct error *err) {
    char counts[512];
    snprintf(counts, sizeof counts,
             "UPDATE pipeline_state SET received = received - accepted + %" PRId64
             ", accepted = %" PRId64 ";"
             "UPDATE pipeline_positions SET next_offset = (SELECT received FROM pipeline_state) "
             "WHERE topic = 'embedded';",
             n_events, n_events);
    return sqlite_run(db,
                      "DELETE FROM order_rows WHERE group_id NOT IN (SELECT id FROM sales_groups);"
                      "DELETE FROM adjustment_rows WHERE group_id NOT IN "
                      "(SELECT id FROM sales_groups)",
                      err) &&
           close_up(db, "order_rows", err) && close_up(db, "adjustment_rows", err) &&
           sqlite_run(db, counts, err) && audit_sqlite_forget_index(db, err);
}
