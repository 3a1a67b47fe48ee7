// SPDX-License-Identifier: MIT
// Walks order_index, sorted by position, beside order_rows: each id of an extent must be the id of
// its row. A text may be in a later slot than its first one when all slots between are taken. Reads
// both from end to end once, so that no look-up jumps about in a large file.
#include "store/audit/audit_sqlite_index.h"

#include "store/sqlite/order_index.h"

struct walk {
    sqlite3_stmt *entries, *rows, *taken;
    int64_t at; // position of the current row
    int rc;     // of the last step over rows
};

// Moves on to the row at `position`; false when there is none.
static bool row_at(struct walk *w, int64_t position) {
    while (w->rc == SQLITE_ROW && w->at < position) {
        w->rc = sqlite3_step(w->rows);
        if (w->rc == SQLITE_ROW) {
            w->at = sqlite3_column_int64(w->rows, 0);
        }
    }
    return w->rc == SQLITE_ROW && w->at == position;
}

// Whether the current row's id may be found at this slot.
static bool leads_here(struct walk *w, int64_t slot) {
    int64_t first = order_index_slot(sqlite_column_ident(w->rows, 1));
    if (first == slot) {
        return true;
    }
    if (first >= 0 || slot >= 0 || slot < first) {
        return false;
    }
    sqlite3_bind_int64(w->taken, 1, first);
    sqlite3_bind_int64(w->taken, 2, slot);
    bool row = sqlite3_step(w->taken) == SQLITE_ROW;
    uint64_t n = row ? (uint64_t)sqlite3_column_int64(w->taken, 0) : 0;
    sqlite3_reset(w->taken);
    return n == (uint64_t)slot - (uint64_t)first;
}

static int64_t wrong_in_extent(struct walk *w, int64_t key, int64_t position, int64_t n) {
    int64_t n_wrong = 0;
    for (int64_t i = 0; i < n; i++) {
        if (!row_at(w, position + i)) {
            return n_wrong + (n - i); // no row there, or one that another extent had already
        }
        n_wrong += !leads_here(w, key + i);
    }
    return n_wrong;
}

static bool prepare(sqlite3 *db, struct walk *w, struct error *err) {
    return sqlite_prepare(db, "SELECT key, position, n FROM order_index ORDER BY position",
                          &w->entries, err) &&
           sqlite_prepare(db, "SELECT position, order_id FROM order_rows ORDER BY position",
                          &w->rows, err) &&
           sqlite_prepare(db, "SELECT count(*) FROM order_index WHERE key >= ?1 AND key < ?2",
                          &w->taken, err);
}

bool audit_sqlite_index(sqlite3 *db, int64_t *n_wrong, struct error *err) {
    struct walk w = {.rc = SQLITE_ROW};
    *n_wrong = 0;
    bool ok = prepare(db, &w, err);
    int rc = SQLITE_DONE;
    while (ok && (rc = sqlite3_step(w.entries)) == SQLITE_ROW) {
        int64_t key = sqlite3_column_int64(w.entries, 0), n = sqlite3_column_int64(w.entries, 2);
        int64_t position = sqlite3_column_int64(w.entries, 1);
        bool possible = n == 1 || (n > 1 && key >= 0 && key <= INT64_MAX - n + 1);
        possible = possible && position >= 1 && position <= INT64_MAX - n;
        *n_wrong += possible ? wrong_in_extent(&w, key, position, n) : 1;
        ok = w.rc == SQLITE_ROW || w.rc == SQLITE_DONE;
    }
    if (!ok || rc != SQLITE_DONE) {
        ok = false;
        if (w.taken != NULL) { // else err says what could not be prepared
            sqlite_failed(db, "comparing the index with the orders", err);
        }
    }
    sqlite3_finalize(w.entries);
    sqlite3_finalize(w.rows);
    sqlite3_finalize(w.taken);
    return ok;
}
