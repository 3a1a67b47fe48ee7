// SPDX-License-Identifier: MIT
// What became of rejected events that were submitted again. It is kept beside them, in the table
// rejected_retries: the rejected event itself is never changed. One that was rejected again has been
// replaced by the new rejected event: readers leave it out, so that a list does not grow with each
// retry. (Its row stays until it expires: counts and rows agree at any time.)
//     id          of the rejected event
//     retried_ms  when it was submitted again (UTC ms; in MySQL retried_at)
//     verdict     "accepted", "duplicate" or "rejected", as the server that took it said; "sent":
//                 it went into a topic; "replaced": a newer rejected event has taken its place
// One row for each try; readers show the newest (rejected_row.retried_ms). One thread.
#pragma once
#include "base/error.h"
#include "base/must.h"
#include <stdint.h>

struct rejected_retries {
    const struct rejected_retries_ops *ops;
};

struct rejected_retries_ops {
    MUST_CHECK bool (*put)(struct rejected_retries *r, int64_t id, int64_t retried_ms,
                           const char *verdict, struct error *err);
    void (*close)(struct rejected_retries *r); // frees r
};
