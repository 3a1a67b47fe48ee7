// SPDX-License-Identifier: MIT
// A block of the index of order ids: some hundred extents, sorted by key, as the bytes of one blob.
// Every entry has the same width, so an id is found by halving, without decoding. No thread, no
// file.
#pragma once
#include "store/sqlite/waiting_ids.h"

// With its row it fills two overflow pages of SQLite to the last few bytes, and leaves the rest of
// the row to a page that it shares with others.
enum { ORDER_BLOCK_BYTES = 8640, ORDER_BLOCK_EXTENTS = 2048 };

// For tests: smaller blocks, so that few ids fill many; 0 is the normal case.
void order_block_set_bytes(size_t bytes);

// Extents that will be a block.
struct order_block_draft {
    struct extent at[ORDER_BLOCK_EXTENTS];
    size_t n;
    int64_t low_position, high_position, longest;
};
// False: it is full, and stays as it was. The key lies behind all that are in it.
MUST_CHECK bool order_block_add(struct order_block_draft *d, const struct extent *e);
// The bytes of a draft that is not empty, which is empty afterwards; how many.
size_t order_block_write(struct order_block_draft *d, uint8_t out[static ORDER_BLOCK_BYTES]);

// A block that is read. Borrows the bytes.
struct order_block {
    const uint8_t *entries;
    size_t n, entry_bytes;
    unsigned key_bytes, position_bytes, n_bytes;
    int64_t first_key, low_position;
};
// False: these are not the bytes that were written.
MUST_CHECK bool order_block_open(const void *bytes, size_t n_bytes, struct order_block *out);
struct extent order_block_extent(const struct order_block *b, size_t i);
// How many extents begin at or before `slot`.
size_t order_block_upto(const struct order_block *b, int64_t slot);
// Position of the slot, 0 when it is not there.
int64_t order_block_find(const struct order_block *b, int64_t slot);
