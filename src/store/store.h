// SPDX-License-Identifier: MIT
// What the engine asks of a store: one const struct of functions. A batch is
//     begin, (find | add | add_rejected)*, commit     or     begin, ..., rollback
// and is atomic: after OK everything of it is durable, otherwise nothing of it is. One thread (the
// engine's) calls; readers use store/sales_reader.h.
#pragma once
#include "base/error.h"
#include "engine/cube.h"
#include "engine/submission.h"
#include "order/order.h"

enum store_result {
    STORE_OK,
    STORE_RETRY, // nothing was stored; reopen and try again later (disk full, I/O error, busy)
    STORE_ERROR, // will not go away by itself
};

// What was counted since the store was made. received = accepted + duplicate + rejected.
struct store_counts {
    int64_t received, accepted, duplicate, rejected;
    int64_t rejected_expired;              // rejected events no longer kept
    int64_t warnings[ORDER_WARNING_KINDS]; // by bit of enum order_warning, of accepted events
};

// One batch as it was committed.
struct batch_summary {
    int64_t batch_id;               // 1, 2, 3, ...
    int64_t committed_ms;           // the clock at commit
    struct store_counts counts;     // of this batch alone
    int32_t minute_min, minute_max; // touched minutes of created_at; min > max when none
};

// What the shop fixed when the store was made: a process started with others is refused.
struct store_settings {
    char currency[4];
    char timezone[64];
    int64_t late_limit_ms;
};

// Where an event stands in its input. From a log: partition << 48 | offset; from a door: 0, the
// store counts for itself.
#define POSITION_OFFSET_BITS 48
static inline int64_t log_position(int32_t partition, int64_t offset) {
    return (int64_t)partition << POSITION_OFFSET_BITS | offset;
}
static inline int32_t log_position_partition(int64_t position) {
    return (int32_t)(position >> POSITION_OFFSET_BITS);
}
static inline int64_t log_position_offset(int64_t position) {
    return position & ((INT64_C(1) << POSITION_OFFSET_BITS) - 1);
}

// An event as the store holds it.
struct stored_event {
    struct order order; // source and state resolved
    int64_t arrival_ms;
    int64_t position; // embedded: in order of acceptance, from 1, per kind (orders; adjustments);
                      // from a log: log_position
};

struct store {
    const struct store_ops *ops;
};

struct store_ops {
    const char *name;
    MUST_CHECK enum store_result (*begin)(struct store *s, struct error *err);
    // A hint that find will be asked for this identity soon. May be NULL.
    void (*prefetch)(struct store *s, const struct order *o);
    // The event with this identity (order_id, kind, event_id) among all committed and those added
    // since begin. *out borrows until the next call; *found tells whether there is one.
    MUST_CHECK enum store_result (*find)(struct store *s, struct ident order_id,
                                         enum order_kind kind, struct text event_id,
                                         struct stored_event *out, bool *found, struct error *err);
    // A new accepted event; find has just said that there is none. `group` is its cube dimension
    // (borrowed for the call), where the store may keep its own key.
    MUST_CHECK enum store_result (*add)(struct store *s, const struct order *o,
                                        struct cube_dim *group, int64_t arrival_ms,
                                        struct error *err);
    // An event that was rejected, with its text.
    MUST_CHECK enum store_result (*add_rejected)(struct store *s, const struct event *e,
                                                 int64_t arrival_ms, struct error *err);
    // Would this event push a sum of its currency past 64 bits? `gross` sums are kept per currency.
    bool (*fits)(struct store *s, const struct order *o);
    // Oldest minute and hour bucket still kept, given the newest arrival; only ever grows.
    void (*floors)(struct store *s, int64_t arrival_ms, int32_t *minute_floor, int32_t *hour_floor);
    // Applies the cube's deltas, counts the batch (fills summary->batch_id) and makes all durable.
    MUST_CHECK enum store_result (*commit)(struct store *s, struct cube *cube,
                                           struct batch_summary *summary, struct error *err);
    void (*rollback)(struct store *s);
    // After RETRY: closes, opens again and checks what is there. OK: ready for begin.
    MUST_CHECK enum store_result (*reopen)(struct store *s, struct error *err);
    void (*counts)(struct store *s, struct store_counts *out); // committed, since it was made
    void (*close)(struct store *s);                            // frees s
};
