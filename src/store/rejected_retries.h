// SPDX-License-Identifier: MIT
// What became of rejected events that were submitted again. It is kept beside them, in the table
// rejected_retries: the rejected event itself is never changed. One that was rejected again has
// been replaced by the new rejected event: readers leave it out, so that a list does not grow with
// each retry. (Its row stays until it expires: counts and rows agree at any time.)
//     id          of the rejected event
//     retried_ms  when it was submitted again (UTC ms; in MySQL retried_at)
//     verdict     "trying": it is on its way, or whoever sent it was ended; then "accepted",
//                 "duplicate" or "rejected", as the server that took it said; "sent": it went into
//                 a topic; "replaced": a newer rejected event has taken its place
//     sent_hash   of the text that was sent (rejected_texts_hash); NULL: of an earlier program
// One row for each try; readers show the newest (rejected_row.retried_ms). One thread.
//
// A try is claimed before anything is sent, so that of several who have seen the same event at once
// only one sends it.
#pragma once
#include "base/error.h"
#include "base/must.h"
#include "store/sales_reader.h"
#include <stdint.h>

struct rejected_retries {
    const struct rejected_retries_ops *ops;
};

// A try to be claimed.
struct rejected_claim {
    int64_t id;      // of the rejected event
    int64_t seen_ms; // its newest try as it was seen; 0: it had none
    int64_t now_ms;
    uint64_t sent_hash;
};

struct rejected_retries_ops {
    // Notes the try as "trying" unless there is a newer one than was seen. *retried_ms: what the
    // try goes by, later than any before it; 0: somebody else was faster.
    MUST_CHECK bool (*claim)(struct rejected_retries *r, const struct rejected_claim *c,
                             int64_t *retried_ms, struct error *err);
    // What became of the try. NULL: nothing was sent, and it is forgotten.
    MUST_CHECK bool (*put)(struct rejected_retries *r, int64_t id, int64_t retried_ms,
                           const char *verdict, struct error *err);
    void (*close)(struct rejected_retries *r); // frees r
};

// A try whose verdict is not there after so long was ended: longer than one can take, which is the
// longest delivery time-out.
enum { REJECTED_TRY_MS = 11 * 60 * 1000 };
// Whether somebody is sending this event just now. Pure.
bool rejected_is_busy(const struct rejected_row *row, int64_t now_ms);

// Marks what was replaced, by a try just now or since an earlier one. Of all, and oldest first: one
// that is marked is no longer seen, so it can hide no older one of its text.
MUST_CHECK bool rejected_mark_replaced(struct sales_reader *reader,
                                       struct rejected_retries *retries, struct error *err);
