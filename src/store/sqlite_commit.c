// SPDX-License-Identifier: MIT
// Committing a batch of the embedded store.
//
// 1. The new orders are appended in one statement, the cube's cells upserted, a stretch of waiting
//    ids moved into their index.
// 2. What is past its retention is dropped, a bounded step a commit.
// 3. Batch, gross sums, counts, floors and position are written; COMMIT, which fsyncs the WAL.
// 4. The checkpoint thread is told how long the WAL is.
//
// How it fails: any error before or in COMMIT is the batch's; the engine rolls it back.
#include "base/fault.h"
#include "base/log.h"
#include "store/sqlite_store.h"

enum {
    BATCHES_KEPT = 10000,
    BATCHES_STEP = 256, // dropped at once: most commits do not touch the table's oldest page
    REJECTED_KEPT = 1000000,
    DROP_STEP = 2000, // rows of each kind that one commit drops at most
};
static const int64_t REJECTED_KEPT_MS = INT64_C(30) * 24 * 3600 * 1000;

// Drops what is past its retention, a bounded step a commit, so that none takes long.
static bool drop_old(struct sqlite_store *s, struct batch_summary *batch) {
    if (s->drop_more) {
        sqlite3_bind_int64(s->drop_minutes, 1, cell_key(s->next.minute_floor, 0));
        sqlite3_bind_int(s->drop_minutes, 2, DROP_STEP);
        sqlite3_bind_int64(s->drop_hours, 1, cell_key(s->next.hour_floor, 0));
        sqlite3_bind_int(s->drop_hours, 2, DROP_STEP);
        if (!sqlite_do(s->drop_minutes)) {
            return false;
        }
        s->drop_more = sqlite3_changes64(s->db) == DROP_STEP;
        if (!sqlite_do(s->drop_hours)) {
            return false;
        }
        s->drop_more = s->drop_more || sqlite3_changes64(s->db) == DROP_STEP;
    }
    if (batch->counts.rejected > 0) {
        sqlite3_bind_int64(s->drop_rejected, 1, s->next_rejected - 1 - REJECTED_KEPT);
        sqlite3_bind_int64(s->drop_rejected, 2, batch->committed_ms - REJECTED_KEPT_MS);
        sqlite3_bind_int64(s->drop_rejected, 3, batch->counts.rejected * 2 + 16);
        if (!sqlite_do(s->drop_rejected)) {
            return false;
        }
        s->next.counts.rejected_expired += sqlite3_changes64(s->db);
    }
    if (batch->batch_id % BATCHES_STEP != 0) {
        return true;
    }
    sqlite3_bind_int64(s->drop_batch, 1, batch->batch_id - BATCHES_KEPT);
    return sqlite_do(s->drop_batch);
}

static void count_batch(struct sqlite_store *s, struct batch_summary *batch) {
    struct store_counts *c = &s->next.counts;
    c->received += batch->counts.received;
    c->accepted += batch->counts.accepted;
    c->duplicate += batch->counts.duplicate;
    c->rejected += batch->counts.rejected;
    for (int i = 0; i < ORDER_WARNING_KINDS; i++) {
        c->warnings[i] += batch->counts.warnings[i];
    }
    batch->batch_id = ++s->next.last_batch_id;
}

static bool write_state(struct sqlite_store *s) {
    const struct pipeline_state *n = &s->next;
    sqlite3_bind_int64(s->put_state, 1, n->counts.received);
    sqlite3_bind_int64(s->put_state, 2, n->counts.accepted);
    sqlite3_bind_int64(s->put_state, 3, n->counts.duplicate);
    sqlite3_bind_int64(s->put_state, 4, n->counts.rejected);
    sqlite3_bind_int64(s->put_state, 5, n->counts.rejected_expired);
    for (int i = 0; i < ORDER_WARNING_KINDS; i++) {
        sqlite3_bind_int64(s->put_state, 6 + i, n->counts.warnings[i]);
    }
    sqlite3_bind_int64(s->put_state, 11, n->last_batch_id);
    sqlite3_bind_int(s->put_state, 12, n->minute_floor);
    sqlite3_bind_int(s->put_state, 13, n->hour_floor);
    sqlite3_bind_int64(s->put_state, 14, n->indexed_below);
    sqlite3_bind_int64(s->put_position, 1, n->counts.received);
    return sqlite_do(s->put_state) && sqlite_do(s->put_position) && sqlite_log_write(s);
}

