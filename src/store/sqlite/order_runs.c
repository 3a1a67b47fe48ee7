// SPDX-License-Identifier: MIT
// Asking, writing and reading runs.
//
// 1. A look-up asks the runs in use one by one, each for the one block that may have the slot. The
//    run that had the last one is asked first: ids that come again came together.
// 2. A writer gathers extents into blocks and stores each that is full; ids that follow each other
//    become one extent on the way. Until its end the run is not in use.
//
// How it fails: what SQLite says; a block that is not as it was written is named (ERROR_FATAL).
#include "store/sqlite/order_runs.h"

#include "base/mem.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

const char order_runs_sql[] =
    "CREATE TABLE order_runs (run INTEGER PRIMARY KEY, state INTEGER NOT NULL, "
    "merged_into INTEGER, blocks INTEGER NOT NULL, low INTEGER NOT NULL, high INTEGER NOT NULL);"
    "CREATE TABLE order_blocks (block INTEGER PRIMARY KEY, run INTEGER NOT NULL, "
    "key INTEGER NOT NULL, extents BLOB NOT NULL);"
    "CREATE UNIQUE INDEX order_block_keys ON order_blocks (run, key);"
    "CREATE TABLE order_displaced (position INTEGER PRIMARY KEY, slot INTEGER NOT NULL);";

const char order_block_sql[] = "SELECT extents FROM order_blocks WHERE block = ?1";

const char order_seek_sql[] =
    "SELECT block, extents FROM order_blocks WHERE run = ?1 AND key <= ?2 "
    "ORDER BY key DESC LIMIT 1";

const char order_all_blocks_sql[] =
    "SELECT b.block, b.extents, b.key, r.low, r.high, r.blocks FROM order_runs r CROSS JOIN "
    "order_blocks b "
    "ON b.block >= r.run << 32 AND b.block < (r.run + 1) << 32 WHERE r.state = 1 "
    "ORDER BY r.run, b.block";

const char order_blocks_from_sql[] =
    "SELECT b.block, b.extents, b.key, r.low, r.high, r.blocks FROM order_runs r CROSS JOIN "
    "order_blocks b "
    "ON b.block >= max(r.run << 32, ?1) AND b.block < (r.run + 1) << 32 "
    "WHERE r.state = 1 AND r.run >= ?1 >> 32 ORDER BY r.run, b.block LIMIT ?2";

enum store_result order_block_damaged(int64_t block, struct error *err) {
    error_set(err, ERROR_FATAL,
              "the index of order ids is damaged: block %lld of order_blocks is not as it was "
              "written; salestide rebuild has it made anew",
              (long long)block);
    return STORE_ERROR;
}

// --- Asking

bool order_lookup_open(sqlite3 *db, struct order_lookup *l, struct error *err) {
    return sqlite_prepare(db, "SELECT run, low, high FROM order_runs WHERE state = 1", &l->list,
                          err) &&
           sqlite_prepare(db, order_seek_sql, &l->block, err);
}

void order_lookup_close(struct order_lookup *l) {
    sqlite3_finalize(l->list);
    sqlite3_finalize(l->block);
    free(l->runs);
    *l = (struct order_lookup){0};
}

static bool list_run(struct order_lookup *l, const struct run_range *r) {
    if (l->n == l->cap) {
        size_t cap = l->cap == 0 ? 32 : l->cap * 2;
        struct run_range *runs = try_realloc(l->runs, cap * sizeof *runs);
        if (runs == NULL) {
            return false;
        }
        l->runs = runs;
        l->cap = cap;
    }
    l->runs[l->n++] = *r;
    return true;
}

static enum store_result list_runs(struct order_lookup *l, struct error *err) {
    int rc = SQLITE_DONE;
    const int64_t first = l->n > 0 ? l->runs[0].run : 0;
    enum store_result result = STORE_OK;
    l->n = 0;
    while (result == STORE_OK && (rc = sqlite3_step(l->list)) == SQLITE_ROW) {
        const struct run_range r = {sqlite3_column_int64(l->list, 0),
                                    sqlite3_column_int64(l->list, 1),
                                    sqlite3_column_int64(l->list, 2)};
        if (!list_run(l, &r)) {
            error_set(err, ERROR_RETRIABLE, "out of memory while looking up an order id");
            result = STORE_RETRY;
        } else if (r.run == first) {
            l->runs[l->n - 1] = l->runs[0];
            l->runs[0] = r;
        }
    }
    if (result == STORE_OK && rc != SQLITE_DONE) {
        result = sqlite_failed(sqlite3_db_handle(l->list), "looking up an order id", err);
    }
    sqlite3_reset(l->list);
    l->listed = result == STORE_OK;
    return result;
}

