// SPDX-License-Identifier: MIT
// What `verify` and `rebuild` ask of aggregates whose raw orders are elsewhere: a picture of all of
// them at one moment, and to put back what differs. One thread.
#pragma once
#include "base/url.h"
#include "store/audit/audit_laws.h"

enum { AUDIT_LANES = POSITION_LANE_MAX + 1 }; // as many as a position has room for

// All of the aggregates, from one snapshot.
struct audit_picture {
    struct store_settings settings;
    struct store_counts counts;
    int64_t last_batch_id, newest_batch_id; // of the state; of the list of batches, 0: empty
    int64_t rejected_kept;
    int32_t minute_floor, hour_floor;
    // By lane: a raw order counts if it is before that. 0 or less: nothing of this lane.
    int64_t next_offset[AUDIT_LANES];
    bool lane_is_given[AUDIT_LANES];
    int64_t n_lanes_shared;         // given twice, by an earlier program: two topics in one
    struct cube *cells;             // those inside their retention
    int64_t gross_e4[N_CURRENCIES]; // 0: no row
    int64_t n_gross_unknown;        // rows of currencies that none can be
};

// A cell that is not as it should be.
struct audit_change {
    enum cube_table table;
    int32_t bucket;
    const struct cube_dim *dim;
    const struct measures *have, *want; // NULL: it is not there, it should not be
};

// What rebuild puts right; everything is borrowed for the call.
struct audit_repair {
    const struct audit_change *changes;
    size_t n_changes;
    const int64_t *gross_e4; // by currency_number: all of them
    // Raw events there are. Accepted events beyond that were counted twice (an order in two
    // partitions): they become duplicates.
    int64_t n_events;
};

struct audit_aggregates {
    const struct audit_aggregates_ops *ops;
};

struct audit_aggregates_ops {
    // Fills a zeroed picture; picture->cells is the caller's, empty. Laws that hold within the
    // store alone (a projection and its totals) are checked here.
    MUST_CHECK bool (*read)(struct audit_aggregates *a, struct audit_picture *out,
                            struct laws *laws, struct error *err);
    // In one transaction, which is refused (ERROR_USAGE) when anything was committed since the
    // picture was taken.
    MUST_CHECK bool (*repair)(struct audit_aggregates *a, const struct audit_picture *seen,
                              const struct audit_repair *repair, struct error *err);
    void (*close)(struct audit_aggregates *a); // frees a
};
