// SPDX-License-Identifier: MIT
// Inside of the MySQL aggregates, for its own files: not for other layers.
#pragma once
#include "engine/clock_course.h"
#include "store/claim_doubts.h"
#include "store/mysql/mysql_aggregates.h"
#include "store/mysql/mysql_cells.h"
#include "store/mysql/mysql_projection.h"
#include "store/settings.h"
#include "sums/currency.h"

struct mysql_aggregates {
    struct aggregates base; // first: a struct aggregates * is a struct mysql_aggregates *
    struct mysql_address address;
    struct store_settings settings;
    const struct clock_source *clock;
    struct store_wait *wait;
    bool positions_gone;        // rows of pipeline_positions vanished while they were ours
    struct mysql_connection *c; // NULL while down
    int64_t used_ns;            // monotonic, when the connection was last used
    struct aggregates_state state;
    int64_t *gross_e4; // state.gross_e4
    struct projection *projection;
    struct mysql_cells *cells;
    struct buf sql;             // scratch, empty between statements
    bool drop_more;             // there may be cells below the floors
    struct clock_course course; // for mysql_retention.c, as is
    int64_t believed_from_ms;   // since when it has gone on; 0: no batch yet
    struct claim_doubts doubts;
    int64_t noted; // events accepted when this instance last noted days; -1: not by this connection
};

// mysql_aggregates.c: a connection that answers; one that was silent for long is asked first, and
// opened again where it is gone (nothing is in flight between calls).
MUST_CHECK bool mysql_aggregates_ready(struct mysql_aggregates *s, struct error *err);
// Drops the connection after it was lost, with a log line that says why.
void mysql_aggregates_lost(struct mysql_aggregates *s, const struct error *err);
// A transaction that failed: undone, or the connection dropped where that cannot be.
void mysql_aggregates_roll_back(struct mysql_aggregates *s, const struct error *err);

// mysql_state.c: the row of pipeline_state and the gross sums. Reading: as committed, or within a
// transaction as they will be.
MUST_CHECK bool mysql_state_read(struct mysql_connection *c, struct aggregates_state *out,
                                 struct error *err);
MUST_CHECK bool mysql_gross_read(struct mysql_connection *c, int64_t *gross_e4, struct error *err);
// Counts a batch and raises the floors. From here until COMMIT this transaction is the only one
// that writes: the row is locked.
MUST_CHECK bool mysql_state_count(struct mysql_aggregates *s, const struct aggregates_batch *batch,
                                  const struct batch_summary *summary, struct error *err);
// Adds the batch's gross sums to those read (gross_e4, brought up to date) and writes them. False
// with ERROR_RETRIABLE and *overflow when one would not fit into 64 bits.
MUST_CHECK bool mysql_gross_add(struct mysql_aggregates *s, const struct aggregates_batch *batch,
                                bool *overflow, struct error *err);

// mysql_day_changes.c: notes the days of the sorted cells, `accepted` being all events with this
// batch. *noted: as s->noted, to be kept once the batch is committed.
MUST_CHECK bool mysql_note_days(struct mysql_aggregates *s, const struct batch_summary *summary,
                                int64_t accepted, int64_t *noted, struct error *err);

// mysql_retention.c: a bounded step of dropping what is past its retention; *n_expired rejected
// events were dropped.
MUST_CHECK bool mysql_drop_old(struct mysql_aggregates *s, const struct aggregates_state *state,
                               const struct batch_summary *summary, int64_t *n_expired,
                               struct error *err);

// mysql_claim.c and mysql_commit.c: aggregates_ops.
MUST_CHECK enum store_result mysql_aggregates_claim(struct aggregates *a,
                                                    const struct position_wish *wish,
                                                    struct position_claim *out, bool *lost,
                                                    struct error *err);
MUST_CHECK enum commit_result mysql_aggregates_commit(struct aggregates *a,
                                                      const struct aggregates_batch *batch,
                                                      struct batch_summary *summary,
                                                      struct error *err);
// A pause before a transaction is tried again, random so that two do not meet again: up to 20 ms,
// doubled with each attempt from 0 up to a second.
void mysql_pause(int attempt);
