// SPDX-License-Identifier: MIT
// Committing a batch of the embedded store.
//
// 1. The cube's cells are upserted, which names its groups; the new orders are appended in one
//    statement, then adjustments and rejected events; a stretch of waiting ids is written into
//    their index, and some of it merged.
// 2. What is past its retention is dropped, a bounded step a commit.
// 3. Batch, gross sums, counts, floors and position are written; COMMIT, which fsyncs the WAL.
// 4. Whether sales.db is still the file that was opened. 5. The checkpoint thread is told how long
//    the WAL is.
//
// It is done on the caller's thread by commit_finish, or on a thread of the store's from
// commit_begin on, while the next batch is judged: that one writes into other memory, and asks
// through another connection.
//
// How it fails: any error up to 4 is the batch's; the engine rolls it back.
#include "base/fault.h"
#include "base/log.h"
#include "store/sqlite/sqlite_rows.h"
#include "store/sqlite/sqlite_store.h"

static bool write_positions(struct sqlite_store *s) {
    sqlite3_bind_int64(s->put_position, 1, s->sums.next.counts.received);
    return sqlite_do(s->put_position) && sqlite_log_write(s);
}

// After the cells: these have named the groups.
static bool write_adjustments(struct sqlite_store *s, const struct sqlite_batch *b) {
    bool ok = true;
    for (size_t i = 0; ok && i < b->n_adjustments; i++) {
        const struct pending_order *row = &b->adjustments[i].row;
        event_bind(s->add_adjustment, &row->order, b->first_adjustment + (int64_t)i,
                   cube_group(b->cube, row->group)->store_id, row->arrival_ms);
        ok = sqlite_do(s->add_adjustment);
    }
    for (size_t i = 0; ok && i < b->n_doubts; i++) {
        ok = sqlite_doubts_add(&s->doubts, b->doubts[i].kind, b->doubts[i].order_id);
    }
    return ok;
}

// The last row's number tells that all of them are there, and where the next batch expects them.
static enum store_result write_orders(struct sqlite_store *s, const struct sqlite_batch *b,
                                      struct error *err) {
    sqlite3 *db = s->sums.db;
    if (b->orders.n == 0) {
        return STORE_OK;
    }
    if (!rows_source_begin(&s->arriving)) { // never yet; reopening mends it
        error_set(err, ERROR_RETRIABLE, "rows of the batch before are still being read");
        return STORE_RETRY;
    }
    if (!pending_put(&b->orders, b->cube, &s->arriving)) {
        error_set(err, ERROR_RETRIABLE, "out of memory for the rows of a batch");
        return STORE_RETRY;
    }
    if (!sqlite_do(s->add_orders)) {
        return sqlite_failed(db, "storing orders", err);
    }
    int64_t last = sqlite3_last_insert_rowid(db), want = b->first_order + (int64_t)b->orders.n - 1;
    if (sqlite3_changes64(db) != (int64_t)b->orders.n || last != want) {
        error_set(err, ERROR_FATAL,
                  "the database is damaged: the newest order stands at row %lld of order_rows, not "
                  "at %lld; restore it from a copy",
                  (long long)last, (long long)want);
        return STORE_ERROR;
    }
    return STORE_OK;
}

static enum store_result write_rows(struct sqlite_store *s, const struct sqlite_batch *b,
                                    struct error *err) {
    enum store_result result = write_orders(s, b, err);
    if (result != STORE_OK) {
        return result;
    }
    if (!write_adjustments(s, b)) {
        return sqlite_failed(s->sums.db, "storing an adjustment", err);
    }
    for (size_t i = 0; result == STORE_OK && i < b->n_displaced; i++) {
        result = order_index_displace(s->index, b->displaced[i].key, b->displaced[i].position, err);
    }
    for (size_t i = 0; result == STORE_OK && i < b->n_rejected; i++) {
        result = sqlite_sums_add_rejected(&s->sums, &b->rejected[i], err);
    }
    return result;
}

