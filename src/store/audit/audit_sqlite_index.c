// SPDX-License-Identifier: MIT
// The index is sorted by id, and the rows by position, so one of the two has to be sorted the other
// way, in bounded memory:
//
// 1. All blocks are read once: whether each is as it was written and where it belongs.
// 2. Some million positions at a time, all blocks are read, and the slots that lead to these
//    positions are noted; then the rows there are read, and each must be that of its slot. So every
//    table is read from end to end, and no look-up jumps about in a large file.
//
// A text may be in a later slot than its first one when all slots between are taken.
//
// How it fails: what SQLite says, or without memory. What is wrong is counted.
#include "store/audit/audit_sqlite_index.h"

#include "base/mem.h"
#include "store/sqlite/order_index.h"
#include "store/sqlite/order_runs.h"
#include <stdlib.h>

enum { POSITIONS_AT_ONCE = 1 << 23 };

struct walk {
    struct audit_index *out;
    sqlite3_stmt *blocks, *rows;
    struct order_lookup lookup;
    int64_t n_rows;
    int64_t first, n; // positions that are looked at
    int64_t *slots;   // that lead to them
    bool *has_slot;
    int64_t before; // last key of the block before, of the same run
};

static bool walk_failed(struct walk *w, struct error *err) {
    sqlite_failed(sqlite3_db_handle(w->rows), "comparing the index with the orders", err);
    return false;
}

// --- Blocks

// No extent that a writer could not have written: 64 bits hold all its ids and positions.
static bool possible(struct extent e) {
    return (e.n == 1 || (e.n > 1 && e.key >= 0 && e.key <= INT64_MAX - e.n + 1)) &&
           e.position >= 1 && e.position <= INT64_MAX - e.n;
}

static void note(struct walk *w, struct extent e) {
    int64_t from = e.position > w->first ? e.position : w->first;
    int64_t end = w->first + w->n;
    end = e.position + e.n < end ? e.position + e.n : end;
    for (int64_t position = from; position < end; position++) {
        bool *has = &w->has_slot[position - w->first];
        w->out->n_wrong += *has; // another one leads there, too
        w->slots[position - w->first] =
            *has ? w->slots[position - w->first] : e.key + (position - e.position);
        *has = true;
    }
}

static bool in_its_place(struct walk *w, const struct order_block *b, int64_t number) {
    const int64_t low = sqlite3_column_int64(w->blocks, 3),
                  high = sqlite3_column_int64(w->blocks, 4);
    const struct extent last = order_block_extent(b, b->n - 1);
    bool is_first = (number & UINT32_MAX) == 0;
    bool sorted = is_first || w->before < b->first_key;
    w->before = last.key + (int64_t)((uint64_t)last.n - 1);
    return sorted && b->first_key == sqlite3_column_int64(w->blocks, 2) && b->first_key >= low &&
           w->before <= high && (number & UINT32_MAX) < sqlite3_column_int64(w->blocks, 5);
}

static void count_block(struct walk *w, const struct order_block *b) {
    for (size_t i = 0; i < b->n; i++) {
        const struct extent e = order_block_extent(b, i);
        if (!possible(e)) {
            w->out->n_wrong++;
            continue;
        }
        int64_t beyond = e.position + e.n - 1 - w->n_rows; // ids without a row
        w->out->n_wrong += beyond <= 0 ? 0 : beyond < e.n ? beyond : e.n;
        if (e.n > INT64_MAX - w->out->n_ids) {
            w->out->n_ids = INT64_MAX;
        } else {
            w->out->n_ids += e.n;
        }
    }
}

static void note_block(struct walk *w, const struct order_block *b) {
    for (size_t i = 0; i < b->n; i++) {
        const struct extent e = order_block_extent(b, i);
        if (possible(e) && e.position < w->first + w->n && e.position + e.n > w->first) {
            note(w, e);
        }
    }
}

static void first_look(struct walk *w, const struct order_block *b, int64_t number) {
    if (b == NULL || !in_its_place(w, b, number)) {
        w->out->first_damaged = w->out->n_damaged == 0 ? number : w->out->first_damaged;
        w->out->n_damaged++;
    }
    if (b != NULL) {
        count_block(w, b);
    }
}

static bool each_block(struct walk *w, bool is_first, struct error *err) {
    int rc;
    while ((rc = sqlite3_step(w->blocks)) == SQLITE_ROW) {
        struct order_block block;
        bool opens = order_block_open(sqlite3_column_blob(w->blocks, 1),
                                      (size_t)sqlite3_column_bytes(w->blocks, 1), &block);
        if (is_first) {
            first_look(w, opens ? &block : NULL, sqlite3_column_int64(w->blocks, 0));
        } else if (opens) {
            note_block(w, &block);
        }
    }
    bool ok = rc == SQLITE_DONE || walk_failed(w, err);
    sqlite3_reset(w->blocks);
    return ok;
}

