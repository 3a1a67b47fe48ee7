// SPDX-License-Identifier: MIT
// What the engine asks of every store: one const struct of functions. A batch is
//     begin, judging, commit_begin, commit_finish
//  or begin, ..., rollback
// where judging is, for each list of submissions,
//     prepare, (known | origin | add | add_rejected)*, judged
// and is atomic: after commit_finish's OK everything of it is durable, otherwise nothing of it is.
// One thread (the engine's) calls; readers use store/sales_reader.h.
//
// Two batches in flight, where the store has taken the commit aside: from commit_begin to
// commit_finish of one, the next may begin and be judged, no more. It knows everything of the one
// on its way, and falls with it when that fails.
//
// Nothing of a submission is borrowed for longer than until judged: a store copies what it keeps,
// so submissions can be given back then. The cube is lent from commit_begin to commit_finish; its
// dimensions live from the first add on.
//
// What a store does besides when its input is a log is engine/log_store.h.
#pragma once
#include "base/error.h"
#include "engine/submission.h"
#include "order/order.h"
#include "sums/cube.h"
#include "sums/origin.h"
#include "window/known.h"
#include <string.h>

enum store_result {
    STORE_OK,
    STORE_RETRY, // nothing was stored; reopen and try again later (disk full, I/O error, busy)
    STORE_ERROR, // will not go away by itself
};

// Warnings of what is taken back: how many, and whose the newest were.
enum { DOUBTS_SHOWN = 3 };
struct store_doubt {
    int64_t n;
    char newest[DOUBTS_SHOWN][ORDER_ID_MAX + 1]; // order ids, newest first; "" beyond the last
};
static inline void store_doubt_note(struct store_doubt *d, struct text order_id) {
    memmove(d->newest[1], d->newest[0], sizeof d->newest - sizeof d->newest[0]);
    size_t n = order_id.len <= ORDER_ID_MAX ? order_id.len : ORDER_ID_MAX;
    memcpy(d->newest[0], order_id.at, n);
    d->newest[0][n] = '\0';
    d->n++;
}
#define STORE_DOUBT_NAMES                                                                          \
    { "unknown_order", "taken_back_beyond" }
// Adds those of a batch.
static inline void store_doubt_add(struct store_doubt *d, const struct store_doubt *batch) {
    int64_t before = d->n;
    for (int i = DOUBTS_SHOWN; i-- > 0;) {
        if (batch->newest[i][0] != '\0') {
            store_doubt_note(d, text_of(batch->newest[i]));
        }
    }
    d->n = before + batch->n;
}

// What was counted since the store was made. received = accepted + duplicate + rejected.
struct store_counts {
    int64_t received, accepted, duplicate, rejected;
    int64_t rejected_expired;              // rejected events no longer kept
    int64_t skipped;                       // messages of a log without an event in them
    int64_t warnings[ORDER_WARNING_KINDS]; // by bit of enum order_warning, of accepted events
    struct store_doubt doubts[ORDER_DOUBT_KINDS]; // from WARN_UNKNOWN_ORDER on
};

// One batch as it was committed.
struct batch_summary {
    int64_t batch_id;               // 1, 2, 3, ...
    int64_t committed_ms;           // the clock at commit
    struct store_counts counts;     // of this batch alone
    int32_t minute_min, minute_max; // touched minutes of created_at; min > max when none
    int64_t oldest_arrival_ms;      // of its events; INT64_MAX when none
};

// What the shop fixed when the store was made: a process started with others is refused.
struct store_settings {
    char currency[4];
    char timezone[64];
    int64_t late_limit_ms;
};

