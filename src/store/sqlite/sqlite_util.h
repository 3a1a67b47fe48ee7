// SPDX-License-Identifier: MIT
// Thin verbs over SQLite: prepared statements, identifiers and texts in and out, and what an error
// means for the engine.
#pragma once
#include "base/error.h"
#include "engine/store.h"
#include "order/order.h"
#include <sqlite3.h>

// What a failed call means: full disk, I/O, locks and memory may pass (RETRY); the rest will not.
// Fills `err` with one line for people. `doing`: "storing a batch", ...
enum store_result sqlite_failed(sqlite3 *db, const char *doing, struct error *err);

// Prepares for long use. On failure `err` is filled.
MUST_CHECK bool sqlite_prepare(sqlite3 *db, const char *sql, sqlite3_stmt **out, struct error *err);
// Runs SQL without parameters or results (several statements are fine).
MUST_CHECK bool sqlite_run(sqlite3 *db, const char *sql, struct error *err);
// Runs a statement that gives no rows and makes it ready for the next use. True when it worked.
MUST_CHECK static inline bool sqlite_do(sqlite3_stmt *stmt) {
    int rc = sqlite3_step(stmt);
    sqlite3_reset(stmt);
    return rc == SQLITE_DONE;
}
// First column of the first row as an integer; `fallback` when there is no row or it is NULL.
MUST_CHECK bool sqlite_int(sqlite3 *db, const char *sql, int64_t fallback, int64_t *out,
                           struct error *err);

// Binds borrow: the bytes must live until the statement has run.
void sqlite_bind_text(sqlite3_stmt *stmt, int column, struct text t); // absent: NULL
void sqlite_bind_ident(sqlite3_stmt *stmt, int column, struct ident i);
// Valid until the next step or reset.
struct text sqlite_column_text(sqlite3_stmt *stmt, int column);
struct ident sqlite_column_ident(sqlite3_stmt *stmt, int column);
