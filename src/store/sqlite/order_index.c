// SPDX-License-Identifier: MIT
// The index of order ids, made so that neither random ids (UUIDs) nor hundreds of millions of rows
// slow the writer down. A unique index on the rows would dirty a page for every random id.
//
// It is sorted runs of extents in blocks (order_runs.c), which are written once and merged in
// stretches (order_merge.c). An extent is the ids key .. key+n-1 at the rows position ..
// position+n-1. Integer ids are their own key, so increasing ids fold into few extents; a text's
// key is a negative 63-bit hash, n = 1, and equal hashes are told apart by the row (the next slot
// is tried).
//
// A new id's way:
// 1. The Bloom filter says "certainly new" from one cache line; otherwise the waiting ids and the
//    runs are asked.
// 2. It is added to `fresh`, the ids that wait in memory (waiting_ids.c).
// 3. When fresh has run_length ids, it becomes `frozen`, and a background thread sorts it.
// 4. Each commit writes a stretch of it, in key order, into a new run: blocks one behind the other.
//    Which stretch is planned when the batch has been judged; the next one may be judged while it
//    is written. Each commit also merges a stretch of older runs, in proportion.
// 5. With the last stretch, in one transaction, the run comes into use and indexed_below moves to
//    the first row after it. The plan after that commit forgets `frozen`. Not before: until then
//    readers and the filling of a filter, which have connections of their own, do not see the run.
//    Its memory is emptied by the thread and is the next `fresh`; a larger filter that will be
//    wanted is made ready there as well.
//
// Crash: a run that was not ended is not in use and is given up. At open the ids of all rows from
// indexed_below on are read back (order_index_open.c). A text that is not at its first slot has a
// row in order_displaced, of the same transaction as its order, so that reading back need not ask.
//
// The filter is filled by the background thread with a connection of its own (at open, and in
// double size when the ids outgrow it), while the writer adds new ids to it; until it is full every
// id is looked up in the runs, which is slower and just as right.
#include "base/hash.h"
#include "base/log.h"
#include "store/sqlite/order_index_inside.h"
#include <assert.h>
#include <stdlib.h>

enum {
    RUN_SHORTEST = 1 << 16,
    RUN_LONGEST = 1 << 21,
    MERGED_PER_ID = 4, // more than there are tiers an id goes through: merging keeps up
    MERGED_LEAST = 512,
    TEST_BLOCK_BYTES = 200,
    TEST_BLOCKS_AT_ONCE = 3,
    TEST_BLOCK_IDS = 16, // random ones in a block of that
};

// --- Slots

static uint64_t hash_mask = UINT64_MAX >> 1; // narrowed by tests only

void order_index_set_hash_bits(int bits) {
    hash_mask = bits >= 63 ? UINT64_MAX >> 1 : (UINT64_C(1) << bits) - 1;
}

static size_t run_shortest = RUN_SHORTEST; // likewise

void order_index_set_sizes(size_t run, size_t bloom) {
    run_shortest = run != 0 ? run : RUN_SHORTEST;
    order_index_set_smallest_filter(bloom);
    order_filter_set_blocks(run != 0 ? TEST_BLOCKS_AT_ONCE : 0);
    order_block_set_bytes(run != 0 ? TEST_BLOCK_BYTES : 0);
    order_merge_set_smallest(run != 0 ? 1 + (int64_t)run * 6 / TEST_BLOCK_IDS : 0);
}

size_t order_index_run_length(int64_t n_rows) {
    size_t eighth = (size_t)n_rows / 8;
    return eighth < run_shortest ? run_shortest : eighth > RUN_LONGEST ? RUN_LONGEST : eighth;
}

int64_t order_index_slot(struct ident order_id) {
    if (order_id.num >= 0) {
        return order_id.num;
    }
    return (int64_t)((hash_text(order_id.text, 0) & hash_mask) | UINT64_C(1) << 63);
}

int64_t order_index_next_slot(int64_t slot) {
    return slot == -1 ? INT64_MIN : slot + 1;
}

// --- Asking and adding

void order_index_prefetch(const struct order_index *ix, int64_t slot) {
    if (ix->bloom != NULL) {
        bloom_prefetch(ix->bloom, order_filter_hash(slot));
    }
    waiting_prefetch(&ix->fresh, slot);
}

static int64_t find_waiting(const struct order_index *ix, int64_t slot) {
    int64_t position = waiting_find(&ix->fresh, slot);
    return position != 0 ? position : waiting_find(&ix->frozen, slot);
}

int64_t order_index_find_waiting(struct order_index *ix, int64_t slot) {
    pthread_mutex_lock(&ix->lock);
    int64_t position = find_waiting(ix, slot);
    pthread_mutex_unlock(&ix->lock);
    return position;
}

