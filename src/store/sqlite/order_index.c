// SPDX-License-Identifier: MIT
// The index of order ids, made so that neither random ids (UUIDs) nor hundreds of millions of rows
// slow the writer down. A unique index on the rows would dirty a page for every random id.
//
// Table order_index (key, position, n): the ids key .. key+n-1 are the rows position ..
// position+n-1. Integer ids are their own key, so increasing ids fold into few extents; a text's
// key is a negative 63-bit hash, n = 1, and equal hashes are told apart by the row (the next slot
// is tried).
//
// A new id's way:
// 1. The Bloom filter says "certainly new" from one cache line; otherwise the waiting ids and the
//    table are asked.
// 2. It is added to `fresh`, the ids that wait in memory (waiting_ids.c).
// 3. When fresh has run_length ids, it becomes `frozen`, and a background thread sorts it into
// `run`.
// 4. Each commit moves a stretch of the run, in key order, into the table: neighbouring pages.
// Which
//    one is planned when the batch has been judged; the next one may be judged while it is written.
// 5. The commit after the last stretch moves indexed_below up to the first row after the run and
//    forgets `frozen`. Not before: until the last stretch is committed, readers and the filling of
//    a filter, which have connections of their own, do not see it in the table.
//
// Crash: the table may hold part of a run. At open, the ids of all rows from indexed_below on are
// read back into fresh and take the same way again; writing an extent first deletes what lies
// inside it, so doing it twice gives the same.
//
// The filter is filled by the background thread with a connection of its own (at open, and in
// double size when the ids outgrow it), while the writer adds new ids to it; until it is full every
// id is looked up in the table, which is slower and just as right.
#include "store/sqlite/order_index.h"

#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/sqlite/bloom.h"
#include "store/sqlite/sqlite_schema.h"
#include "store/sqlite/waiting_ids.h"
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum {
    RUN_SHORTEST = 1 << 16,
    RUN_LONGEST = 1 << 21,
    BLOOM_SMALLEST = 1 << 20,
};

const char order_index_extent_sql[] =
    "SELECT key, position, n FROM order_index WHERE key <= ?1 ORDER BY key DESC LIMIT 1";

struct order_index {
    sqlite3 *db;
    const char *directory, *vfs;
    sqlite3_stmt *clear, *put; // of the thread that commits

    pthread_mutex_t lock; // of fresh and frozen as maps, for readers on other threads
    struct waiting fresh, frozen;
    struct extent *run; // frozen, sorted and folded; NULL until the sorter is through
    size_t run_len, run_at;
    int64_t indexed_below; // rows before it are in the table
    int64_t frozen_below;  // rows before it are in the table or frozen
    int64_t next_position;
    size_t run_length, added; // in ids

    struct bloom *bloom;      // NULL until the first filling is through
    struct bloom *next_bloom; // being filled

    // Background work: one thread at most, started by the writer, joined by it.
    pthread_t thread;
    bool thread_runs;
    atomic_bool thread_done, stop;
    struct extent *sorted; // the thread's result
    size_t n_sorted;
    bool want_bloom, bloom_failed;
};

// --- Slots

static uint64_t hash_mask = UINT64_MAX >> 1; // narrowed by tests only

void order_index_set_hash_bits(int bits) {
    hash_mask = bits >= 63 ? UINT64_MAX >> 1 : (UINT64_C(1) << bits) - 1;
}

static size_t run_shortest = RUN_SHORTEST, bloom_smallest = BLOOM_SMALLEST; // likewise

