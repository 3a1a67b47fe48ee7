// SPDX-License-Identifier: MIT
// Inside of the SQLite store, for its own files (writer, reader): not for other layers.
#pragma once
#include "store/commit_thread.h"
#include "store/sqlite/sqlite.h"
#include "store/sqlite/sqlite_aside.h"
#include "store/sqlite/sqlite_batch.h"
#include "store/sqlite/sqlite_doubts.h"
#include <pthread.h>

struct sqlite_store {
    struct store base; // first: a struct store * is a struct sqlite_store *
    struct sqlite_sums sums;
    const struct clock_source *clock;
    bool told_ahead; // that the floors are

    // All of these are NULL while the store is down.
    struct order_index *index;
    sqlite3_stmt *add_orders, *add_adjustment, *put_position, *put_log_position;
    struct sqlite_doubts doubts;
    struct sqlite_lookup lookup; // on the writer's connection
    struct sqlite_aside aside;

    // Of the judging thread, with all batches in flight:
    int64_t next_order, next_adjustment; // positions
    int32_t minute_floor, hour_floor;
    struct sqlite_batch batches[2];
    struct sqlite_batch *work;      // the one that is judged, or will be
    struct sqlite_batch *in_flight; // from commit_begin to commit_finish; else NULL
    struct arena found;             // texts of the last find

    // The writer's connection, and all of `sums` but its gross sums, are the committing thread's
    // while a batch is given to it.
    struct commit_thread committer;
    bool given;
    struct rows_source arriving; // of add_orders
    enum store_result committed; // what became of it
    struct error failure;

    struct log_store log;
    struct sqlite_part *parts; // of a log, by partition: sqlite_log.c
    int32_t n_parts;

    // Readers of this process look up waiting ids through `index`; they hold it while they do.
    pthread_rwlock_t index_lock;
};

// For a reader: position of a waiting id, 0 when there is none, -1 when the store is down and does
// not know.
int64_t sqlite_store_find_waiting(struct store *writer, int64_t slot);

// sqlite_open.c: opens all connections and reads memory back from the file; on failure what was
// opened stays for disconnect. `after_failure`: a reader in the way of moving the log is no excuse.
MUST_CHECK bool sqlite_store_connect(struct sqlite_store *s, struct store_settings *settings,
                                     bool after_failure, struct error *err);
void sqlite_store_disconnect(struct sqlite_store *s);

// sqlite_log.c: engine/log_store.h.
MUST_CHECK struct log_store *sqlite_log_init(struct log_store *log); // returns it
MUST_CHECK bool sqlite_log_write(struct sqlite_store *s);            // in the batch's transaction
// sqlite_floors.c: how long minute and hour cells are kept, and mending floors that a clock far
// ahead has left behind.
void sqlite_floors_raise(struct sqlite_store *s, int64_t arrival_ms);
// Warns, once, when the floors are ahead of the clock: only the next opening mends that.
void sqlite_floors_look(struct sqlite_store *s);
// After connecting, before anything else writes.
MUST_CHECK bool sqlite_floors_heal(struct sqlite_store *s, struct error *err);
void sqlite_log_committed(struct sqlite_store *s);
MUST_CHECK bool sqlite_log_read(struct sqlite_store *s, struct error *err); // after a reopen
void sqlite_log_free(struct sqlite_store *s);

// sqlite_commit.c: store_ops; what the committing thread does; and the orderly end: ids into
// runs, so that the next start has little to read back.
MUST_CHECK enum store_result sqlite_store_commit_begin(struct store *base, struct cube *cube,
                                                       struct batch_summary *summary, bool *aside,
                                                       struct error *err);
MUST_CHECK enum store_result sqlite_store_commit_finish(struct store *base, struct error *err);
void sqlite_store_commit_run(void *user);
void sqlite_store_finish_index(struct sqlite_store *s);