bool order_index_find(const struct order_index *ix, int64_t slot, int64_t *position) {
    *position = extent_position(slot, ix->open.key, ix->open.position, ix->open.n);
    if (*position != 0) {
        return true;
    }
    if (ix->bloom != NULL && !bloom_maybe(ix->bloom, order_filter_hash(slot))) {
        return true;
    }
    *position = find_waiting(ix, slot); // this thread alone changes the maps: no lock to read
    return *position != 0;
}

// The background thread reads frozen; until it is through nothing may be frozen anew.
static void freeze(struct order_index *ix) {
    pthread_mutex_lock(&ix->lock);
    ix->frozen = ix->fresh;
    ix->fresh = ix->spare;
    ix->spare = (struct waiting){0};
    pthread_mutex_unlock(&ix->lock);
    ix->frozen_below = ix->next_position;
    if (ix->bloom == NULL || (size_t)ix->next_position > bloom_capacity(ix->bloom)) {
        order_index_begin_filter(ix, ix->next_position);
    }
    order_index_start_thread(ix);
}

static void close_open(struct order_index *ix) {
    if (ix->open.n == 0) {
        return;
    }
    if (ix->bloom != NULL) {
        order_filter_add_extent(ix->bloom, &ix->open);
    }
    if (ix->next_bloom != NULL) { // which the background thread fills
        order_filter_add_extent(ix->next_bloom, &ix->open);
    }
    pthread_mutex_lock(&ix->lock);
    waiting_add_up(&ix->fresh, &ix->open);
    pthread_mutex_unlock(&ix->lock);
    ix->open.n = 0;
}

// One that does not continue the open extent. False: no memory.
static bool add_apart(struct order_index *ix, int64_t slot, int64_t position) {
    close_open(ix);
    bool opens = waiting_increases(&ix->fresh, slot), ok; // this thread alone changes it
    pthread_mutex_lock(&ix->lock);
    ok = opens ? waiting_room_up(&ix->fresh) : waiting_add(&ix->fresh, slot, position);
    pthread_mutex_unlock(&ix->lock);
    if (ok && opens) {
        ix->open = (struct extent){slot, position, 1};
        return true;
    }
    uint64_t hash = order_filter_hash(slot);
    if (ix->bloom != NULL) {
        bloom_add_alone(ix->bloom, hash);
    }
    if (ix->next_bloom != NULL) {
        bloom_add(ix->next_bloom, hash);
    }
    return ok;
}

enum store_result order_index_add(struct order_index *ix, int64_t slot, int64_t position,
                                  struct error *err) {
    if (ix->open.n > 0 && extent_goes_on(&ix->open, slot, position)) {
        ix->open.n++;
    } else if (!add_apart(ix, slot, position)) {
        error_set(err, ERROR_RETRIABLE, "out of memory for order ids");
        return STORE_RETRY;
    }
    ix->next_position = position + 1;
    ix->added++;
    return STORE_OK;
}

// --- Writing runs

static void run_is_through(struct order_index *ix) {
    assert(!ix->thread_runs); // it reads frozen
    size_t n_ids = waiting_count(&ix->frozen), n_scattered = ix->frozen.map.n;
    pthread_mutex_lock(&ix->lock);
    waiting_free(&ix->used);
    ix->used = ix->frozen;
    ix->frozen = (struct waiting){0};
    pthread_mutex_unlock(&ix->lock);
    free(ix->run);
    ix->run = NULL;
    ix->run_len = ix->run_at = 0;
    ix->indexed_below = ix->frozen_below;
    ix->run_length = order_index_run_length(ix->next_position);
    // Ids of one shop are of one kind: as many of the next ones will be scattered. What is made
    // ready now is frozen when the run after this one is long enough, which may be longer.
    size_t next_length = order_index_run_length(ix->next_position + (int64_t)ix->run_length);
    size_t n_next = n_scattered * next_length / (n_ids > 0 ? n_ids : 1);
    ix->spare_ids = n_next + n_next / 8;
}

// A filter that may be wanted at the next freezing or the one after it is made ready too. While it
// is filled nothing is frozen, so that more has to wait.
static void begin_room(struct order_index *ix) {
    int64_t n_ids = ix->next_position + (int64_t)ix->run_length * 2;
    bool fits = ix->bloom != NULL && (size_t)n_ids <= bloom_capacity(ix->bloom);
    ix->ready_keys = fits || ix->ready_bloom != NULL ? 0 : order_index_keys_for(n_ids);
    ix->spare_ids *= fits ? 1 : 2;
    ix->want_room = ix->spare_ids > 0 || ix->ready_keys > 0;
    if (ix->want_room) {
        order_index_start_thread(ix);
    }
    if (!ix->thread_runs) {
        ix->want_room = false;
        waiting_free(&ix->used);
    }
}

