// SPDX-License-Identifier: MIT
// The mapping of the table that the last task has left, for the next one of the same file in this
// process. To be given a large table's pages again, one by one, costs as much as judging does; on a
// disk more.
//
// One at a time, and it goes when another window is opened: no process has more mapped than its
// tasks need. It holds nothing but memory: not the window's lock, nor is it looked at between
// tasks. Where another process has put a larger table in its place by then, the old one's room on
// the disk is free when the mapping goes.
//
// Any thread; nobody waits: where two come at once one of them finds nothing to take, or keeps
// nothing.
#pragma once
#include "base/heap.h"
#include "base/must.h"
#include <stdint.h>

struct window_mapping {
    void *at; // NULL: none
    size_t n_bytes;
    uint64_t device, file; // whose: st_dev, st_ino, which stay its own while it is mapped
};

struct window_kept;
MUST_CHECK struct window_kept *window_kept_new(const struct mem_heap *heap); // NULL: refused
void window_kept_free(struct window_kept *k);                                // NULL is fine

// The mapping is no longer the caller's. `k` NULL: it is unmapped, too.
void window_kept_put(struct window_kept *k, const struct window_mapping *m);
// Where `m` tells of a mapping, but for where it is: that one, which is the caller's now. Else
// NULL, and what was kept is unmapped.
MUST_CHECK void *window_kept_take(struct window_kept *k, const struct window_mapping *m);
// For one who needs no mapping that there is.
void window_kept_drop(struct window_kept *k);
