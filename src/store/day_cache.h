// SPDX-License-Identifier: MIT
// Sums of whole days in memory, so that a question about a year need not read a year of cells
// again. Shared by all readers of a process; any thread, under its lock where that is said.
//
// A node holds the sums of 1, 8, 64 or 512 days, aligned, of groups or of products, by their full
// names, and the mark of what those days were when it was made: a hash over what the store notes of
// their changes (day_change in sales_reader.h). Whoever asks names the mark that its own snapshot
// has, so a node of other days, or of an earlier or later state of them, is never taken for it. Its
// bytes are bounded: what was used longest ago goes first.
//
// Names are numbered in the order in which they come; the numbers hold as long as somebody is in
// (enter, leave).
#pragma once
#include "base/buf.h"
#include "store/day_sums.h"

enum { DAY_CACHE_LEVELS = 4, DAY_CACHE_LEVEL_BITS = 3 };

struct day_cache;
// Keeps at most `max_bytes`.
MUST_CHECK struct day_cache *day_cache_new(int64_t max_bytes);
void day_cache_free(struct day_cache *c); // NULL is fine; nobody is in
void day_cache_metrics(struct day_cache *c, struct buf *out);
int64_t day_cache_max_bytes(const struct day_cache *c);

// A question begins. False: this kind has more names than are kept: ask the store.
MUST_CHECK bool day_cache_enter(struct day_cache *c, enum day_kind kind);
void day_cache_leave(struct day_cache *c);
void day_cache_lock(struct day_cache *c);
void day_cache_unlock(struct day_cache *c);

// --- Under the lock, between enter and leave

struct day_place {
    enum day_kind kind;
    int level;     // of 1 << 3 * level days
    int32_t start; // first day
};

// The node there with this mark, which stays until it is let go; NULL: there is none. *other: there
// is one with another mark.
MUST_CHECK const struct day_node *day_cache_find(struct day_cache *c, struct day_place at,
                                                 uint64_t mark, bool *other);
void day_cache_let_go(struct day_cache *c, const struct day_node *node);
// Whether it is there, without using it.
MUST_CHECK bool day_cache_has(struct day_cache *c, struct day_place at, uint64_t mark);

// Both make a node, in the place of one with another mark, and hold it as find does. NULL: no
// memory. Of rows that a store has answered, each of other names; their texts are copied.
MUST_CHECK const struct day_node *day_cache_put(struct day_cache *c, struct day_place at,
                                                uint64_t mark, const struct sales_row *rows,
                                                size_t n);
// Of what was added up from others.
MUST_CHECK const struct day_node *day_cache_put_sums(struct day_cache *c, struct day_place at,
                                                     uint64_t mark, const struct day_sums *sums);

// How many names are numbered; and the names of a number that is (their sums are 0), which may be
// read without the lock and stay as long as somebody is in.
uint32_t day_cache_n_names(const struct day_cache *c, enum day_kind kind);
const struct sales_row *day_cache_name(const struct day_cache *c, enum day_kind kind,
                                       uint32_t number);
