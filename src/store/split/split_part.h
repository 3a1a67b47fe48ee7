// SPDX-License-Identifier: MIT
// A partition in the split store's hands, as a state machine: is it held, are events of it in a
// batch that is not over, has another process taken it over. No store is asked here. One thread.
//
//            claimed            advanced
//   FREE ------------> HELD <------------> MOVED ----released---> RELEASED ---> FREE
//                       |      batch ends    |  ^----claimed---------|  batch ends
//             fenced    v     claimed after others counted on        |
//                      LOST <--------------- DOOMED <----------------+
//                               batch ends
//
// DOOMED: events of it are in the batch in work, and others have counted them in between. The part
// keeps the epoch that it had, so that the commit is fenced; only the batch's end frees it.
//
// Two batches: one was sent to be committed, and the next one is in work. The part leaves MOVED,
// RELEASED or DOOMED when the last batch with events of it is over. It is not claimed while one is
// on its way.
#pragma once
#include "base/state.h"
#include "engine/log_store.h"
#include "store/aggregates.h"
#include "store/split/split_refused.h"
#include "window/id_window.h"

enum { NOT_MOVED = -2 };

enum split_part_state {
    SPLIT_PART_FREE,     // not ours
    SPLIT_PART_HELD,     // ours; no event of it is in a batch
    SPLIT_PART_MOVED,    // ours; a batch in work, on its way or in doubt has events of it
    SPLIT_PART_RELEASED, // given up with such a batch, whose commit may still get through
    SPLIT_PART_DOOMED,   // with such a batch, whose commit cannot get through
    SPLIT_PART_LOST,     // another process has taken it over; the log has not taken it away yet
    SPLIT_PART_STATES
};

struct split_part {
    struct state state;
    int64_t committed, epoch_us; // as of claim, commit or reopen; -1: nothing is committed
    int64_t moved_to;            // by the batch in work; else NOT_MOVED
    int64_t sent_to;             // by the batch on its way, or in doubt; else NOT_MOVED
    int32_t lane;
    struct id_window *window; // NULL while FREE
    struct split_refused refused;
};

extern const struct state_table split_part_table;
#define SPLIT_PART_NEW ((struct split_part){.moved_to = NOT_MOVED, .sent_to = NOT_MOVED})

static inline bool split_part_is(const struct split_part *p, enum split_part_state state) {
    return p->state.now == state;
}
// Whether a batch that is not over has events of it: its commit moves it.
static inline bool split_part_in_batch(const struct split_part *p) {
    return p->moved_to != NOT_MOVED || p->sent_to != NOT_MOVED;
}

// From where the history of a claimed partition is read. The row of an earlier program does not
// tell: as much as there is memory for.
struct id_window_start split_part_history(const struct position_claim *claim, size_t window_bytes);

// The store has given it to us, at the log's wish. `window`: an empty one; it and claim->refused
// are owned from then on, and kept unless the part goes on with the batch in work. DOOMED
// afterwards: it is not ours for now.
void split_part_claimed(struct split_part *p, struct position_claim *claim,
                        struct id_window *window);
void split_part_advanced(struct split_part *p, int64_t next_offset);
void split_part_released(struct split_part *p);
// What an answer to log_store_ops.held is.
void split_part_held(const struct split_part *p, struct log_claim *out);

// The batch in work has been judged, and goes to its commit.
void split_part_sent(struct split_part *p);
// That one is over: its identities and moves are final; or it and the one in work never were; or
// nobody knows, and only the one in work is given up until the store has been asked.
void split_part_committed(struct split_part *p);
void split_part_undone(struct split_part *p);
void split_part_doubted(struct split_part *p);

// After a failure: whether the store has to be asked for it again (HELD, MOVED), and its answer,
// which also tells whether the batch in doubt was committed. Those not asked for go: FREE or LOST.
enum split_again { SPLIT_STILL_OURS, SPLIT_DOUBT_COMMITTED, SPLIT_TAKEN_OVER };
enum split_again split_part_again(struct split_part *p, const struct position_claim *claim,
                                  bool lost);
void split_part_not_asked(struct split_part *p);

void split_part_free(struct split_part *p); // from any state, at the end
