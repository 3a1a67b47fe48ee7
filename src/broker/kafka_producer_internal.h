// SPDX-License-Identifier: MIT
// What the files of the producer share. Nobody else includes this.
#pragma once
#include "base/clock.h"
#include "base/metrics.h"
#include "broker/kafka_health.h"
#include "broker/kafka_producer.h"
#include <pthread.h>
#include <stdatomic.h>

// What the producer's thread has counted.
struct counters {
    int64_t produced, failed, replaced;
    struct durations delivery;
    int64_t failed_ms; // monotonic, of the last failure; 0: none since the last success
    rd_kafka_resp_err_t failure;
};

// A handle of the library, and the most bytes that it gathers in one batch (a message that is
// larger goes alone).
struct kafka_handle {
    rd_kafka_t *rk; // NULL: there is none
    rd_kafka_topic_t *rkt;
    int64_t batch_bytes;
};

// An event that was refused for a size that need not be its own: it goes again.
struct again {
    struct submission *s;
    const struct event *e;
};

struct kafka_producer {
    struct kafka_producer_options options;
    struct kafka_health *health;

    pthread_rwlock_t handle_lock; // read: an offer uses the handle; write: it is replaced
    struct kafka_handle handle;

    atomic_size_t rejected_text_bytes; // so much of a rejected event's text fits into a message
    atomic_size_t n_events;            // under way
    atomic_bool closed, stopping;
    pthread_mutex_t room_lock; // for those who wait for n_events to fall
    pthread_cond_t room;
    atomic_int room_waiters;
    // Events that the library would not even take, and why the last one: it knows that the topic
    // does not let us, until it asks again.
    atomic_llong n_refused;
    atomic_int refusal; // an rd_kafka_resp_err_t

    // The producer's thread:
    pthread_t thread;
    bool thread_runs, topic_known, suspect, fatal;
    // Takes nothing more and delivers what it still has; then it is gone.
    struct kafka_handle retired;
    bool retired_fatal;
    int64_t limit_bytes; // max.message.bytes, as last told; -1: not told
    int64_t limit_ms;    // monotonic, when it was asked for last
    struct again *again; // waiting for batches below again_bytes
    size_t n_again, cap_again;
    int64_t again_bytes;
    int64_t change_at_ms;            // monotonic: no other handle before
    int64_t told_ms;                 // monotonic: the log's last line of a failure; 0: none
    int64_t replaced_ms, suspect_ms; // monotonic; suspect_ms: since when, 0: it is not
    struct counters counted;         // of this turn; published under the lock
    pthread_mutex_t status_lock;
    struct counters status;
};

// kafka_producer.c: one event to the library; the caller has the handle.
MUST_CHECK rd_kafka_resp_err_t kafka_produce_event(struct kafka_producer *p, struct submission *s,
                                                   const struct event *e);
// n events of `s` are done with; the last one settles it.
void kafka_count_down(struct kafka_producer *p, struct submission *s, size_t n, bool failed);

// kafka_failure.c: why events are not delivered, for people.
enum { KAFKA_FAILURE_BYTES = 240 };
void kafka_failure_text(rd_kafka_resp_err_t code, char out[static KAFKA_FAILURE_BYTES]);

// kafka_resend.c: what the topic finds too large. All on the producer's thread.
// True: the refused message is seen to (rejected, or it goes again).
MUST_CHECK bool kafka_too_large(struct kafka_producer *p, rd_kafka_t *rk,
                                const rd_kafka_message_t *m);
// The topic's limit as it was told (-1: it was not), from now on.
void kafka_take_limit(struct kafka_producer *p, int64_t limit_bytes);
int64_t kafka_batch_bytes(int64_t limit_bytes); // of a topic with that limit
void kafka_resend(struct kafka_producer *p);    // a turn: what waits goes, if it can
void kafka_resend_give_up(struct kafka_producer *p);

// kafka_handle.c
MUST_CHECK bool kafka_handle_make(struct kafka_producer *p, int64_t batch_bytes,
                                  struct kafka_handle *out, struct error *err);
void kafka_handle_drop(struct kafka_handle *h);
// From now on batches have at most so many bytes: another handle takes over, and the one before is
// retired (there must be none). False: it could not be made, err tells.
MUST_CHECK bool kafka_handle_change(struct kafka_producer *p, int64_t batch_bytes,
                                    struct error *err);
void kafka_handle_serve_retired(struct kafka_producer *p); // a turn: its callbacks, its end
void kafka_handle_purge(rd_kafka_t *rk);                   // everything that is under way fails now
// After a fatal error: a new handle takes over. The producer's thread.
void kafka_handle_replace(struct kafka_producer *p);

// kafka_producer_thread.c
// Looks for the topic. False: the cluster says no, err tells; true with !topic_known: no answer.
MUST_CHECK bool kafka_look_at_topic(struct kafka_producer *p, int timeout_ms, struct error *err);
void *kafka_producer_main(void *producer);

static inline int64_t kafka_now_ms(void) {
    return clock_monotonic_ns(clock_system()) / 1000000;
}
