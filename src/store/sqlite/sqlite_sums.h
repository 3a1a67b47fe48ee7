// SPDX-License-Identifier: MIT
// What the SQLite stores share: the writer's connection to sales.db and everything in it that is
// not raw rows: cells, counts, floors, batches, rejected events, gross sums, their retention, and
// the transaction of a batch. The embedded store (sqlite_store.h) adds raw orders and their index
// to it, the aggregates store (sqlite_aggregates.c) positions of a log.
//
//     (raise)*, begin, (add_rejected | floors)*, write, commit
//
// One thread at a time, the one that commits; but `gross_e4` and raise are of the one that judges,
// which in the embedded store may be at work on the next batch.
//
// After any failure memory may be ahead of the file: disconnect, then connect reads it again.
#pragma once
#include "store/sqlite/sqlite_cells.h"
#include "store/sqlite/sqlite_checkpoint.h"
#include "store/sqlite/sqlite_directory.h"
#include "store/sqlite/sqlite_schema.h"
#include "sums/currency.h"

enum { SQLITE_MINUTES_KEPT = 15 * 24 * 60, SQLITE_HOURS_KEPT = 400 * 24 };

struct sqlite_sums {
    char *directory, *vfs;
    int lock_fd; // of the directory; -1: not locked
    struct sqlite_files files;

    // All of these are NULL while the store is down.
    sqlite3 *db;
    struct sqlite_cells *cells;
    struct checkpointer *checkpointer;
    sqlite3_stmt *begin, *commit, *add_rejected, *put_state, *put_batch, *drop_batch;
    sqlite3_stmt *put_day, *put_gross, *drop_rejected, *drop_minutes, *drop_hours;

    struct pipeline_state state; // committed
    struct pipeline_state next;  // of the batch in work
    int64_t next_rejected;
    bool drop_more;           // there may be cells below the floors
    bool note_all;            // an earlier program has counted, and noted no days
    int64_t believed_from_ms; // since when the clock's course has not gone back; 0: no batch yet

    int64_t *gross_e4; // by currency, as 26-ary number of its letters; with all batches in work, of
                       // whoever judges
};

// Which gross sums a batch changes.
struct sqlite_gross {
    int32_t *currency; // list
    int64_t *sum_e4;   // of these, once settled
    bool *is_in;       // by currency
    int32_t n;
};
void sqlite_gross_init(struct sqlite_gross *g);
void sqlite_gross_free(struct sqlite_gross *g);
void sqlite_gross_clear(struct sqlite_gross *g);

void sqlite_sums_init(struct sqlite_sums *s, const char *directory, const char *vfs);
void sqlite_sums_free(struct sqlite_sums *s); // disconnected before; lets go of the directory

// Makes and locks the directory.
MUST_CHECK bool sqlite_sums_lock(struct sqlite_sums *s, struct error *err);
// Opens the connection, makes what is missing of a file that holds `holds`, and reads memory back;
// on failure what was opened stays for disconnect. `after_failure`: a reader in the way of moving
// the log is no excuse.
MUST_CHECK bool sqlite_sums_connect(struct sqlite_sums *s, enum sqlite_holds holds,
                                    struct store_settings *settings, bool after_failure,
                                    struct error *err);
void sqlite_sums_disconnect(struct sqlite_sums *s);

// --- A batch

MUST_CHECK enum store_result sqlite_sums_begin(struct sqlite_sums *s, struct error *err);
// Raises the gross sum of a currency; that it fits has been asked.
static inline void sqlite_sums_raise(struct sqlite_sums *s, struct sqlite_gross *batch,
                                     int32_t currency, int64_t amount_e4) {
    s->gross_e4[currency] += amount_e4;
    if (!batch->is_in[currency]) {
        batch->is_in[currency] = true;
        batch->currency[batch->n++] = currency;
    }
}
// The batch has been judged: its sums are what they are now.
void sqlite_sums_settle(const struct sqlite_sums *s, struct sqlite_gross *batch);
struct sqlite_rejected {
    int64_t arrival_ms;
    struct text field, code, message;
    struct text raw; // at most ORDER_REJECTED_TEXT_MAX_BYTES of
    size_t raw_bytes;
};
MUST_CHECK enum store_result
sqlite_sums_add_rejected(struct sqlite_sums *s, const struct sqlite_rejected *e, struct error *err);
// The batch's floors are at least these; they only ever grow.
static inline void sqlite_sums_raise_floors(struct sqlite_sums *s, int32_t minute, int32_t hour) {
    if (minute > s->next.minute_floor) {
        s->next.minute_floor = minute;
        s->drop_more = true;
    }
    if (hour > s->next.hour_floor) {
        s->next.hour_floor = hour;
        s->drop_more = true;
    }
}
// Counts the batch (fills its batch_id), drops a step of what is past its retention, and writes
// gross sums, state and which days have changed. Cells, applied before, and next.indexed_below are
// the caller's.
MUST_CHECK bool sqlite_sums_write(struct sqlite_sums *s, struct batch_summary *batch,
                                  const struct sqlite_gross *gross);
MUST_CHECK bool sqlite_sums_write_state(struct sqlite_sums *s);
// COMMIT, with its fsync. Then ask whether it went into a file that is found again, and call
// sqlite_sums_committed.
MUST_CHECK bool sqlite_sums_commit(struct sqlite_sums *s);
MUST_CHECK static inline bool sqlite_sums_in_place(struct sqlite_sums *s, struct error *err) {
    return sqlite_files_in_place(&s->files, s->directory, true, err) &&
           sqlite_files_whole(&s->files, s->db, s->directory, err) &&
           sqlite_directory_keep(s->directory, s->lock_fd, err);
}
void sqlite_sums_committed(struct sqlite_sums *s);
