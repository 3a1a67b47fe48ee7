// SPDX-License-Identifier: MIT
// The Bloom filter of the index of order ids: which slots are in it, and filling it from the file.
#pragma once
#include "store/sqlite/bloom.h"
#include "store/sqlite/sqlite_util.h"
#include "store/sqlite/waiting_ids.h"
#include <stdatomic.h>

// The filter's hash of a slot.
uint64_t order_filter_hash(int64_t slot);

// On any thread, beside another one.
void order_filter_add_extent(struct bloom *b, const struct extent *e);
void order_filter_set_blocks(size_t n); // read at once; for tests, 0: as it is
// Adds all ids of runs in use, through a connection of its own, on any thread. False: `err` says
// why, or that it was stopped.
MUST_CHECK bool order_filter_add_runs(struct bloom *b, const char *directory, const char *vfs,
                                      const atomic_bool *stop, struct error *err);
