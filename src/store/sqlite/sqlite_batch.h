// SPDX-License-Identifier: MIT
// One batch of the embedded store: everything that judging has decided, in memory, and what it is
// committed with. Whoever judges fills it; from commit_begin on whoever commits reads it, while the
// judging thread may look things up in it; nobody changes it until it is cleared for another one.
#pragma once
#include "store/sqlite/order_index.h"
#include "store/sqlite/sqlite_pending.h"
#include "store/sqlite/sqlite_sums.h"

struct pending_adjustment {
    struct pending_order row;
    uint32_t next; // of the same slot: index + 1; 0: none
};

struct pending_doubt {
    int kind;
    struct ident order_id;
};

struct sqlite_batch {
    struct arena texts;           // of all but the orders
    struct pending_orders orders; // at the positions first_order, ...
    struct pending_adjustment *adjustments;
    struct sqlite_rejected *rejected;
    struct pending_doubt *doubts;
    struct id_entry *displaced; // texts that are not at their first slot in the index
    size_t n_adjustments, cap_adjustments, n_rejected, cap_rejected, n_doubts, cap_doubts;
    size_t n_displaced, cap_displaced;
    struct id_map by_order;                // slots of order ids to the first adjustment, index + 1
    struct sqlite_gross gross;             // sums that it changes
    int64_t first_order, first_adjustment; // positions
    bool begun;                            // its transaction

    // From commit_begin on:
    int32_t minute_floor, hour_floor;
    struct index_stretch ids;
    struct cube *cube;             // lent
    struct batch_summary *summary; // likewise
};

void sqlite_batch_init(struct sqlite_batch *b);
void sqlite_batch_free(struct sqlite_batch *b);
// For a new batch, whose first order and adjustment get these positions.
void sqlite_batch_clear(struct sqlite_batch *b, int64_t first_order, int64_t first_adjustment);

// All of them copy. False when memory is refused: the batch has failed.
MUST_CHECK bool sqlite_batch_add_adjustment(struct sqlite_batch *b, const struct order *o,
                                            const struct cube_dim *group, int64_t arrival_ms);
MUST_CHECK bool sqlite_batch_add_rejected(struct sqlite_batch *b, const struct event *e);
// Where an order stands in the index, when that is not its first slot.
MUST_CHECK bool sqlite_batch_note_slot(struct sqlite_batch *b, struct ident order_id, int64_t slot,
                                       int64_t position);
MUST_CHECK bool sqlite_batch_add_doubt(struct sqlite_batch *b, int kind, struct ident order_id);

// The order at a position, if it is one of this batch's. Texts borrow from the batch.
bool sqlite_batch_order(const struct sqlite_batch *b, int64_t position, struct stored_event *out);
// The adjustment with the identity of `o`. Likewise.
bool sqlite_batch_adjustment(const struct sqlite_batch *b, const struct order *o,
                             struct stored_event *out);
// What its adjustments take back of an order, in one currency.
int64_t sqlite_batch_taken(const struct sqlite_batch *b, const struct order *o);