static enum store_result find_in_run(struct order_lookup *l, int64_t run, int64_t slot,
                                     int64_t *position, struct error *err) {
    struct order_block block;
    sqlite3_bind_int64(l->block, 1, run);
    sqlite3_bind_int64(l->block, 2, slot);
    int rc = sqlite3_step(l->block);
    enum store_result result = STORE_OK;
    if (rc == SQLITE_ROW) {
        const void *bytes = sqlite3_column_blob(l->block, 1);
        size_t n = (size_t)sqlite3_column_bytes(l->block, 1);
        if (order_block_open(bytes, n, &block)) {
            *position = order_block_find(&block, slot);
        } else {
            result = order_block_damaged(sqlite3_column_int64(l->block, 0), err);
        }
    } else if (rc != SQLITE_DONE) {
        result = sqlite_failed(sqlite3_db_handle(l->block), "looking up an order id", err);
    }
    sqlite3_reset(l->block);
    return result;
}

enum store_result order_lookup_find(struct order_lookup *l, int64_t slot, int64_t *position,
                                    struct error *err) {
    *position = 0;
    enum store_result result = l->listed ? STORE_OK : list_runs(l, err);
    for (size_t i = 0; result == STORE_OK && *position == 0 && i < l->n; i++) {
        const struct run_range r = l->runs[i];
        if (slot < r.low || slot > r.high) {
            continue;
        }
        result = find_in_run(l, r.run, slot, position, err);
        if (*position != 0) {
            l->runs[i] = l->runs[0];
            l->runs[0] = r;
        }
    }
    return result;
}

// --- Writing

bool run_writer_open(sqlite3 *db, struct run_writer *w, struct error *err) {
    w->db = db;
    return sqlite_prepare(db, "INSERT INTO order_runs VALUES (NULL, 0, NULL, 0, 0, 0)", &w->begin,
                          err) &&
           sqlite_prepare(db, "INSERT INTO order_blocks VALUES (?1, ?2, ?3, ?4)", &w->put, err) &&
           sqlite_prepare(db,
                          "UPDATE order_runs SET state = 1, blocks = ?2, high = ?3, low = (SELECT "
                          "key FROM order_blocks WHERE block = ?1 << 32) WHERE run = ?1",
                          &w->end, err);
}

void run_writer_close(struct run_writer *w) {
    sqlite3_finalize(w->begin);
    sqlite3_finalize(w->put);
    sqlite3_finalize(w->end);
    w->begin = w->put = w->end = NULL;
}

static enum store_result write_failed(struct run_writer *w, struct error *err) {
    return sqlite_failed(w->db, "indexing order ids", err);
}

enum store_result run_writer_begin(struct run_writer *w, struct error *err) {
    assert(w->run == 0);
    if (!sqlite_do(w->begin)) {
        return write_failed(w, err);
    }
    w->run = sqlite3_last_insert_rowid(w->db);
    w->n_blocks = 0;
    w->draft.n = 0;
    w->is_open = false;
    return STORE_OK;
}

enum store_result run_writer_resume(struct run_writer *w, int64_t run, sqlite3_stmt *seek,
                                    bool *has_last, struct error *err) {
    sqlite3_bind_int64(seek, 1, run);
    sqlite3_bind_int64(seek, 2, INT64_MAX);
    int rc = sqlite3_step(seek);
    enum store_result result = STORE_OK;
    w->run = run;
    w->n_blocks = 0;
    w->draft.n = 0;
    w->is_open = false;
    *has_last = rc == SQLITE_ROW;
    if (rc == SQLITE_ROW) {
        struct order_block block;
        const int64_t number = sqlite3_column_int64(seek, 0);
        const void *bytes = sqlite3_column_blob(seek, 1);
        w->n_blocks = (number & UINT32_MAX) + 1;
        if (order_block_open(bytes, (size_t)sqlite3_column_bytes(seek, 1), &block)) {
            w->last = order_block_extent(&block, block.n - 1);
        } else {
            result = order_block_damaged(number, err);
        }
    } else if (rc != SQLITE_DONE) {
        result = write_failed(w, err);
    }
    sqlite3_reset(seek);
    return result;
}

