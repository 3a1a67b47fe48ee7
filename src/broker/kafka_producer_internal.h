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

struct kafka_producer {
    struct kafka_producer_options options;
    struct kafka_health *health;

    pthread_rwlock_t handle_lock; // read: an offer uses the handle; write: it is replaced
    rd_kafka_t *rk;
    rd_kafka_topic_t *rkt;

    atomic_size_t n_events; // under way
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

// kafka_handle.c
MUST_CHECK bool kafka_handle_make(struct kafka_producer *p, rd_kafka_t **rk, rd_kafka_topic_t **rkt,
                                  struct error *err);
void kafka_handle_purge(rd_kafka_t *rk); // everything that is under way fails now
// After a fatal error: a new handle takes over. The producer's thread.
void kafka_handle_replace(struct kafka_producer *p);

// kafka_producer_thread.c
// Looks for the topic. False: the cluster says no, err tells; true with !topic_known: no answer.
MUST_CHECK bool kafka_look_at_topic(struct kafka_producer *p, int timeout_ms, struct error *err);
void *kafka_producer_main(void *producer);

static inline int64_t kafka_now_ms(void) {
    return clock_monotonic_ns(clock_system()) / 1000000;
}
