// SPDX-License-Identifier: MIT
// Messages that wait for the webhook, in order and bounded: the oldest one is tried until it is
// taken, refused for good, or too old; when there is no room the oldest one goes. The clock is the
// caller's. One owner at a time.
#pragma once
#include "base/buf.h"
#include "base/must.h"

enum { OUTBOX_MAX = 128 };

struct alert_outbox {
    struct outbox_message {
        struct buf body;
        int64_t put_ns;
    } ring[OUTBOX_MAX];
    uint64_t first, end;  // message i at i % OUTBOX_MAX
    int64_t next_try_ns;  // not before
    int64_t back_off_ms;  // 0: the newest try went well
    int64_t sent, failed; // failed: tries
    int64_t dropped;      // messages: refused, too old, or without room
};

// Takes the content of `body` over.
void outbox_put(struct alert_outbox *o, struct buf *body, int64_t now_ns);
void outbox_free(struct alert_outbox *o);
size_t outbox_waiting(const struct alert_outbox *o);
// When (monotonic) the next try is due; INT64_MAX: nothing waits.
int64_t outbox_due_ns(const struct alert_outbox *o);
// Copies the message that is due and gives its number. False: none is.
MUST_CHECK bool outbox_take(struct alert_outbox *o, int64_t now_ns, struct buf *copy,
                            uint64_t *number);

enum outbox_result {
    OUTBOX_SENT,
    OUTBOX_RETRY,   // may pass: retry_after_ms as the receiver asks, or 0
    OUTBOX_REFUSED, // will not be taken ever
};
// True: the message has left, for good or bad.
bool outbox_done(struct alert_outbox *o, uint64_t number, enum outbox_result result,
                 int64_t retry_after_ms, int64_t now_ns);
