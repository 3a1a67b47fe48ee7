// SPDX-License-Identifier: MIT
// Eight integers in a row share a cache line of the filter, so that increasing ids find it in the
// cache.
//
// How it fails: a filter that could not be filled is not used.
#include "store/sqlite/order_filter.h"

#include "base/hash.h"
#include "store/sqlite/order_runs.h"
#include "store/sqlite/sqlite_connect.h"

uint64_t order_filter_hash(int64_t slot) {
    const uint64_t in_block = (1 << 18) - 1;
    uint64_t hash = hash_u64((uint64_t)slot);
    return slot < 0 ? hash : (hash_u64((uint64_t)slot >> 3) & ~in_block) | (hash & in_block);
}

void order_filter_add_extents(struct bloom *b, const struct extent *extents, size_t n) {
    for (size_t i = 0; i < n; i++) {
        for (int64_t k = 0; k < extents[i].n; k++) {
            bloom_add(b, order_filter_hash(extents[i].key + k));
        }
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
        order_filter_add_extents(b, &e, 1);
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