// Where an event stands in its input. From a log: lane << 48 | offset; from a door: 0, the store
// counts for itself. A lane is the store's number for one partition of one topic: a topic made anew
// has other ones.
#define POSITION_OFFSET_BITS 48
#define POSITION_LANE_MAX INT16_MAX
static inline int64_t log_position(int32_t lane, int64_t offset) {
    return (int64_t)lane << POSITION_OFFSET_BITS | offset;
}
static inline int32_t log_position_lane(int64_t position) {
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

// What a store knows of an event's identity.
struct known {
    enum known_as as;
    int64_t position; // of the known event, where the store has it; else 0
    int64_t slot;     // KNOWN_NEW: the store's own, where the event will be found from `add` on
};

// What a store says of the placed order that a cancellation or refund speaks of.
enum origin_known {
    ORIGIN_UNKNOWN,
    ORIGIN_KNOWN,
    ORIGIN_LATER, // it is found, and the event put into the cube, after the batch was judged
};

struct log_store;
struct store {
    const struct store_ops *ops;
    struct log_store *log; // NULL: it was opened for a door and follows no log
};

struct store_ops {
    const char *name;
    MUST_CHECK enum store_result (*begin)(struct store *s, struct error *err);
    // These submissions (a list) will be judged next. May be NULL.
    MUST_CHECK enum store_result (*prepare)(struct store *s, const struct submission *list,
                                            struct error *err);
    // They were judged, and may be gone after this: what of them is needed has to be copied. Not
    // after a failure, which ends the batch. May be NULL.
    MUST_CHECK enum store_result (*judged)(struct store *s, struct error *err);
    // A hint that known will be asked for this identity soon. May be NULL.
    void (*prefetch)(struct store *s, const struct order *o, const struct stamp *at);
    // What is known of the event's identity among all committed and those added since begin.
    MUST_CHECK enum store_result (*known)(struct store *s, const struct order *o,
                                          const struct stamp *at, struct known *out,
                                          struct error *err);
    // Of a placed order, for its cancellation or refund. When it is known *out borrows from the
    // store until the next known, origin, prepare or the batch's end.
    MUST_CHECK enum store_result (*origin)(struct store *s, struct ident order_id,
                                           const struct stamp *at, struct origin *out,
                                           enum origin_known *known, struct error *err);
    // Of a new cancellation or refund that is about to be added: *doubts is WARN_UNKNOWN_ORDER,
    // WARN_TAKEN_BEYOND or 0, and it is noted with the batch. NULL: its order is not looked at.
    MUST_CHECK enum store_result (*doubt)(struct store *s, const struct order *o, uint32_t *doubts,
                                          struct error *err);
    // Whether this new event can be added: that no sum of its currency is pushed past 64 bits, and
    // that the tables can hold it. False: `why` is filled.
    bool (*fits)(struct store *s, const struct order *o, struct rejection *why);
    // A new accepted event. `known` is what was said of its identity, KNOWN_NEW, with nothing added
    // since then, and `fits` was asked for it last; `group` is its cube dimension; NULL when the
    // event is not in the cube: ORIGIN_LATER.
    MUST_CHECK enum store_result (*add)(struct store *s, const struct order *o,
                                        const struct stamp *at, const struct known *known,
                                        const struct cube_dim *group, struct error *err);
    // An event that was rejected, with its text: by the parser, or after it was asked for (known).
    MUST_CHECK enum store_result (*add_rejected)(struct store *s, const struct event *e,
                                                 struct error *err);
    // Oldest minute and hour bucket still kept, given the newest arrival (as far as it is
    // plausible); only ever grows between two openings.
    void (*floors)(struct store *s, int64_t arrival_ms, int32_t *minute_floor, int32_t *hour_floor);
    // Before commit, where it takes long: what can be made durable without counting. NULL: nothing.
    MUST_CHECK enum store_result (*flush)(struct store *s, struct error *err);
    // The batch has been judged; the one before it was finished. Its cube and summary are lent to
    // the store from here on. *aside, in: much waits, so the store may commit on a thread of its
    // own; out: it does, and the next batch may begin before commit_finish. Else all is done by
    // commit_finish, on the caller's, and that comes first. Not OK: as if it were commit_finish's.
    MUST_CHECK enum store_result (*commit_begin)(struct store *s, struct cube *cube,
                                                 struct batch_summary *summary, bool *aside,
                                                 struct error *err);
    // Applies the cube's deltas, counts the batch (fills summary->batch_id) and makes all durable,
    // or waits until that is done, and gives both back.
    MUST_CHECK enum store_result (*commit_finish)(struct store *s, struct error *err);
    // Throws away what was begun, or what could not be committed, and a next batch with it. Not
    // between a commit_begin and its commit_finish. The store may be down until reopen.
    void (*rollback)(struct store *s);

    // Between batches, when nothing has come for a while: whether the servers behind it answer. Not
    // OK: it is down until reopen. NULL: there are none.
    MUST_CHECK enum store_result (*check)(struct store *s, struct error *err);
    // After RETRY: closes, opens again and checks what is there. OK: ready for begin.
    MUST_CHECK enum store_result (*reopen)(struct store *s, struct error *err);
    void (*counts)(struct store *s, struct store_counts *out); // committed, since it was made
    void (*close)(struct store *s);                            // frees s
};
