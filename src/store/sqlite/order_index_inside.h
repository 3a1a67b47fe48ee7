// SPDX-License-Identifier: MIT
// Inside of the index of order ids, for its own files.
#pragma once
#include "store/sqlite/order_filter.h"
#include "store/sqlite/order_index.h"
#include "store/sqlite/order_merge.h"
#include <pthread.h>

struct order_index {
    sqlite3 *db;
    const char *directory, *vfs;

    // Of the thread that commits:
    struct run_writer writer;
    struct order_merge *merge;
    sqlite3_stmt *displace;

    // Of the thread that judges:
    pthread_mutex_t lock; // of fresh and frozen as maps, for readers on other threads
    struct waiting fresh, frozen;
    struct extent open; // goes into fresh when the next id does not continue it; n == 0: none
    struct extent *run; // frozen, sorted and folded; NULL until the sorter is through
    size_t run_len, run_at;
    int64_t indexed_below; // rows before it are in runs in use
    int64_t frozen_below;  // rows before it are in runs in use or frozen
    int64_t next_position;
    size_t run_length, added; // in ids

    struct bloom *bloom;      // NULL until the first filling is through
    struct bloom *next_bloom; // being filled

    // What the next freezing will want:
    struct waiting spare;      // empty, with room: the next fresh
    struct bloom *ready_bloom; // NULL: the one in use is large enough, or one is made then
    // Of the thread while it makes them ready:
    struct waiting used; // what was frozen, whose memory is used again
    size_t spare_ids, ready_keys;

    // Background work: one thread at most, started by the writer, joined by it.
    pthread_t thread;
    bool thread_runs;
    atomic_bool thread_done, stop;
    struct extent *sorted; // the thread's result
    size_t n_sorted;
    bool want_bloom, bloom_failed, want_room;
};

// How many ids one run has when there are so many rows.
size_t order_index_run_length(int64_t n_rows);
// For how many keys a filter is made that is wanted at so many ids.
size_t order_index_keys_for(int64_t n_ids);
void order_index_set_smallest_filter(size_t n_keys); // for tests; 0: as it is
// Begins to fill a filter for twice so many ids. New ones go into it from now on.
void order_index_begin_filter(struct order_index *ix, int64_t n_ids);
void order_index_start_thread(struct order_index *ix);
// Takes over what the thread has finished.
void order_index_join_thread(struct order_index *ix);
// Writes extents as a run, from begin to end. Inside a transaction.
MUST_CHECK enum store_result order_index_write_run(struct order_index *ix,
                                                   const struct extent *extents, size_t n,
                                                   struct error *err);
