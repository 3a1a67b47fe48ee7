// SPDX-License-Identifier: MIT
// Opening the index of order ids.
//
// 1. What merging has left is looked at (order_merge.c).
// 2. The ids of all rows from indexed_below on are read back into memory, in order of position.
//    There are two runs' worth of them at most after a crash. Only an index that has to be made
//    anew (an earlier version's file, or after a rebuild) has more: then each run that is full is
//    written at once, so that memory stays bounded and the next start goes on from there.
// 3. The thread that fills the filter is started.
//
// A text's slot: from displaced_from on, order_displaced has those that are not at their first one.
// Before it nobody has noted them, so the slots are found again: positions come in order, so each
// finds taken what its order found taken.
//
// How it fails: what SQLite says; nothing is open then.
#include "base/log.h"
#include "base/mem.h"
#include "store/sqlite/order_index_inside.h"
#include <stdio.h>
#include <stdlib.h>

enum { RUNS_READ_BACK = 3, TOLD_FROM = 3000000 };

struct reading {
    struct order_index *ix;
    sqlite3_stmt *rows;
    struct order_lookup runs;
    bool careful; // displaced texts were not noted
};

static bool slot_taken(struct reading *r, int64_t slot, bool *taken, struct error *err) {
    const struct order_index *ix = r->ix;
    int64_t position = waiting_find(&ix->fresh, slot);
    bool maybe = ix->next_bloom == NULL || bloom_maybe(ix->next_bloom, order_filter_hash(slot));
    bool ok =
        position != 0 || !maybe || order_lookup_find(&r->runs, slot, &position, err) == STORE_OK;
    *taken = position != 0;
    return ok;
}

// Where the row's id stands: its first slot, unless that was taken when it came.
static bool slot_of(struct reading *r, int64_t *slot, struct error *err) {
    bool taken;
    *slot = order_index_slot(sqlite_column_ident(r->rows, 1));
    if (*slot >= 0 || !r->careful) {
        bool displaced = *slot < 0 && sqlite3_column_type(r->rows, 2) == SQLITE_INTEGER;
        *slot = displaced ? sqlite3_column_int64(r->rows, 2) : *slot;
        return true;
    }
    for (;;) {
        if (!slot_taken(r, *slot, &taken, err)) {
            return false;
        }
        if (!taken) {
            return true;
        }
        *slot = order_index_next_slot(*slot);
    }
}

static bool take_row(struct reading *r, struct error *err) {
    struct order_index *ix = r->ix;
    int64_t slot, position = sqlite3_column_int64(r->rows, 0);
    if (!slot_of(r, &slot, err)) {
        return false;
    }
    if (!waiting_add(&ix->fresh, slot, position)) {
        return error_set(err, ERROR_RETRIABLE, "out of memory while reading back order ids");
    }
    if (ix->next_bloom != NULL) {
        bloom_add(ix->next_bloom, order_filter_hash(slot));
    }
    ix->next_position = position + 1;
    return true;
}

// Up to n rows; *more: there may be others.
static bool read_some(struct reading *r, size_t n, bool *more, struct error *err) {
    int rc;
    size_t taken = 0;
    sqlite3_bind_int64(r->rows, 1, r->ix->next_position);
    sqlite3_bind_int64(r->rows, 2, (int64_t)n);
    while ((rc = sqlite3_step(r->rows)) == SQLITE_ROW && take_row(r, err)) {
        taken++;
    }
    if (rc != SQLITE_DONE && rc != SQLITE_ROW) {
        sqlite_failed(r->ix->db, "reading back order ids", err);
    }
    sqlite3_reset(r->rows);
    *more = taken == n;
    return rc == SQLITE_DONE;
}

