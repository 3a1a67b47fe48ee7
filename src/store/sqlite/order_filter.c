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
};
static const uint64_t in_line = (1 << BLOOM_LINE_BITS) - 1;

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
        order_filter_add_extent(b, &e);
    }
    return true;
}

bool order_filter_add_runs(struct bloom *b, const char *directory, const char *vfs,
                           const atomic_bool *stop, struct error *err) {
    sqlite3 *db = NULL;
    sqlite3_stmt *all = NULL;
    bool ok = sqlite_connect(directory, vfs, SQLITE_READER, &db, err) &&
              sqlite_prepare(db, order_all_blocks_sql, &all, err);
    int rc = SQLITE_DONE;
    while (ok && !atomic_load(stop) && (rc = sqlite3_step(all)) == SQLITE_ROW) {
        ok = add_block(b, all, err);
    }
    if (ok && atomic_load(stop)) {
        ok = error_set(err, ERROR_RETRIABLE, "stopped while filling the filter of known ids");
    } else if (ok && rc != SQLITE_DONE) {
        sqlite_failed(db, "filling the filter of known ids", err);
        ok = false;
    }
    sqlite3_finalize(all);
    sqlite3_close(db);
    return ok;
}
