// SPDX-License-Identifier: MIT
// Runs of the index of order ids in sales.db: extents sorted by key, in blocks, which nobody
// changes once they are written.
//
//   order_runs    a row for each run: whether it is being written, in use, or given up, so that its
//                 blocks go; the run that it is being merged into; its smallest and largest key
//   order_blocks  their blocks (order_block.h); block = run << 32 | number within the run, key =
//                 first key
//
// An id is in one run in use at most. Everything here is of one connection, one thread at a time.
#pragma once
#include "store/sqlite/order_block.h"
#include "store/sqlite/sqlite_util.h"

extern const char order_runs_sql[]; // makes the tables

enum run_state { RUN_BEGUN, RUN_IN_USE, RUN_GIVEN_UP };

// --- Asking: through a list of the runs in use, which is read once for a snapshot.

struct run_range {
    int64_t run, low, high;
};
struct order_lookup {
    sqlite3_stmt *list, *block;
    struct run_range *runs;
    size_t n, cap;
    bool listed;
};
// On failure what was prepared stays for close.
MUST_CHECK bool order_lookup_open(sqlite3 *db, struct order_lookup *l, struct error *err);
void order_lookup_close(struct order_lookup *l);
// The next question is of another snapshot.
static inline void order_lookup_forget(struct order_lookup *l) {
    l->listed = false;
}
// *position: of the row at this slot; 0: no run in use has it.
MUST_CHECK enum store_result order_lookup_find(struct order_lookup *l, int64_t slot,
                                               int64_t *position, struct error *err);

// --- Writing a run, inside transactions of the caller's

struct run_writer {
    sqlite3 *db;
    sqlite3_stmt *begin, *put, *end;
    int64_t run, n_blocks; // run: 0 when none is being written
    struct extent last;    // that was added
    bool is_open;          // it is in no block yet: the next one may go on where it ends
    struct order_block_draft draft;
    uint8_t bytes[ORDER_BLOCK_BYTES];
};
MUST_CHECK bool run_writer_open(sqlite3 *db, struct run_writer *w, struct error *err);
void run_writer_close(struct run_writer *w);
MUST_CHECK enum store_result run_writer_begin(struct run_writer *w, struct error *err);
// Goes on with one that was begun, behind its last block; *has_last: there is one, and `last` is
// its last extent. `seek`: of order_seek_sql.
MUST_CHECK enum store_result run_writer_resume(struct run_writer *w, int64_t run,
                                               sqlite3_stmt *seek, bool *has_last,
                                               struct error *err);
// Behind all that were added.
MUST_CHECK enum store_result run_writer_add(struct run_writer *w, const struct extent *e,
                                            struct error *err);
// What was added is all in blocks: whoever resumes it goes on behind that.
MUST_CHECK enum store_result run_writer_pause(struct run_writer *w, struct error *err);
// Something was added; the run is in use from now on.
MUST_CHECK enum store_result run_writer_end(struct run_writer *w, struct error *err);

// --- Reading a run from one end to the other

struct run_cursor {
    int64_t run, n_blocks, next;
    struct order_block block;
    size_t at;
    struct extent now; // unless it is at its end
    bool ended;
    uint8_t bytes[ORDER_BLOCK_BYTES];
};
// Gives the bytes of a block: parameter 1 its number.
extern const char order_block_sql[];
// Moves on to the first extent (of a zeroed cursor with run and n_blocks), then to the next.
MUST_CHECK enum store_result run_cursor_next(struct run_cursor *c, sqlite3_stmt *block,
                                             struct error *err);
// Of a zeroed cursor with run and n_blocks: to the first extent behind `key`. `seek`: of
// order_seek_sql, parameters run and key.
extern const char order_seek_sql[];
MUST_CHECK enum store_result run_cursor_seek(struct run_cursor *c, sqlite3_stmt *seek,
                                             sqlite3_stmt *block, int64_t key, struct error *err);

// All blocks of runs in use, in order: block, bytes, key, and of their run low, high, blocks.
extern const char order_all_blocks_sql[];
// The same from block ?1 on, ?2 of them at most. What is merged meanwhile goes into a run with a
// larger number, so who goes on behind the last block misses no id that was in a run at the begin.
extern const char order_blocks_from_sql[];
// The error of a block that is not as it was written.
enum store_result order_block_damaged(int64_t block, struct error *err);