// Takes extents from the run until they have at least n_ids ids.
static struct index_stretch take_stretch(struct order_index *ix, size_t n_ids) {
    bool more = ix->run != NULL && ix->run_at < ix->run_len;
    struct index_stretch out = {.at = more ? ix->run + ix->run_at : NULL};
    for (size_t taken = 0; ix->run_at < ix->run_len && taken < n_ids; ix->run_at++, out.n++) {
        taken += (size_t)ix->run[ix->run_at].n;
    }
    out.ends = more && ix->run_at == ix->run_len;
    out.indexed_below = out.ends ? ix->frozen_below : ix->indexed_below;
    return out;
}

static enum store_result write_extents(struct order_index *ix, const struct extent *extents,
                                       size_t n, struct error *err) {
    enum store_result result = STORE_OK;
    if (n > 0 && ix->writer.run == 0) {
        result = run_writer_begin(&ix->writer, err);
    }
    for (size_t i = 0; result == STORE_OK && i < n; i++) {
        result = run_writer_add(&ix->writer, &extents[i], err);
    }
    return result;
}

static enum store_result end_run(struct order_index *ix, struct error *err) {
    enum store_result result = run_writer_end(&ix->writer, err);
    order_merge_look(ix->merge);
    return result;
}

enum store_result order_index_write_run(struct order_index *ix, const struct extent *extents,
                                        size_t n, struct error *err) {
    enum store_result result = write_extents(ix, extents, n, err);
    return result == STORE_OK ? end_run(ix, err) : result;
}

enum store_result order_index_write(struct order_index *ix, const struct index_stretch *stretch,
                                    struct error *err) {
    enum store_result result = write_extents(ix, stretch->at, stretch->n, err);
    if (result == STORE_OK && stretch->ends) {
        result = end_run(ix, err);
    }
    return result == STORE_OK && stretch->n_merged > 0
               ? order_merge_step(ix->merge, stretch->n_merged, err)
               : result;
}

enum store_result order_index_displace(struct order_index *ix, int64_t slot, int64_t position,
                                       struct error *err) {
    sqlite3_bind_int64(ix->displace, 1, position);
    sqlite3_bind_int64(ix->displace, 2, slot);
    return sqlite_do(ix->displace) ? STORE_OK : sqlite_failed(ix->db, "indexing order ids", err);
}

void order_index_plan(struct order_index *ix, struct index_stretch *out) {
    close_open(ix); // before the batch is committed, so that readers find what is
    if (ix->thread_runs && atomic_load(&ix->thread_done)) {
        order_index_join_thread(ix);
    }
    if (ix->run != NULL && ix->run_at == ix->run_len) { // its last stretch is committed by now
        run_is_through(ix);
        begin_room(ix);
    }
    // A quarter faster than ids come in, so that a run is through before the next one is full.
    size_t n_ids = waiting_count(&ix->frozen) * ix->added / ix->run_length * 5 / 4 + 16;
    *out = take_stretch(ix, n_ids);
    out->n_merged = ix->added * MERGED_PER_ID + MERGED_LEAST;
    ix->added = 0;
    size_t n_frozen = waiting_count(&ix->frozen);
    if (n_frozen == 0 && !ix->thread_runs && waiting_count(&ix->fresh) >= ix->run_length) {
        freeze(ix);
    } else if (n_frozen > 0 && ix->run == NULL && !ix->thread_runs) {
        order_index_start_thread(ix); // there was no memory for sorting, or no thread
    }
}

// A run of a few ids is worth it only while there are few runs: a writer that is started for each
// small file would make more of them than its commits merge. The next start reads the ids back.
static enum store_result leaves_few(struct order_index *ix, bool *leaves, struct error *err) {
    *leaves = waiting_count(&ix->frozen) == 0 && waiting_count(&ix->fresh) < run_shortest / 4;
    return *leaves ? order_merge_has_many(ix->merge, leaves, err) : STORE_OK;
}

enum store_result order_index_drain_all(struct order_index *ix, int64_t *indexed_below,
                                        struct error *err) {
    bool leaves;
    close_open(ix);
    enum store_result result = leaves_few(ix, &leaves, err);
    atomic_store(&ix->stop, true); // a filter is of no use any more
    while (result == STORE_OK && !leaves &&
           (waiting_count(&ix->fresh) > 0 || waiting_count(&ix->frozen) > 0)) {
        if (ix->thread_runs) { // one at a time: it may still fill the filter
            order_index_join_thread(ix);
        }
        if (waiting_count(&ix->frozen) == 0) {
            freeze(ix);
        }
        if (ix->thread_runs) {
            order_index_join_thread(ix);
        }
        if (ix->run == NULL) {
            error_set(err, ERROR_RETRIABLE, "out of memory while sorting order ids");
            return STORE_RETRY;
        }
        const struct index_stretch all = take_stretch(ix, SIZE_MAX);
        result = order_index_write(ix, &all, err);
        if (result == STORE_OK) {
            run_is_through(ix);
        }
    }
    *indexed_below = ix->indexed_below;
    return result == STORE_OK ? order_merge_pause(ix->merge, err) : result;
}