void order_index_set_sizes(size_t run, size_t bloom) {
    run_shortest = run != 0 ? run : RUN_SHORTEST;
    bloom_smallest = bloom != 0 ? bloom : BLOOM_SMALLEST;
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

// The filter's hash of a slot: eight integers in a row share a cache line of the filter, so that
// increasing ids find it in the cache.
static uint64_t filter_hash(int64_t slot) {
    const uint64_t in_block = (1 << 18) - 1;
    uint64_t hash = hash_u64((uint64_t)slot);
    return slot < 0 ? hash : (hash_u64((uint64_t)slot >> 3) & ~in_block) | (hash & in_block);
}

// --- The background thread: sorts the frozen ids, and fills a filter from them and from the table.

static void fill_from_extents(struct order_index *ix, const struct extent *extents, size_t n) {
    for (size_t i = 0; i < n; i++) {
        for (int64_t k = 0; k < extents[i].n; k++) {
            bloom_add(ix->next_bloom, filter_hash(extents[i].key + k));
        }
    }
}

static bool fill_from_table(struct order_index *ix) {
    struct error err;
    sqlite3 *db = NULL;
    sqlite3_stmt *all = NULL;
    bool ok = sqlite_connect(ix->directory, ix->vfs, SQLITE_READER, &db, &err) &&
              sqlite_prepare(db, "SELECT key, n FROM order_index", &all, &err);
    int rc = SQLITE_ERROR;
    while (ok && !atomic_load(&ix->stop) && (rc = sqlite3_step(all)) == SQLITE_ROW) {
        int64_t key = sqlite3_column_int64(all, 0), n = sqlite3_column_int64(all, 1);
        for (int64_t i = 0; i < n; i++) {
            bloom_add(ix->next_bloom, filter_hash(key + i));
        }
    }
    if (ok && rc != SQLITE_DONE && !atomic_load(&ix->stop)) {
        sqlite_failed(db, "filling the filter of known ids", &err);
    }
    sqlite3_finalize(all);
    sqlite3_close(db);
    if (rc != SQLITE_DONE && !atomic_load(&ix->stop)) {
        log_warn("store", "%s; ids are looked up in the table meanwhile", err.text);
    }
    return rc == SQLITE_DONE;
}

static void *background(void *user) {
    struct order_index *ix = user;
    if (waiting_count(&ix->frozen) > 0 && ix->run == NULL) {
        // NULL, without memory: the writer tries again later.
        ix->sorted = waiting_sorted(&ix->frozen, &ix->n_sorted);
        if (ix->want_bloom && ix->sorted != NULL) {
            fill_from_extents(ix, ix->sorted, ix->n_sorted);
        }
    }
    if (ix->want_bloom) {
        bool frozen_in = waiting_count(&ix->frozen) == 0 || ix->sorted != NULL;
        ix->bloom_failed = !frozen_in || !fill_from_table(ix);
    }
    atomic_store(&ix->thread_done, true);
    return NULL;
}

static void start_background(struct order_index *ix) {
    assert(!ix->thread_runs);
    atomic_store(&ix->thread_done, false);
    ix->sorted = NULL;
    ix->thread_runs = pthread_create(&ix->thread, NULL, background, ix) == 0;
    if (ix->thread_runs) {
        pthread_setname_np(ix->thread, "index");
    }
}

// Takes over what the thread has finished. The writer's thread.
static void finish_background(struct order_index *ix) {
    pthread_join(ix->thread, NULL);
    ix->thread_runs = false;
    if (ix->sorted != NULL) {
        ix->run = ix->sorted;
        ix->run_len = ix->n_sorted;
        ix->run_at = 0;
        ix->sorted = NULL;
    }
    if (ix->want_bloom) {
        ix->want_bloom = false;
        if (ix->bloom_failed) {
            bloom_free(ix->next_bloom);
        } else {
            bloom_free(ix->bloom);
            ix->bloom = ix->next_bloom;
        }
        ix->next_bloom = NULL;
    }
}

// --- Opening

static size_t run_length_for(int64_t n_rows) {
    size_t eighth = (size_t)n_rows / 8;
    return eighth < run_shortest ? run_shortest : eighth > RUN_LONGEST ? RUN_LONGEST : eighth;
}

// Begins to fill a filter for twice the ids there are. New ids go into it from now on.
static void begin_bloom(struct order_index *ix) {
    size_t n_keys = (size_t)ix->next_position * 2;
    bloom_free(ix->next_bloom); // one whose thread could not be started
    ix->next_bloom = bloom_new(n_keys < bloom_smallest ? bloom_smallest : n_keys);
    ix->want_bloom = ix->next_bloom != NULL; // without memory for it: slower, and just as right
}

// The slot of a row's text from its first slot on: its own entry may be in the table already; slots
// of other texts are passed over.
static bool own_slot(struct order_index *ix, sqlite3_stmt *extents, int64_t position, int64_t *slot,
                     struct error *err) {
    for (;;) {
        int64_t taken;
        if (!order_index_find(ix, *slot, &taken) &&
            order_index_find_in_table(extents, *slot, &taken, err) != STORE_OK) {
            return false;
        }
        if (taken == 0 || taken == position) {
            return true;
        }
        *slot = order_index_next_slot(*slot);
    }
}

// The ids of all rows that the table may not have.
static bool read_back(struct order_index *ix, struct error *err) {
    sqlite3_stmt *rows = NULL, *extents = NULL;
    if (!sqlite_prepare(ix->db,
                        "SELECT position, order_id FROM order_rows WHERE position >= ?1 "
                        "ORDER BY position",
                        &rows, err) ||
        !sqlite_prepare(ix->db, order_index_extent_sql, &extents, err)) {
        sqlite3_finalize(rows);
        return false;
    }
    sqlite3_bind_int64(rows, 1, ix->indexed_below);
    int rc;
    while ((rc = sqlite3_step(rows)) == SQLITE_ROW) {
        int64_t position = sqlite3_column_int64(rows, 0);
        int64_t slot = order_index_slot(sqlite_column_ident(rows, 1));
        if (slot < 0 && !own_slot(ix, extents, position, &slot, err)) {
            break;
        }
        ix->next_position = position + 1;
        if (!waiting_add(&ix->fresh, slot, position)) {
            error_set(err, ERROR_RETRIABLE, "out of memory while reading back order ids");
            break;
        }
        if (ix->next_bloom != NULL) {
            bloom_add(ix->next_bloom, filter_hash(slot));
        }
    }
    if (rc != SQLITE_DONE && rc != SQLITE_ROW) {
        sqlite_failed(ix->db, "reading back order ids", err);
    }
    sqlite3_finalize(rows);
    sqlite3_finalize(extents);
    return rc == SQLITE_DONE;
}

struct order_index *order_index_open(sqlite3 *db, const char *directory, const char *vfs,
                                     int64_t indexed_below, struct error *err) {
    struct order_index *ix = mem_zalloc(1, sizeof *ix);
    ix->db = db;
    ix->directory = directory;
    ix->vfs = vfs;
    ix->indexed_below = indexed_below;
    ix->next_position = indexed_below;
    pthread_mutex_init(&ix->lock, NULL);
    if (!sqlite_prepare(db, "DELETE FROM order_index WHERE key > ?1 AND key <= ?2", &ix->clear,
                        err) ||
        !sqlite_prepare(db, "INSERT OR REPLACE INTO order_index VALUES (?1, ?2, ?3)", &ix->put,
                        err)) {
        order_index_close(ix);
        return NULL;
    }
    begin_bloom(ix);
    if (!read_back(ix, err)) {
        order_index_close(ix);
        return NULL;
    }
    ix->frozen_below = indexed_below;
    ix->run_length = run_length_for(ix->next_position);
    start_background(ix);
    return ix;
}

void order_index_close(struct order_index *ix) {
    if (ix == NULL) {
        return;
    }
    atomic_store(&ix->stop, true);
    if (ix->thread_runs) {
        finish_background(ix);
    }
    sqlite3_finalize(ix->clear);
    sqlite3_finalize(ix->put);
    bloom_free(ix->bloom);
    bloom_free(ix->next_bloom);
    waiting_free(&ix->fresh);
    waiting_free(&ix->frozen);
    free(ix->run);
    pthread_mutex_destroy(&ix->lock);
    free(ix);
}

// --- Asking and adding

void order_index_prefetch(const struct order_index *ix, int64_t slot) {
    if (ix->bloom != NULL) {
        bloom_prefetch(ix->bloom, filter_hash(slot));
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

enum store_result order_index_find_in_table(sqlite3_stmt *extents, int64_t slot, int64_t *position,
                                            struct error *err) {
    *position = 0;
    sqlite3_bind_int64(extents, 1, slot);
    int rc = sqlite3_step(extents);
    if (rc == SQLITE_ROW) {
        *position =
            extent_position(slot, sqlite3_column_int64(extents, 0),
                            sqlite3_column_int64(extents, 1), sqlite3_column_int64(extents, 2));
    }
    enum store_result result =
        rc == SQLITE_ROW || rc == SQLITE_DONE
            ? STORE_OK
            : sqlite_failed(sqlite3_db_handle(extents), "looking up an order id", err);
    sqlite3_reset(extents);
    return result;
}

bool order_index_find(const struct order_index *ix, int64_t slot, int64_t *position) {
    *position = 0;
    if (ix->bloom != NULL && !bloom_maybe(ix->bloom, filter_hash(slot))) {
        return true;
    }
    *position = find_waiting(ix, slot); // this thread alone changes the maps: no lock to read
    return *position != 0;
}

// The background thread reads frozen; until it is through nothing may be frozen anew.
static void freeze(struct order_index *ix) {
    pthread_mutex_lock(&ix->lock);
    ix->frozen = ix->fresh;
    ix->fresh = (struct waiting){0};
    // As much room as the last run took: ids of one shop are of one kind.
    waiting_reserve(&ix->fresh, ix->frozen.map.n + ix->frozen.map.n / 4);
    pthread_mutex_unlock(&ix->lock);
    ix->frozen_below = ix->next_position;
    if (ix->bloom == NULL || (size_t)ix->next_position > bloom_capacity(ix->bloom)) {
        begin_bloom(ix);
    }
    start_background(ix);
}

enum store_result order_index_add(struct order_index *ix, int64_t slot, int64_t position,
                                  struct error *err) {
    uint64_t hash = filter_hash(slot);
    if (ix->bloom != NULL) {
        bloom_add(ix->bloom, hash);
    }
    if (ix->next_bloom != NULL) {
        bloom_add(ix->next_bloom, hash);
    }
    pthread_mutex_lock(&ix->lock);
    bool added = waiting_add(&ix->fresh, slot, position);
    pthread_mutex_unlock(&ix->lock);
    if (!added) {
        error_set(err, ERROR_RETRIABLE, "out of memory for order ids");
        return STORE_RETRY;
    }
    ix->next_position = position + 1;
    ix->added++;
    return STORE_OK;
}

// --- Moving ids into the table

static bool put_extent(struct order_index *ix, const struct extent *e) {
    if (e->n > 1) { // what a run before a crash left inside this extent
        sqlite3_bind_int64(ix->clear, 1, e->key);
        sqlite3_bind_int64(ix->clear, 2, e->key + e->n - 1);
        if (!sqlite_do(ix->clear)) {
            return false;
        }
    }
    sqlite3_bind_int64(ix->put, 1, e->key);
    sqlite3_bind_int64(ix->put, 2, e->position);
    sqlite3_bind_int64(ix->put, 3, e->n);
    return sqlite_do(ix->put);
}

static void run_is_through(struct order_index *ix) {
    assert(!ix->thread_runs); // it reads frozen
    pthread_mutex_lock(&ix->lock);
    waiting_free(&ix->frozen);
    pthread_mutex_unlock(&ix->lock);
    free(ix->run);
    ix->run = NULL;
    ix->run_len = ix->run_at = 0;
    ix->indexed_below = ix->frozen_below;
    ix->run_length = run_length_for(ix->next_position);
}

// Takes extents from the run until they have at least n_ids ids.
static struct index_stretch take_stretch(struct order_index *ix, size_t n_ids) {
    struct index_stretch out = {.at = ix->run != NULL ? ix->run + ix->run_at : NULL};
    for (size_t taken = 0; ix->run_at < ix->run_len && taken < n_ids; ix->run_at++, out.n++) {
        taken += (size_t)ix->run[ix->run_at].n;
    }
    return out;
}

enum store_result order_index_write(struct order_index *ix, const struct index_stretch *stretch,
                                    struct error *err) {
    for (size_t i = 0; i < stretch->n; i++) {
        if (!put_extent(ix, &stretch->at[i])) {
            return sqlite_failed(ix->db, "indexing order ids", err);
        }
    }
    return STORE_OK;
}

void order_index_plan(struct order_index *ix, struct index_stretch *out) {
    if (ix->thread_runs && atomic_load(&ix->thread_done)) {
        finish_background(ix);
    }
    if (ix->run != NULL && ix->run_at == ix->run_len) { // its last stretch is committed by now
        run_is_through(ix);
    }
    // A quarter faster than ids come in, so that a run is through before the next one is full.
    size_t n_ids = waiting_count(&ix->frozen) * ix->added / ix->run_length * 5 / 4 + 16;
    *out = take_stretch(ix, n_ids);
    ix->added = 0;
    size_t n_frozen = waiting_count(&ix->frozen);
    if (n_frozen == 0 && !ix->thread_runs && waiting_count(&ix->fresh) >= ix->run_length) {
        freeze(ix);
    } else if (n_frozen > 0 && ix->run == NULL && !ix->thread_runs) {
        start_background(ix); // there was no memory for sorting, or no thread
    }
    out->indexed_below = ix->indexed_below;
}

enum store_result order_index_drain_all(struct order_index *ix, int64_t *indexed_below,
                                        struct error *err) {
    enum store_result result = STORE_OK;
    atomic_store(&ix->stop, true); // a filter is of no use any more
    while (result == STORE_OK &&
           (waiting_count(&ix->fresh) > 0 || waiting_count(&ix->frozen) > 0)) {
        if (ix->thread_runs) { // one at a time: it may still fill the filter
            finish_background(ix);
        }
        if (waiting_count(&ix->frozen) == 0) {
            freeze(ix);
        }
        if (ix->thread_runs) {
            finish_background(ix);
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
    return result;
}
