// SPDX-License-Identifier: MIT
// Sums by name, and the ranking of the biggest. One owner; a zeroed struct is valid and empty.
#pragma once
#include "base/arena.h"
#include "live/live_figures.h"

struct live_groups {
    struct arena names;
    struct live_group *table;
    size_t n, cap; // cap: a power of two, at least twice n
};

void live_sum_add(struct live_sum *sum, const struct measures *m);
void live_sum_more(struct live_sum *sum, const struct live_sum *more);
// Adds to the group of this name, which is copied. Dies when out of memory: the caller has bounded
// how many there can be.
void live_groups_add(struct live_groups *g, struct text name, const struct measures *m);
// Replaces `out` by the ranking of all groups.
void live_groups_rank(const struct live_groups *g, struct live_ranking *out);
void live_groups_free(struct live_groups *g);
