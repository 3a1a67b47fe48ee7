// SPDX-License-Identifier: MIT
// Reading raw orders that stand alone in a SQLite file: each reader is a connection of its own and
// sees one snapshot a call. One row at a time is in memory.
#include "base/mem.h"
#include "store/sqlite/sqlite_raw.h"
#include "store/sqlite/sqlite_raw_rows.h"
#include "store/sqlite/sqlite_rows.h"
#include "store/sqlite/sqlite_schema.h"
#include <stdlib.h>

struct sqlite_raw_reader {
    struct raw_reader base; // first: a struct raw_reader * is a struct sqlite_raw_reader *
    sqlite3 *db;
    struct arena arena; // of the row
    sqlite3_stmt *order, *adjustments, *all_orders, *all_adjustments;
};

static struct sqlite_raw_reader *sqlite_raw_reader_of(struct raw_reader *r) {
    return (struct sqlite_raw_reader *)r;
}

// Hands over all rows of a bound statement; *go_on: nobody has said stop.
static bool each_row(struct sqlite_raw_reader *r, sqlite3_stmt *stmt, enum order_kind kind,
                     raw_event_fn each, void *user, bool *go_on, struct error *err) {
    int rc = SQLITE_DONE;
    bool ok = true;
    while (ok && *go_on && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        struct stored_event event;
        arena_reset(&r->arena);
        ok = row_read(stmt, kind, &r->arena, &event) ||
             error_set(err, ERROR_RETRIABLE,
                       "a raw order cannot be read: its items are damaged, or "
                       "there is no memory");
        *go_on = ok && each(user, &event);
    }
    if (ok && *go_on && rc != SQLITE_DONE) {
        sqlite_failed(r->db, "reading raw orders", err);
        ok = false;
    }
    sqlite3_reset(stmt);
    return ok;
}

static bool both(struct sqlite_raw_reader *r, sqlite3_stmt *orders, sqlite3_stmt *adjustments,
                 raw_event_fn each, void *user, struct error *err) {
    bool go_on = true;
    if (!sqlite_run(r->db, "BEGIN", err)) { // one snapshot
        return false;
    }
    bool ok = each_row(r, orders, ORDER_PLACED, each, user, &go_on, err) &&
              each_row(r, adjustments, ORDER_CANCELLED, each, user, &go_on, err);
    sqlite3_exec(r->db, "ROLLBACK", NULL, NULL, NULL);
    return ok;
}

static bool reader_order(struct raw_reader *base, struct ident order_id, raw_event_fn each,
                         void *user, struct error *err) {
    struct sqlite_raw_reader *r = sqlite_raw_reader_of(base);
    sqlite_bind_ident(r->order, 1, order_id);
    sqlite_bind_ident(r->adjustments, 1, order_id);
    return both(r, r->order, r->adjustments, each, user, err);
}

static bool reader_scan(struct raw_reader *base, raw_event_fn each, void *user, struct error *err) {
    struct sqlite_raw_reader *r = sqlite_raw_reader_of(base);
    return both(r, r->all_orders, r->all_adjustments, each, user, err);
}

static void reader_close(struct raw_reader *base) {
    struct sqlite_raw_reader *r = sqlite_raw_reader_of(base);
    sqlite3_finalize(r->order);
    sqlite3_finalize(r->adjustments);
    sqlite3_finalize(r->all_orders);
    sqlite3_finalize(r->all_adjustments);
    sqlite3_close(r->db);
    arena_free(&r->arena);
    free(r);
}

bool sqlite_raw_reader_open(const char *directory, struct raw_reader **out, struct error *err) {
    static const struct raw_reader_ops ops = {
        .order = reader_order, .scan = reader_scan, .close = reader_close};
    struct sqlite_raw_reader *r = mem_zalloc(1, sizeof *r);
    r->base.ops = &ops;
    if (!sqlite_connect(directory, NULL, SQLITE_READER, &r->db, err) ||
        !sqlite_holds_check(r->db, SQLITE_HOLDS_RAW, err) ||
        !sqlite_prepare(r->db, RAW_ORDER_SELECT "WHERE order_id = ?1", &r->order, err) ||
        !sqlite_prepare(r->db, RAW_ADJUSTMENT_SELECT "WHERE order_id = ?1 ORDER BY position",
                        &r->adjustments, err) ||
        !sqlite_prepare(r->db, RAW_ORDER_SELECT, &r->all_orders, err) ||
        !sqlite_prepare(r->db, RAW_ADJUSTMENT_SELECT, &r->all_adjustments, err)) {
        reader_close(&r->base);
        return false;
    }
    *out = &r->base;
    return true;
}
