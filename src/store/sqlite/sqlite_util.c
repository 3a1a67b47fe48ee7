// SPDX-License-Identifier: MIT
// SQLite verbs. Errors become one line that says what was being done, what SQLite answered, and
// what to do where that is known.
#include "store/sqlite/sqlite_util.h"

#include <string.h>

static enum store_result classify(int rc) {
    switch (rc & 0xFF) {
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_NOMEM:
    case SQLITE_CANTOPEN:
    case SQLITE_INTERRUPT:
    case SQLITE_READONLY: // a file system that went read-only
    case SQLITE_PROTOCOL:
        return STORE_RETRY;
    default:
        return STORE_ERROR;
    }
}

enum store_result sqlite_failed(sqlite3 *db, const char *doing, struct error *err) {
    int rc = sqlite3_extended_errcode(db);
    const char *file = sqlite3_db_filename(db, "main");
    const char *advice = "";
    switch (rc & 0xFF) {
    case SQLITE_FULL:
        advice = ": free some disk space";
        break;
    case SQLITE_IOERR:
        advice = ": check the disk and its space";
        break;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        advice = ": the file is damaged; restore it from a copy";
        break;
    default:
        break;
    }
    enum store_result result = classify(rc);
    error_set(err, result == STORE_RETRY ? ERROR_RETRIABLE : ERROR_FATAL, "%s%s%s: %s (%d)%s",
              doing, file != NULL ? " in " : "", file != NULL ? file : "", sqlite3_errmsg(db), rc,
              advice);
    return result;
}

bool sqlite_prepare(sqlite3 *db, const char *sql, sqlite3_stmt **out, struct error *err) {
    if (sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, out, NULL) != SQLITE_OK) {
        sqlite_failed(db, "preparing a statement", err);
        return false;
    }
    return true;
}

bool sqlite_run(sqlite3 *db, const char *sql, struct error *err) {
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK) {
        sqlite_failed(db, "running a statement", err);
        return false;
    }
    return true;
}

bool sqlite_int(sqlite3 *db, const char *sql, int64_t fallback, int64_t *out, struct error *err) {
    sqlite3_stmt *stmt = NULL;
    if (!sqlite_prepare(db, sql, &stmt, err)) {
        return false;
    }
    int rc = sqlite3_step(stmt);
    bool has = rc == SQLITE_ROW && sqlite3_column_type(stmt, 0) != SQLITE_NULL;
    *out = has ? sqlite3_column_int64(stmt, 0) : fallback;
    if (rc != SQLITE_ROW && rc != SQLITE_DONE) {
        sqlite_failed(db, "reading", err);
        sqlite3_finalize(stmt);
        return false;
    }
    sqlite3_finalize(stmt);
    return true;
}

void sqlite_bind_text(sqlite3_stmt *stmt, int column, struct text t) {
    if (t.at == NULL) {
        sqlite3_bind_null(stmt, column);
    } else {
        sqlite3_bind_text(stmt, column, t.at, (int)t.len, SQLITE_STATIC);
    }
}

void sqlite_bind_ident(sqlite3_stmt *stmt, int column, struct ident i) {
    if (i.num >= 0) {
        sqlite3_bind_int64(stmt, column, i.num);
    } else {
        sqlite_bind_text(stmt, column, i.text);
    }
}

struct text sqlite_column_text(sqlite3_stmt *stmt, int column) {
    const char *at = (const char *)sqlite3_column_text(stmt, column);
    return (struct text){at, at != NULL ? (size_t)sqlite3_column_bytes(stmt, column) : 0};
}

struct ident sqlite_column_ident(sqlite3_stmt *stmt, int column) {
    switch (sqlite3_column_type(stmt, column)) {
    case SQLITE_INTEGER:
        return (struct ident){sqlite3_column_int64(stmt, column), TEXT_NONE};
    case SQLITE_NULL:
        return IDENT_NONE;
    default:
        return (struct ident){-1, sqlite_column_text(stmt, column)};
    }
}