static enum store_result put_block(struct run_writer *w, struct error *err) {
    const int64_t key = w->draft.at[0].key;
    size_t n = order_block_write(&w->draft, w->bytes);
    sqlite3_bind_int64(w->put, 1, w->run << 32 | w->n_blocks++);
    sqlite3_bind_int64(w->put, 2, w->run);
    sqlite3_bind_int64(w->put, 3, key);
    sqlite3_bind_blob(w->put, 4, w->bytes, (int)n, SQLITE_STATIC);
    return sqlite_do(w->put) ? STORE_OK : write_failed(w, err);
}

static enum store_result put_last(struct run_writer *w, struct error *err) {
    enum store_result result = STORE_OK;
    if (w->is_open && !order_block_add(&w->draft, &w->last)) {
        result = put_block(w, err);
        bool added = order_block_add(&w->draft, &w->last); // into an empty one
        assert(added);
        UNUSED(added);
    }
    return result;
}

enum store_result run_writer_add(struct run_writer *w, const struct extent *e, struct error *err) {
    if (w->is_open && extent_goes_on(&w->last, e->key, e->position)) {
        w->last.n += e->n;
        return STORE_OK;
    }
    enum store_result result = put_last(w, err);
    w->last = *e;
    w->is_open = true;
    return result;
}

enum store_result run_writer_pause(struct run_writer *w, struct error *err) {
    enum store_result result = put_last(w, err);
    w->is_open = false;
    return result == STORE_OK && w->draft.n > 0 ? put_block(w, err) : result;
}

enum store_result run_writer_end(struct run_writer *w, struct error *err) {
    assert(w->is_open || w->n_blocks > 0);
    enum store_result result = run_writer_pause(w, err);
    sqlite3_bind_int64(w->end, 1, w->run);
    sqlite3_bind_int64(w->end, 2, w->n_blocks);
    sqlite3_bind_int64(w->end, 3, w->last.key + (w->last.n - 1));
    w->run = 0;
    return result != STORE_OK || sqlite_do(w->end) ? result : write_failed(w, err);
}

// --- Reading

static enum store_result next_block(struct run_cursor *c, sqlite3_stmt *block, struct error *err) {
    const int64_t number = c->run << 32 | c->next++;
    sqlite3_bind_int64(block, 1, number);
    int rc = sqlite3_step(block);
    const void *bytes = rc == SQLITE_ROW ? sqlite3_column_blob(block, 0) : NULL;
    size_t n = bytes != NULL ? (size_t)sqlite3_column_bytes(block, 0) : 0;
    bool fits = n > 0 && n <= sizeof c->bytes;
    if (fits) {
        memcpy(c->bytes, bytes, n);
    }
    enum store_result result = STORE_OK;
    if (rc != SQLITE_ROW && rc != SQLITE_DONE) {
        result = sqlite_failed(sqlite3_db_handle(block), "merging order ids", err);
    } else if (!fits || !order_block_open(c->bytes, n, &c->block)) {
        result = order_block_damaged(number, err);
    }
    sqlite3_reset(block);
    c->at = 0;
    return result;
}

enum store_result run_cursor_next(struct run_cursor *c, sqlite3_stmt *block, struct error *err) {
    if (c->at == c->block.n) {
        c->ended = c->next == c->n_blocks;
        enum store_result result = c->ended ? STORE_OK : next_block(c, block, err);
        if (c->ended || result != STORE_OK) {
            return result;
        }
    }
    c->now = order_block_extent(&c->block, c->at++);
    return STORE_OK;
}

enum store_result run_cursor_seek(struct run_cursor *c, sqlite3_stmt *seek, sqlite3_stmt *block,
                                  int64_t key, struct error *err) {
    sqlite3_bind_int64(seek, 1, c->run);
    sqlite3_bind_int64(seek, 2, key);
    int rc = sqlite3_step(seek);
    c->next = rc == SQLITE_ROW ? sqlite3_column_int64(seek, 0) & UINT32_MAX : 0;
    enum store_result result =
        rc == SQLITE_ROW || rc == SQLITE_DONE
            ? run_cursor_next(c, block, err)
            : sqlite_failed(sqlite3_db_handle(seek), "merging order ids", err);
    sqlite3_reset(seek);
    while (result == STORE_OK && !c->ended && c->now.key <= key) {
        result = run_cursor_next(c, block, err);
    }
    return result;
}