// --- Rows

// *leads: the current row's id is found at this slot.
static bool leads_here(struct walk *w, int64_t slot, bool *leads, struct error *err) {
    int64_t at = order_index_slot(sqlite_column_ident(w->rows, 1)), taken = 1;
    bool ok = true;
    *leads = at == slot;
    if (*leads || at >= 0 || slot >= 0 || slot < at) {
        return true;
    }
    while (ok && taken != 0 && at != slot) { // ends at the first slot that is free
        ok = order_lookup_find(&w->lookup, at, &taken, err) == STORE_OK;
        at = order_index_next_slot(at);
    }
    *leads = taken != 0;
    return ok || w->out->n_damaged != 0; // a damaged block was counted
}

static bool each_row(struct walk *w, struct error *err) {
    int rc = SQLITE_DONE;
    bool ok = true;
    sqlite3_bind_int64(w->rows, 1, w->first);
    sqlite3_bind_int64(w->rows, 2, w->first + w->n);
    while (ok && (rc = sqlite3_step(w->rows)) == SQLITE_ROW) {
        const int64_t i = sqlite3_column_int64(w->rows, 0) - w->first;
        bool leads = true;
        ok = !w->has_slot[i] || leads_here(w, w->slots[i], &leads, err);
        w->out->n_wrong += !leads;
        w->has_slot[i] = false;
    }
    for (int64_t i = 0; i < w->n; i++) { // a slot, and no row
        w->out->n_wrong += w->has_slot[i];
        w->has_slot[i] = false;
    }
    ok = ok && (rc == SQLITE_DONE || walk_failed(w, err));
    sqlite3_reset(w->rows);
    return ok;
}

// --- All of it

static bool audit_index_prepare(sqlite3 *db, struct walk *w, struct error *err) {
    if (!sqlite_int(db, "SELECT max(rowid) FROM order_rows", 0, &w->n_rows, err) ||
        !sqlite_prepare(db, order_all_blocks_sql, &w->blocks, err) ||
        !sqlite_prepare(db,
                        "SELECT rowid, order_id FROM order_rows "
                        "WHERE rowid >= ?1 AND rowid < ?2 ORDER BY rowid",
                        &w->rows, err) ||
        !order_lookup_open(db, &w->lookup, err)) {
        return false;
    }
    w->n = w->n_rows < POSITIONS_AT_ONCE ? w->n_rows : POSITIONS_AT_ONCE;
    w->slots = try_alloc(((size_t)w->n + 1) * sizeof *w->slots);
    w->has_slot = calloc((size_t)w->n + 1, sizeof *w->has_slot);
    return (w->slots != NULL && w->has_slot != NULL) ||
           error_set(err, ERROR_RETRIABLE, "out of memory for comparing the index with the orders");
}

bool audit_sqlite_index(sqlite3 *db, struct audit_index *out, struct error *err) {
    struct walk w = {.out = out, .first = 1};
    *out = (struct audit_index){0};
    bool ok = audit_index_prepare(db, &w, err) && each_block(&w, true, err);
    for (; ok && w.first <= w.n_rows; w.first += w.n) {
        ok = each_block(&w, false, err) && each_row(&w, err);
    }
    sqlite3_finalize(w.blocks);
    sqlite3_finalize(w.rows);
    order_lookup_close(&w.lookup);
    free(w.slots);
    free(w.has_slot);
    return ok;
}

bool audit_sqlite_forget_index(sqlite3 *db, struct error *err) {
    return sqlite_run(db,
                      "DELETE FROM order_blocks; DELETE FROM order_runs; "
                      "DELETE FROM order_displaced; "
                      "UPDATE pipeline_state SET indexed_below = 1, displaced_from = "
                      "(SELECT coalesce(max(rowid), 0) + 1 FROM order_rows)",
                      err);
}

// What is being merged is not in use, and its inputs have everything: it may be damaged without
// anybody seeing it but the merge.
static const char merge_anew_sql[] =
    "UPDATE order_runs SET merged_into = NULL WHERE merged_into IS NOT NULL;"
    "UPDATE order_runs SET state = 2 WHERE state = 0";

bool audit_sqlite_mend_index(sqlite3 *db, int64_t indexed_below, FILE *out, struct error *err) {
    struct audit_index index;
    if (!sqlite_run(db, merge_anew_sql, err) || !audit_sqlite_index(db, &index, err)) {
        return false;
    }
    if (index.n_damaged == 0 && index.n_wrong == 0 && index.n_ids == indexed_below - 1) {
        return true;
    }
    fprintf(out, "the index of order ids was wrong: the next start makes it anew\n");
    return audit_sqlite_forget_index(db, err);
}
