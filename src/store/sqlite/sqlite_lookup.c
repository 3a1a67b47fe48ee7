// SPDX-License-Identifier: MIT
// Looking up committed rows for judging: the statements of one connection, the writer's own or one
// beside it.
//
// How it fails: what SQLite says, as RETRY or ERROR of the batch in work.
#include "store/sqlite/sqlite_lookup.h"

#include "store/sqlite/sqlite_rows.h"

bool sqlite_lookup_open(sqlite3 *db, struct sqlite_lookup *l, struct error *err) {
    return order_lookup_open(db, &l->ids, err) &&
           sqlite_prepare(db, ORDER_SELECT_FROM "WHERE r.rowid = ?1", &l->order, err) &&
           sqlite_prepare(db,
                          ADJUSTMENT_SELECT_FROM
                          "WHERE r.order_id = ?1 AND r.event = ?2 AND r.event_id = ?3",
                          &l->adjustment, err) &&
           sqlite_prepare(db,
                          "SELECT coalesce(sum(r.total_e4), 0) FROM adjustment_rows r "
                          "JOIN sales_groups g ON g.id = r.group_id "
                          "WHERE r.order_id = ?1 AND g.currency = ?2 AND r.position < ?3",
                          &l->taken, err);
}

void sqlite_lookup_close(struct sqlite_lookup *l) {
    order_lookup_close(&l->ids);
    sqlite3_finalize(l->order);
    sqlite3_finalize(l->adjustment);
    sqlite3_finalize(l->taken);
    *l = (struct sqlite_lookup){0};
}

// Reads the row of a prepared and bound SELECT.
static enum store_result read_found(sqlite3_stmt *select, enum order_kind kind, struct arena *arena,
                                    struct stored_event *out, bool *found, struct error *err) {
    arena_reset(arena);
    int rc = sqlite3_step(select);
    *found = rc == SQLITE_ROW;
    enum store_result result = STORE_OK;
    if (rc == SQLITE_ROW && !row_read(select, kind, arena, out)) {
        error_set(err, ERROR_RETRIABLE, "out of memory while reading an order");
        result = STORE_RETRY;
    } else if (rc != SQLITE_ROW && rc != SQLITE_DONE) {
        result = sqlite_failed(sqlite3_db_handle(select), "looking up an order", err);
    }
    sqlite3_reset(select);
    return result;
}

enum store_result sqlite_lookup_order(struct sqlite_lookup *l, int64_t position,
                                      struct arena *arena, struct stored_event *out,
                                      struct error *err) {
    bool found;
    sqlite3_bind_int64(l->order, 1, position);
    enum store_result result = read_found(l->order, ORDER_PLACED, arena, out, &found, err);
    if (result == STORE_OK && !found) {
        error_set(
            err, ERROR_FATAL,
            "the database is damaged: the index of order ids knows row %lld, order_rows does not; "
            "restore it from a copy",
            (long long)position);
        return STORE_ERROR;
    }
    return result;
}

enum store_result sqlite_lookup_adjustment(struct sqlite_lookup *l, const struct order *o,
                                           struct arena *arena, struct stored_event *out,
                                           bool *found, struct error *err) {
    sqlite_bind_ident(l->adjustment, 1, o->order_id);
    sqlite3_bind_int(l->adjustment, 2, (int)o->kind);
    sqlite_bind_text(l->adjustment, 3, o->event_id.at != NULL ? o->event_id : TEXT_LIT(""));
    return read_found(l->adjustment, o->kind, arena, out, found, err);
}

enum store_result sqlite_lookup_taken(struct sqlite_lookup *l, const struct order *o, int64_t below,
                                      int64_t *total_e4, struct error *err) {
    sqlite_bind_ident(l->taken, 1, o->order_id);
    sqlite3_bind_text(l->taken, 2, o->currency, 3, SQLITE_STATIC);
    sqlite3_bind_int64(l->taken, 3, below);
    int rc = sqlite3_step(l->taken);
    *total_e4 = rc == SQLITE_ROW ? sqlite3_column_int64(l->taken, 0) : 0;
    enum store_result result =
        rc == SQLITE_ROW
            ? STORE_OK
            : sqlite_failed(sqlite3_db_handle(l->taken), "looking at what was taken back", err);
    sqlite3_reset(l->taken);
    return result;
}
