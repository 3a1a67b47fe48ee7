// SPDX-License-Identifier: MIT
// Eight integers in a row share a cache line of the filter, so that increasing ids find it in the
// cache.
//
// How it fails: a filter that could not be filled is not used.
#include "store/sqlite/order_filter.h"

#include "base/hash.h"
#include "store/sqlite/order_runs.h"
#include "store/sqlite/sqlite_connect.h"

enum {
    LINE_IDS = 8, // integers in a row that share a cache line
    LINES_AHEAD = 4,
    TEXTS_AHEAD = 16, // each lies in a line of its own, far from the last
    BLOCKS_AT_ONCE = 256,
};
static const uint64_t in_line = (1 << BLOOM_LINE_BITS) - 1;

static size_t blocks_at_once = BLOCKS_AT_ONCE; // fewer for tests only

void order_filter_set_blocks(size_t n) {
    blocks_at_once = n != 0 ? n : BLOCKS_AT_ONCE;
}

static uint64_t line_of(int64_t slot) {
    return hash_u64((uint64_t)slot / LINE_IDS) & ~in_line;
}

uint64_t order_filter_hash(int64_t slot) {
    uint64_t hash = hash_u64((uint64_t)slot);
    return slot < 0 ? hash : line_of(slot) | (hash & in_line);
}

void order_filter_add_extent(struct bloom *b, const struct extent *e) {
    if (e->key < 0) { // a text's
        bloom_add(b, order_filter_hash(e->key));
        return;
    }
    for (int64_t at = e->key, left = e->n; left > 0;) {
        uint64_t hashes[LINE_IDS], line = line_of(at);
        if (left > LINES_AHEAD * LINE_IDS) {
            bloom_prefetch(b, line_of(at + LINES_AHEAD * LINE_IDS));
        }
        size_t n = 0;
        do {
            hashes[n++] = line | (hash_u64((uint64_t)at) & in_line);
            left--;
        } while (left > 0 && ++at % LINE_IDS != 0);
        bloom_add_line(b, hashes, n);
    }
}

// The hash of the block has been looked at before its numbers are believed.
static bool add_block(struct bloom *b, sqlite3_stmt *row, struct error *err) {
    struct order_block block;
    const void *bytes = sqlite3_column_blob(row, 1);
    if (!order_block_open(bytes, (size_t)sqlite3_column_bytes(row, 1), &block)) {
        order_block_damaged(sqlite3_column_int64(row, 0), err);
        return false;
    }
    for (size_t i = 0; i < block.n; i++) {
        const struct extent e = order_block_extent(&block, i);
        if (i + TEXTS_AHEAD < block.n) {
            bloom_prefetch(b, order_filter_hash(order_block_extent(&block, i + TEXTS_AHEAD).key));
        }
        order_filter_add_extent(b, &e);
    }
    return true;
}

// Adds some blocks and goes on behind them. A reader that took all of them at once would keep the
// write-ahead log from starting over for as long, and a commit would have to copy what has grown.
static bool add_some(struct bloom *b, sqlite3_stmt *blocks, int64_t *from, size_t *n,
                     struct error *err) {
    int rc = SQLITE_DONE;
    bool ok = true;
    *n = 0;
    sqlite3_bind_int64(blocks, 1, *from);
    sqlite3_bind_int64(blocks, 2, (int64_t)blocks_at_once);
    while (ok && (rc = sqlite3_step(blocks)) == SQLITE_ROW) {
        *from = sqlite3_column_int64(blocks, 0) + 1;
        ok = add_block(b, blocks, err);
        ++*n;
    }
    if (ok && rc != SQLITE_DONE) {
        sqlite_failed(sqlite3_db_handle(blocks), "filling the filter of known ids", err);
        ok = false;
    }
    sqlite3_reset(blocks);
    return ok;
}

bool order_filter_add_runs(struct bloom *b, const char *directory, const char *vfs,
                           const atomic_bool *stop, struct error *err) {
    sqlite3 *db = NULL;
    sqlite3_stmt *blocks = NULL;
    bool ok = sqlite_connect(directory, vfs, SQLITE_READER, &db, err) &&
              sqlite_prepare(db, order_blocks_from_sql, &blocks, err);
    int64_t from = 0;
    size_t n = blocks_at_once;
    while (ok && n == blocks_at_once) {
        ok = atomic_load(stop)
                 ? error_set(err, ERROR_RETRIABLE, "stopped while filling the filter of known ids")
                 : add_some(b, blocks, &from, &n, err);
    }
    sqlite3_finalize(blocks);
    sqlite3_close(db);
    return ok;
}
