// SPDX-License-Identifier: MIT
// Forgetting a customer in sales.db.
//
// 1. Rows of raw orders that name the customer are looked for by a reader, some thousand keys are
//    gathered, and their column is blanked in one short transaction: a server that writes meanwhile
//    waits for that only. Likewise rejected events, by their text.
// 2. With secure_delete SQLite writes zeros over what a row was.
// 3. When nobody writes there: VACUUM, since pages that were split, and rows that retention has
//    dropped, left copies of their bytes in free room.
// 4. The write-ahead log, which has the pages as they were, is copied and cut to nothing.
//
// How it fails: one line; what was blanked stays so, and doing it all again is right.
#include "store/sqlite/sqlite_forget.h"

#include "store/sqlite/sqlite_connect.h"
#include "store/sqlite/sqlite_directory.h"
#include "store/sqlite/sqlite_schema.h"
#include <stdio.h>
#include <unistd.h>

enum {
    STEP_ROWS = 1000,     // of one transaction
    SCAN_ROWS = 200000,   // of one reading: a snapshot that is held long makes the log grow
    LOCK_WAIT_MS = 10000, // for the writer's transaction
    CUT_TRIES = 50,       // for readers of the log
    CUT_PAUSE_MS = 100,
};

struct forgetting {
    const struct sqlite_forget *f;
    sqlite3 *db;
    int64_t keys[STEP_ROWS];
    size_t n_keys;
};

static bool forget_failed(struct forgetting *g, const char *doing, struct error *err) {
    sqlite_failed(g->db, doing, err);
    if (!sqlite3_get_autocommit(g->db)) {
        sqlite3_exec(g->db, "ROLLBACK", NULL, NULL, NULL);
    }
    return false;
}

static bool may_go_on(const struct forgetting *g, struct error *err) {
    return !atomic_load(g->f->stop) ||
           error_set(err, ERROR_USAGE, "stopped in the middle: run it again to forget the rest");
}

// --- Blanking what was gathered

static bool blank(struct forgetting *g, sqlite3_stmt *blank, int64_t *n, struct error *err) {
    if (g->n_keys == 0) {
        return true;
    }
    if (!sqlite_run(g->db, "BEGIN IMMEDIATE", err)) {
        return false;
    }
    int64_t changed = 0;
    for (size_t i = 0; i < g->n_keys; i++) {
        char event[FORGOTTEN_EVENT_MAX_BYTES];
        snprintf(event, sizeof event, FORGOTTEN_EVENT_FORMAT, (long long)g->keys[i]);
        sqlite3_bind_int64(blank, 1, g->keys[i]);
        if (sqlite3_bind_parameter_count(blank) > 1) {
            sqlite3_bind_text(blank, 2, event, -1, SQLITE_TRANSIENT);
        }
        if (!sqlite_do(blank)) {
            return forget_failed(g, "forgetting", err);
        }
        changed += sqlite3_changes64(g->db);
    }
    if (sqlite3_exec(g->db, "COMMIT", NULL, NULL, NULL) != SQLITE_OK) {
        return forget_failed(g, "forgetting", err);
    }
    *n += changed;
    g->n_keys = 0;
    return true;
}

// --- Looking for rows

// One kind of rows. `find` gives key, and what else `names` looks at; its parameter 1 is the key
// after which it begins, 2 the one up to which. `blank` takes the key, and the text that a rejected
// event has then.
struct kind {
    const char *last, *find, *blank;
    bool (*names)(sqlite3_stmt *row, struct ident customer);
};

static bool names_by_column(sqlite3_stmt *row, struct ident customer) {
    return ident_equal(sqlite_column_ident(row, 1), customer);
}

static bool names_by_text(sqlite3_stmt *row, struct ident customer) {
    return rejected_names(sqlite_column_text(row, 1), sqlite_column_text(row, 2), customer);
}

#define RAW_KIND(table, key)                                                                       \
    {                                                                                              \
        "SELECT max(" key ") FROM " table,                                                         \
            "SELECT " key ", customer_id FROM " table " WHERE " key " > ?1 AND " key " <= ?2 "     \
            "ORDER BY " key,                                                                       \
            "UPDATE " table " SET customer_id = '' WHERE " key " = ?1", names_by_column            \
    }
static const struct kind orders_kind = RAW_KIND("order_rows", "rowid");
static const struct kind adjustments_kind = RAW_KIND("adjustment_rows", "position");
static const struct kind raw_orders_kind = RAW_KIND("raw_orders", "row");
static const struct kind raw_adjustments_kind = RAW_KIND("raw_adjustments", "row");
static const struct kind rejected_kind = {
    "SELECT max(id) FROM rejected_rows",
    "SELECT id, raw, message FROM rejected_rows WHERE id > ?1 AND id <= ?2 ORDER BY id",
    "UPDATE rejected_rows SET message = '" FORGOTTEN_MESSAGE "', raw = CAST(?2 AS BLOB), "
    "raw_bytes = length(?2) WHERE id = ?1",
    names_by_text};

