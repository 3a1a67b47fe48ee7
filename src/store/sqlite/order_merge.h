// SPDX-License-Identifier: MIT
// Merging runs of the index of order ids, so that there are few of them, in bounded steps. All of
// it on the writer's connection, inside transactions of whoever commits.
#pragma once
#include "store/sqlite/order_runs.h"

struct order_merge;
// Reads what is there, and gives up a run that was begun and is not of a merge. NULL and `err` on
// failure.
MUST_CHECK struct order_merge *order_merge_open(sqlite3 *db, struct error *err);
void order_merge_close(struct order_merge *m); // NULL is fine
// A run has been ended: it is merged with others some day.
void order_merge_look(struct order_merge *m);
// Merges up to so many extents, and deletes about as many of runs that were merged.
MUST_CHECK enum store_result order_merge_step(struct order_merge *m, size_t n_extents,
                                              struct error *err);

// The writer ends: the merge that is under way, if there is one, goes on from here at the next
// start.
MUST_CHECK enum store_result order_merge_pause(struct order_merge *m, struct error *err);
// *many: the smallest runs are more than are merged together, or are being merged.
MUST_CHECK enum store_result order_merge_has_many(struct order_merge *m, bool *many,
                                                  struct error *err);

// For tests: up to how many blocks a run is of the smallest tier; 0 is the normal case.
void order_merge_set_smallest(int64_t n_blocks);
