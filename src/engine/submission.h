// SPDX-License-Identifier: MIT
// A submission: the events of one request (or of one slice of a file, or of one fetch from a
// broker) on their way through the engine. It is judged as one unit: all its verdicts come from one
// commit.
//
// Life: a door (HTTP, loader) makes it, parses events into it and gives it to a source's queue; the
// engine judges and commits it and gives it back through `settled` on the engine's thread; the door
// answers and frees it. Only its current holder touches it.
#pragma once
#include "base/arena.h"
#include "base/must.h"
#include "order/order_digest.h"

enum verdict {
    VERDICT_NEW = 0, // parsed, not judged yet
    VERDICT_ACCEPTED,
    VERDICT_DUPLICATE,
    VERDICT_REJECTED, // by the parser or by the engine; `why` is set
};

// When and where an event came in.
struct stamp {
    int64_t arrival_ms;         // UTC; of a log's message: its stamp, which may be anything
    int64_t position;           // in a log: log_position() of engine/store.h; from a door: 0
    struct order_digest digest; // in a log, of what could be parsed
};

struct event {
    struct order order;    // valid unless the parser rejected it
    enum verdict verdict;  // beside the order's warnings: who counts reads both
    struct stamp at;       // from a door: set by the engine from the submission's
    struct rejection *why; // in the submission's arena; NULL unless rejected
    struct text raw;       // its text as it came; valid as long as the submission
    struct text key;       // the message's key in a log; absent when none
};

enum settle_result {
    SETTLE_DURABLE,   // verdicts are final and on disk
    SETTLE_TRY_LATER, // nothing was stored; the same submission may be sent again (503); of a log:
                      // not judged, or not to its end
    SETTLE_JUDGED,    // of a log: judged, not committed; a rewind hands it over again if need be
};

// What a submission from a log is a part of.
struct log_slice {
    int32_t partition;                 // -1: the submission is not from a log
    int64_t first_offset, next_offset; // of its first message; past its last
    int64_t n_skipped;                 // messages without an event in them
    bool history; // committed before: its identities are to be known again, nothing else
};

struct submission {
    struct event *events; // grows by submission_add
    size_t n_events, cap_events;
    struct arena arena; // slices of events, rejections; its heap is used for all
    int64_t arrival_ms; // the door's stamp, set before it is queued; from a log: the latest
    struct log_slice log;
    size_t budget_bytes; // what the door charged for it, for the door's own use
    // Called once on the engine's thread. The receiver owns the submission from then on.
    void (*settled)(struct submission *s, enum settle_result result);
    void *user;                 // the door's
    struct submission *next;    // link in whatever list holds it
    _Atomic size_t undelivered; // for an intake that hands its events on one by one
    _Atomic bool not_delivered; // likewise: one of them could not be
};

// NULL when memory is refused. `heap` is borrowed; all of the submission is of it.
MUST_CHECK struct submission *submission_new(const struct mem_heap *heap);
// A new event at the end, zeroed; NULL when memory is refused. Earlier pointers may move.
MUST_CHECK struct event *submission_add(struct submission *s);
// As that, but its order is not set: for who parses into it, or rejects the event.
MUST_CHECK struct event *submission_add_unset(struct submission *s);
// Marks `e` rejected with a copy of `why`. False when memory is refused.
MUST_CHECK bool submission_reject(struct submission *s, struct event *e,
                                  const struct rejection *why);
size_t submission_bytes(const struct submission *s); // memory it holds, for budgets
void submission_free(struct submission *s);          // NULL is fine
