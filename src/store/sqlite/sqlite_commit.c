// SPDX-License-Identifier: MIT
// Committing a batch of the embedded store.
//
// 1. The new orders are appended in one statement, the cube's cells upserted, a stretch of waiting
//    ids moved into their index.
// 2. What is past its retention is dropped, a bounded step a commit.
// 3. Batch, gross sums, counts, floors and position are written; COMMIT, which fsyncs the WAL.
// 4. Whether sales.db is still the file that was opened. 5. The checkpoint thread is told how long
//    the WAL is.
//
// How it fails: any error up to 4 is the batch's; the engine rolls it back.
#include "base/fault.h"
#include "base/log.h"
#include "store/sqlite/sqlite_store.h"

static bool write_positions(struct sqlite_store *s) {
    sqlite3_bind_int64(s->put_position, 1, s->sums.next.counts.received);
    return sqlite_do(s->put_position) && sqlite_log_write(s);
}

enum store_result sqlite_store_commit(struct store *base, struct cube *cube,
                                      struct batch_summary *batch, struct error *err) {
    struct sqlite_store *s = (struct sqlite_store *)base;
    if (s->pending.n > 0 && !sqlite_do(s->add_orders)) {
        return sqlite_failed(s->sums.db, "storing orders", err);
    }
    fault_point("store-after-rows");
    enum store_result result = sqlite_cells_apply(s->sums.cells, cube, err);
    if (result != STORE_OK) {
        return result;
    }
    fault_point("store-after-cells");
    result = order_index_drain(s->index, &s->sums.next.indexed_below, err);
    if (result != STORE_OK) {
        return result;
    }
    if (!sqlite_sums_write(&s->sums, batch) || !write_positions(s)) {
        return sqlite_failed(s->sums.db, "closing a batch", err);
    }
    fault_point("store-before-commit");
    if (!sqlite_sums_commit(&s->sums)) {
        return sqlite_failed(s->sums.db, "committing a batch", err);
    }
    fault_point("store-after-commit");
    if (!sqlite_sums_in_place(&s->sums, err)) {
        return STORE_RETRY;
    }
    sqlite_log_committed(s);
    sqlite_sums_committed(&s->sums);
    return STORE_OK;
}

// Orderly end: all ids into the table, so that the next start has nothing to read back.
void sqlite_store_finish_index(struct sqlite_store *s) {
    struct error err;
    bool ok = sqlite_sums_begin(&s->sums, &err) == STORE_OK &&
              order_index_drain_all(s->index, &s->sums.next.indexed_below, &err) == STORE_OK &&
              sqlite_sums_write_state(&s->sums) && sqlite_sums_commit(&s->sums);
    if (!ok) {
        log_warn("store",
                 "order ids could not be indexed at the end: the next start reads them back");
        sqlite3_exec(s->sums.db, "ROLLBACK", NULL, NULL, NULL);
    }
}
