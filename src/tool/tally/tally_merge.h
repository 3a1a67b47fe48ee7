// SPDX-License-Identifier: MIT
// Tallies brought together into one batch of the aggregates: sums, counts, rejected events, the
// newest orders, gross sums. Cancellations and refunds that are still to be counted are counted
// once it is known where their orders were. One thread.
#pragma once
#include "store/aggregates.h"
#include "store/raw_store.h"
#include "store/split/split_origins.h"
#include "store/tally.h"

struct tally_adjustment {
    struct stored_event event;
    size_t move; // of its partition
};

struct tally_merge {
    struct arena arena; // of all tallies
    struct cube *cube;
    struct position_move *moves; // with the windows that tallies tell
    size_t n_moves;
    struct rejected_event *rejected;
    size_t n_rejected;
    struct stored_event *recent;
    size_t n_recent;
    struct stored_event *changes; // with the newest adjustments, once those are counted
    size_t n_changes;
    struct tally_adjustment *adjustments;
    size_t n_adjustments;
    struct gross_delta *gross;
    size_t n_gross;
    int32_t minute_floor, hour_floor;
    struct batch_summary summary;
    struct split_origins origins;
    bool counted; // the adjustments are
};

// `moves` ascend by partition and are copied; `zone` is borrowed, `tallies` only for the call.
// False: a tally is refused, or is of none of the moves; what was made is to be freed in any case.
MUST_CHECK bool tally_merge_read(struct tally_merge *m, const struct zone *zone,
                                 const struct position_move *moves, size_t n_moves,
                                 const struct text *tallies, size_t n_tallies, struct error *err);
// The adjustments' orders are looked up, and the adjustments are counted; once. RETRY: the raw
// store could not be asked.
MUST_CHECK enum store_result tally_merge_look_up(struct tally_merge *m, struct raw_store *raw,
                                                 struct error *err);
// Borrows from `m`.
struct aggregates_batch tally_merge_batch(const struct tally_merge *m, const char *topic);
void tally_merge_free(struct tally_merge *m); // a zeroed one is fine
