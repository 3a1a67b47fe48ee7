// SPDX-License-Identifier: MIT
// A tally as bytes: all that a batch adds for one range of one partition of a log, made where the
// range was judged and committed elsewhere (`salestide tally`), together with others. It is an
// aggregates_batch (store/aggregates.h) of one move, and what the batch counted.
//
// Pure: nothing but memory of the handles given; any thread. How the bytes lie is in
// store/tally_format.h.
#pragma once
#include "base/arena.h"
#include "base/buf.h"
#include "store/aggregates.h"

enum { TALLY_RECENT_MAX = 1000 }; // as many of the newest as aggregates keep

struct tally {
    struct position_move move;    // epoch_us: as its maker was told; window: as of `to`
    struct batch_summary summary; // counts, minute_min, minute_max, oldest_arrival_ms; the rest: 0
    int32_t minute_floor, hour_floor;
    const struct cube *cube;
    const struct rejected_event *rejected;
    size_t n_rejected;
    const struct stored_event *recent; // the newest placed orders, oldest first
    size_t n_recent;
    // The newest cancellations and refunds, likewise, but for those that are in `adjustments`.
    const struct stored_event *changes;
    size_t n_changes;
    const struct gross_delta *gross;
    size_t n_gross;
    // Accepted cancellations and refunds whose orders' source and state are still to be looked up
    // in the raw store: in gross and summary.counts, in nothing else. None where there is no raw
    // store: they are in the cube then.
    const struct stored_event *adjustments;
    size_t n_adjustments;
};

// Appends to `out`. False when memory is refused (out->failed), or there is more of something than
// can be written: 2^32 - 1 of each, and bytes in a text.
MUST_CHECK bool tally_write(const struct tally *t, struct buf *out);
// Any bytes are safe, and what does not make sense is refused: `err` tells what. All that `out` has
// is in `arena`; its cells are added to `into` (out->cube is that one). False: `into` is as it was,
// though it may know more dimensions. ERROR_RETRIABLE when memory is refused.
MUST_CHECK bool tally_read(struct text bytes, struct arena *arena, struct cube *into,
                           struct tally *out, struct error *err);