static bool write_batch(struct sqlite_store *s, const struct batch_summary *batch) {
    sqlite3_bind_int64(s->put_batch, 1, batch->batch_id);
    sqlite3_bind_int64(s->put_batch, 2, batch->committed_ms);
    sqlite3_bind_int64(s->put_batch, 3, batch->counts.received);
    sqlite3_bind_int64(s->put_batch, 4, batch->counts.accepted);
    sqlite3_bind_int64(s->put_batch, 5, batch->counts.duplicate);
    sqlite3_bind_int64(s->put_batch, 6, batch->counts.rejected);
    return sqlite_do(s->put_batch);
}

static bool write_gross(struct sqlite_store *s) {
    while (s->n_gross_dirty > 0) {
        int32_t number = s->gross_dirty[--s->n_gross_dirty];
        char name[4];
        currency_name(number, name);
        s->gross_is_dirty[number] = false;
        sqlite3_bind_text(s->put_gross, 1, name, 3, SQLITE_STATIC);
        sqlite3_bind_int64(s->put_gross, 2, s->gross_e4[number]);
        if (!sqlite_do(s->put_gross)) {
            return false;
        }
    }
    return true;
}

// The write-ahead log is long and the checkpoint thread is idle: copy the short rest, so that the
// next commit starts the file over. Not being able to is no failure of the batch, which is durable.
static void help_checkpoint(struct sqlite_store *s) {
    int rc = sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    if (rc != SQLITE_OK && rc != SQLITE_BUSY) {
        struct error err;
        sqlite_failed(s->db, "moving the write-ahead log into the database", &err);
        log_warn("store", "%s", err.text);
    }
}

enum store_result sqlite_store_commit(struct store *base, struct cube *cube,
                                      struct batch_summary *batch, struct error *err) {
    struct sqlite_store *s = (struct sqlite_store *)base;
    if (s->pending.n > 0 && !sqlite_do(s->add_orders)) {
        return sqlite_failed(s->db, "storing orders", err);
    }
    fault_point("store-after-rows");
    enum store_result result = sqlite_cells_apply(s->cells, cube, err);
    if (result != STORE_OK) {
        return result;
    }
    fault_point("store-after-cells");
    result = order_index_drain(s->index, &s->next.indexed_below, err);
    if (result != STORE_OK) {
        return result;
    }
    count_batch(s, batch);
    if (!write_batch(s, batch) || !drop_old(s, batch) || !write_gross(s) || !write_state(s)) {
        return sqlite_failed(s->db, "closing a batch", err);
    }
    fault_point("store-before-commit");
    if (!sqlite_do(s->commit)) {
        return sqlite_failed(s->db, "committing a batch", err);
    }
    fault_point("store-after-commit");
    s->state = s->next;
    sqlite_log_committed(s);
    if (checkpointer_notify(s->checkpointer, s->wal_pages)) {
        help_checkpoint(s);
    }
    return STORE_OK;
}

// Orderly end: all ids into the table, so that the next start has nothing to read back.
void sqlite_store_finish_index(struct sqlite_store *s) {
    struct error err;
    s->next = s->state;
    bool ok = sqlite_do(s->begin) &&
              order_index_drain_all(s->index, &s->next.indexed_below, &err) == STORE_OK &&
              write_state(s) && sqlite_do(s->commit);
    if (!ok) {
        log_warn("store",
                 "order ids could not be indexed at the end: the next start reads them back");
        sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    }
}
