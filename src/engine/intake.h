// SPDX-License-Identifier: MIT
// Where a door (HTTP, loader, demo producer) puts its submissions: one const struct of functions.
// The embedded pipeline's is the bounded queue in front of the engine (engine/queue.h); in front of
// a broker it is the producer (broker/kafka_producer.h). Any thread.
#pragma once
#include "engine/submission.h"

enum { INTAKE_PROBLEM_BYTES = 512 };

struct intake {
    const struct intake_ops *ops;
    void *self;
};

struct intake_ops {
    const char *name;
    // What is accepted went into a log: whether it is known already or a conflict is told later, by
    // whoever counts.
    bool judged_later;
    // What the sender of a submission that was settled with SETTLE_TRY_LATER has to know.
    const char *try_later;
    // Gives the submission away: it comes back through `settled`, exactly once, which may be before
    // this returns. False: full, closed or down, and the caller still owns it.
    MUST_CHECK bool (*offer)(void *self, struct submission *s);
    // As offer, but waits until there is room; false only when it is closed.
    MUST_CHECK bool (*offer_wait)(void *self, struct submission *s);
    void (*close)(void *self);    // no more offers; what is inside is still settled
    size_t (*events)(void *self); // that wait to be settled
    size_t (*capacity)(void *self);
    // False: an offer would fail or come back as "try later" just now; `problem` is one line.
    MUST_CHECK bool (*ready)(void *self, char problem[static INTAKE_PROBLEM_BYTES]);
};

MUST_CHECK static inline bool intake_offer(struct intake i, struct submission *s) {
    return i.ops->offer(i.self, s);
}
MUST_CHECK static inline bool intake_offer_wait(struct intake i, struct submission *s) {
    return i.ops->offer_wait(i.self, s);
}
static inline void intake_close(struct intake i) {
    i.ops->close(i.self);
}
static inline size_t intake_events(struct intake i) {
    return i.ops->events(i.self);
}
static inline size_t intake_capacity(struct intake i) {
    return i.ops->capacity(i.self);
}
MUST_CHECK static inline bool intake_ready(struct intake i,
                                           char problem[static INTAKE_PROBLEM_BYTES]) {
    return i.ops->ready(i.self, problem);
}