// What was read becomes a run.
static bool write_out(struct reading *r, struct error *err) {
    struct order_index *ix = r->ix;
    size_t n;
    char sql[128];
    struct extent *sorted = waiting_sorted(&ix->fresh, &n);
    if (sorted == NULL) {
        return error_set(err, ERROR_RETRIABLE, "out of memory while sorting order ids");
    }
    snprintf(sql, sizeof sql, "UPDATE pipeline_state SET indexed_below = %lld; COMMIT",
             (long long)ix->next_position);
    bool ok = sqlite_run(ix->db, "BEGIN IMMEDIATE", err) &&
              order_index_write_run(ix, sorted, n, err) == STORE_OK && sqlite_run(ix->db, sql, err);
    free(sorted);
    if (!ok) {
        sqlite3_exec(ix->db, "ROLLBACK", NULL, NULL, NULL);
        return false;
    }
    // Nobody else does yet, and the log would hold all of the index.
    sqlite3_wal_checkpoint_v2(ix->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    waiting_free(&ix->fresh);
    ix->indexed_below = ix->next_position;
    order_lookup_forget(&r->runs);
    return true;
}

static bool read_all(struct reading *r, int64_t n_rows, struct error *err) {
    struct order_index *ix = r->ix;
    const int64_t n_ids = n_rows - ix->indexed_below + 1;
    bool more = true, ok = true, tell = n_ids >= TOLD_FROM * RUNS_READ_BACK;
    size_t at_once = order_index_run_length(n_rows) * RUNS_READ_BACK;
    if (tell) {
        log_info("store",
                 "making the index of %lld order ids from their rows; orders are taken after that",
                 (long long)n_ids);
    }
    while (ok && more) {
        ok = read_some(r, at_once, &more, err) && (!more || write_out(r, err));
        if (ok && tell) {
            log_info("store", "the ids of %lld of %lld orders are indexed",
                     (long long)ix->next_position - 1, (long long)n_rows);
        }
    }
    return ok;
}

static bool read_back(struct order_index *ix, struct error *err) {
    struct reading r = {.ix = ix};
    int64_t n_rows, displaced_from;
    if (!sqlite_int(ix->db, "SELECT max(rowid) FROM order_rows", 0, &n_rows, err) ||
        !sqlite_int(ix->db, "SELECT displaced_from FROM pipeline_state", 1, &displaced_from, err)) {
        return false;
    }
    order_index_begin_filter(ix, n_rows);
    r.careful = ix->indexed_below < displaced_from;
    bool ok =
        // What is in runs already has to be in the filter before it is asked.
        (!r.careful || ix->next_bloom == NULL ||
         order_filter_add_runs(ix->next_bloom, ix->directory, ix->vfs, &ix->stop, err)) &&
        order_lookup_open(ix->db, &r.runs, err) &&
        sqlite_prepare(ix->db,
                       "SELECT r.rowid, r.order_id, d.slot FROM order_rows r "
                       "LEFT JOIN order_displaced d ON d.position = r.rowid "
                       "WHERE r.rowid >= ?1 ORDER BY r.rowid LIMIT ?2",
                       &r.rows, err) &&
        read_all(&r, n_rows, err);
    order_lookup_close(&r.runs);
    sqlite3_finalize(r.rows);
    return ok;
}

struct order_index *order_index_open(sqlite3 *db, const char *directory, const char *vfs,
                                     int64_t indexed_below, struct error *err) {
    struct order_index *ix = mem_zalloc(1, sizeof *ix);
    ix->db = db;
    ix->directory = directory;
    ix->vfs = vfs;
    ix->indexed_below = ix->next_position = indexed_below;
    pthread_mutex_init(&ix->lock, NULL);
    ix->merge = order_merge_open(db, err);
    if (ix->merge == NULL || !run_writer_open(db, &ix->writer, err) ||
        !sqlite_prepare(db, "INSERT INTO order_displaced VALUES (?1, ?2)", &ix->displace, err) ||
        !read_back(ix, err)) {
        order_index_close(ix);
        return NULL;
    }
    ix->frozen_below = ix->indexed_below;
    ix->run_length = order_index_run_length(ix->next_position);
    order_index_start_thread(ix);
    return ix;
}

void order_index_close(struct order_index *ix) {
    if (ix == NULL) {
        return;
    }
    atomic_store(&ix->stop, true);
    if (ix->thread_runs) {
        order_index_join_thread(ix);
    }
    order_merge_close(ix->merge);
    run_writer_close(&ix->writer);
    sqlite3_finalize(ix->displace);
    bloom_free(ix->bloom);
    bloom_free(ix->next_bloom);
    bloom_free(ix->ready_bloom);
    waiting_free(&ix->spare);
    waiting_free(&ix->used);
    waiting_free(&ix->fresh);
    waiting_free(&ix->frozen);
    free(ix->run);
    pthread_mutex_destroy(&ix->lock);
    free(ix);
}