// The transaction, up to COMMIT.
static enum store_result write_batch(struct sqlite_store *s, const struct sqlite_batch *b,
                                     struct error *err) {
    sqlite_sums_raise_floors(&s->sums, b->minute_floor, b->hour_floor);
    enum store_result result = sqlite_cells_apply(s->sums.cells, b->cube, err);
    if (result != STORE_OK) {
        return result;
    }
    fault_point("store-after-cells");
    result = write_rows(s, b, err);
    if (result != STORE_OK) {
        return result;
    }
    fault_point("store-after-rows");
    s->sums.next.indexed_below = b->ids.indexed_below;
    result = order_index_write(s->index, &b->ids, err);
    if (result == STORE_OK &&
        (!sqlite_sums_write(&s->sums, b->summary, &b->gross) || !write_positions(s))) {
        result = sqlite_failed(s->sums.db, "closing a batch", err);
    }
    return result;
}

static enum store_result write_and_commit(struct sqlite_store *s, struct sqlite_batch *b,
                                          struct error *err) {
    enum store_result result = b->begun ? STORE_OK : sqlite_sums_begin(&s->sums, err);
    if (result == STORE_OK) {
        result = write_batch(s, b, err);
    }
    if (result != STORE_OK) {
        return result;
    }
    fault_point("store-before-commit");
    if (!sqlite_sums_commit(&s->sums)) {
        return sqlite_failed(s->sums.db, "committing a batch", err);
    }
    fault_point("store-after-commit");
    if (!sqlite_sums_in_place(&s->sums, err)) {
        return STORE_RETRY;
    }
    sqlite_sums_committed(&s->sums);
    return STORE_OK;
}

void sqlite_store_commit_run(void *user) {
    struct sqlite_store *s = user;
    s->committed = write_and_commit(s, s->in_flight, &s->failure);
}

enum store_result sqlite_store_commit_begin(struct store *base, struct cube *cube,
                                            struct batch_summary *summary, bool *aside,
                                            struct error *err) {
    UNUSED(err);
    struct sqlite_store *s = (struct sqlite_store *)base;
    struct sqlite_batch *b = s->work;
    b->cube = cube;
    b->summary = summary;
    b->minute_floor = s->minute_floor;
    b->hour_floor = s->hour_floor;
    sqlite_sums_settle(&s->sums, &b->gross);
    order_index_plan(s->index, &b->ids);
    s->in_flight = b;
    s->work = &s->batches[b == &s->batches[0]];
    // Questions of the next batch would hold a snapshot as those of this one did: now and then the
    // log has to start over, and a commit has to have nobody beside it for that. The positions of a
    // log are those of the batch that was judged last: with one it is always alone.
    bool asked = sqlite_aside_end(&s->aside);
    *aside = *aside && s->base.log == NULL &&
             !(asked && checkpointer_is_behind(s->sums.checkpointer)) &&
             commit_thread_give(&s->committer);
    s->given = *aside;
    return STORE_OK;
}

enum store_result sqlite_store_commit_finish(struct store *base, struct error *err) {
    struct sqlite_store *s = (struct sqlite_store *)base;
    if (s->given) {
        commit_thread_wait(&s->committer);
    } else {
        sqlite_store_commit_run(s);
    }
    s->given = false;
    s->in_flight = NULL;
    if (s->committed == STORE_OK) {
        sqlite_log_committed(s);
    } else {
        *err = s->failure;
    }
    return s->committed;
}

// Orderly end: ids into runs, so that the next start has little to read back. Readers do not look
// meanwhile: what is in no list of waiting ids any more is not committed yet.
void sqlite_store_finish_index(struct sqlite_store *s) {
    struct error err;
    pthread_rwlock_wrlock(&s->index_lock);
    bool ok = sqlite_sums_begin(&s->sums, &err) == STORE_OK &&
              order_index_drain_all(s->index, &s->sums.next.indexed_below, &err) == STORE_OK &&
              sqlite_sums_write_state(&s->sums) && sqlite_sums_commit(&s->sums);
    if (!ok) {
        log_warn("store",
                 "order ids could not be indexed at the end: the next start reads them back");
        sqlite3_exec(s->sums.db, "ROLLBACK", NULL, NULL, NULL);
    }
    pthread_rwlock_unlock(&s->index_lock);
}