// Reads on from *after until enough keys are gathered, or the scan's part is at its end.
static bool gather(struct forgetting *g, const struct kind *k, sqlite3_stmt *find, int64_t *after,
                   int64_t until, struct error *err) {
    int rc;
    sqlite3_bind_int64(find, 1, *after);
    sqlite3_bind_int64(find, 2, until);
    while ((rc = sqlite3_step(find)) == SQLITE_ROW && g->n_keys < STEP_ROWS) {
        *after = sqlite3_column_int64(find, 0);
        if (k->names(find, g->f->customer)) {
            g->keys[g->n_keys++] = *after;
        }
    }
    sqlite3_reset(find);
    if (rc == SQLITE_DONE) {
        *after = until;
    }
    return rc == SQLITE_DONE || rc == SQLITE_ROW || forget_failed(g, "looking for rows", err);
}

static bool forget_rows(struct forgetting *g, const struct kind *k, sqlite3_stmt *find,
                        sqlite3_stmt *put, int64_t *n, struct error *err) {
    int64_t last, after = -1;
    bool ok = sqlite_int(g->db, k->last, -1, &last, err);
    while (ok && after < last) {
        int64_t until = last - after > SCAN_ROWS ? after + SCAN_ROWS : last;
        ok = may_go_on(g, err) && gather(g, k, find, &after, until, err) && blank(g, put, n, err);
    }
    return ok;
}

static bool forget_kind(struct forgetting *g, const struct kind *k, int64_t *n, struct error *err) {
    sqlite3_stmt *find = NULL, *put = NULL;
    bool ok = sqlite_prepare(g->db, k->find, &find, err) &&
              sqlite_prepare(g->db, k->blank, &put, err) && forget_rows(g, k, find, put, n, err);
    sqlite3_finalize(find);
    sqlite3_finalize(put);
    return ok;
}

static bool forget_all(struct forgetting *g, struct forgotten *out, struct error *err) {
    enum sqlite_holds holds;
    if (!sqlite_holds_read(g->db, &holds, err)) {
        return false;
    }
    switch (holds) {
    case SQLITE_HOLDS_RAW:
        return forget_kind(g, &raw_orders_kind, &out->orders, err) &&
               forget_kind(g, &raw_adjustments_kind, &out->adjustments, err);
    case SQLITE_HOLDS_SUMS:
        return forget_kind(g, &orders_kind, &out->recent, err) &&
               forget_kind(g, &adjustments_kind, &out->recent, err) &&
               forget_kind(g, &rejected_kind, &out->rejected, err);
    default:
        return forget_kind(g, &orders_kind, &out->orders, err) &&
               forget_kind(g, &adjustments_kind, &out->adjustments, err) &&
               forget_kind(g, &rejected_kind, &out->rejected, err);
    }
}

// --- Their bytes

// Those that read the log keep it from being cut; all of ours end soon.
static bool cut_log(struct forgetting *g, struct error *err) {
    sqlite3_busy_timeout(g->db, 0);
    for (int i = 0; i < CUT_TRIES && may_go_on(g, err); i++) {
        int rc = sqlite3_wal_checkpoint_v2(g->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
        if (rc == SQLITE_OK) {
            return true;
        }
        if (rc != SQLITE_BUSY) {
            return forget_failed(g, "cutting the write-ahead log", err);
        }
        sqlite3_sleep(CUT_PAUSE_MS);
    }
    return err->cls == ERROR_NONE &&
           error_set(err, ERROR_RETRIABLE,
                     "no row names the customer any more, but the write-ahead log still has pages "
                     "from before, which a tool that has %s/sales.db open keeps: close it and run "
                     "this again",
                     g->f->directory);
}

static bool rewrite_file(struct forgetting *g, bool *rewritten, struct error *err) {
    bool busy;
    int lock_fd = sqlite_directory_lock_free(g->f->directory, &busy, err);
    if (lock_fd < 0) {
        return busy;
    }
    *rewritten = sqlite_run(g->db, "VACUUM", err);
    close(lock_fd);
    return *rewritten ||
           error_set(err, err->cls,
                     "no row names the customer any more, but %s/sales.db could not be written "
                     "anew, which takes its size there and as much in SQLite's temporary "
                     "directory (SQLITE_TMPDIR, /var/tmp): free that and run this again",
                     g->f->directory);
}

bool sqlite_forget(const struct sqlite_forget *f, struct forgotten *out, bool *rewritten,
                   struct error *err) {
    struct forgetting g = {.f = f};
    *err = (struct error){0};
    *rewritten = false;
    bool ok = sqlite_connect(f->directory, NULL, SQLITE_AUDITOR, &g.db, err);
    if (ok) {
        sqlite3_busy_timeout(g.db, LOCK_WAIT_MS);
        ok = sqlite_run(g.db, "PRAGMA secure_delete = ON", err) && forget_all(&g, out, err) &&
             may_go_on(&g, err) && rewrite_file(&g, rewritten, err) && cut_log(&g, err);
    }
    sqlite3_close(g.db);
    return ok;
}
