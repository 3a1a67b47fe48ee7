// SPDX-License-Identifier: MIT
// The producer.
//
// 1. offer (a door's thread): room is taken for all events of the submission, then each is handed
//    to librdkafka, which borrows its text: the submission lives until the last one is delivered.
// 2. librdkafka sends what has gathered, tries again what failed, and reports each message on the
//    producer's thread, which counts the submission down to zero.
// 3. Zero: settled, durable when all went well, else "try later".
//
// How it fails. No broker reachable: offers are refused at once and the producer's thread probes
// until one is; what was under way fails after delivery_timeout_ms at the latest. A message larger
// than the topic takes will never fit: its event is rejected and kept as such (kafka_resend.c). A
// fatal error of the
// library (an idempotent producer that has lost its place): a new handle takes over, and what the
// old one had under way is settled as "try later".
#include "broker/kafka_producer_internal.h"
#include "broker/kafka_rejected.h"

#include "base/mem.h"
#include "format/rejected_header.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { FAILURE_SHOWN_MS = 10 * 1000 };

// --- Room

static size_t weight(const struct submission *s) {
    return s->n_events > 0 ? s->n_events : 1;
}

static bool take_room(struct kafka_producer *p, size_t n) {
    size_t used = atomic_load(&p->n_events);
    do {
        if (used > 0 && used + n > p->options.max_events) {
            return false;
        }
    } while (!atomic_compare_exchange_weak(&p->n_events, &used, used + n));
    return true;
}

static void give_room(struct kafka_producer *p, size_t n) {
    atomic_fetch_sub(&p->n_events, n);
    if (atomic_load(&p->room_waiters) > 0) {
        pthread_mutex_lock(&p->room_lock);
        pthread_cond_broadcast(&p->room);
        pthread_mutex_unlock(&p->room_lock);
    }
}

// --- Settling

static void settle(struct kafka_producer *p, struct submission *s) {
    bool failed = atomic_load(&s->not_delivered);
    for (size_t i = 0; i < s->n_events && !failed; i++) {
        if (s->events[i].verdict == VERDICT_NEW) {
            s->events[i].verdict = VERDICT_ACCEPTED;
        }
    }
    give_room(p, weight(s));
    s->settled(s, failed ? SETTLE_TRY_LATER : SETTLE_DURABLE);
}

// n events of it are done with.
void kafka_count_down(struct kafka_producer *p, struct submission *s, size_t n, bool failed) {
    if (failed) {
        atomic_store(&s->not_delivered, true);
    }
    if (atomic_fetch_sub(&s->undelivered, n) == n) {
        settle(p, s);
    }
}

// --- Producing. The caller holds the handle.

static rd_kafka_resp_err_t produce_rejected(struct kafka_producer *p, struct submission *s,
                                            const struct event *e) {
    struct buf why = {0};
    rejected_header_put(&why, text_of(e->why->field), text_of(e->why->code),
                        text_of(e->why->message));
    size_t most = atomic_load(&p->rejected_text_bytes);
    size_t len = e->raw.len < most ? e->raw.len : most;
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR__CRIT_SYS_RESOURCE;
    if (!why.failed) {
        code = rd_kafka_producev(p->handle.rk, RD_KAFKA_V_RKT(p->handle.rkt),
                                 RD_KAFKA_V_VALUE((void *)(uintptr_t)e->raw.at, len),
                                 RD_KAFKA_V_TIMESTAMP(s->arrival_ms),
                                 RD_KAFKA_V_HEADER(REJECTED_HEADER, why.at, why.len),
                                 RD_KAFKA_V_OPAQUE(s), RD_KAFKA_V_END);
    }
    buf_free(&why);
    return code;
}

rd_kafka_resp_err_t kafka_produce_event(struct kafka_producer *p, struct submission *s,
                                        const struct event *e) {
    if (e->verdict == VERDICT_REJECTED) {
        return produce_rejected(p, s, e);
    }
    char digits[24];
    struct text key = ident_text(e->order.order_id, digits);
    if (UNLIKELY(p->options.mark_plain)) {
        return rd_kafka_producev(
            p->handle.rk, RD_KAFKA_V_RKT(p->handle.rkt),
            RD_KAFKA_V_VALUE((void *)(uintptr_t)e->raw.at, e->raw.len),
            RD_KAFKA_V_KEY(key.at, key.len), RD_KAFKA_V_TIMESTAMP(s->arrival_ms),
            RD_KAFKA_V_HEADER(KAFKA_PLAIN_HEADER, "", 0), RD_KAFKA_V_OPAQUE(s), RD_KAFKA_V_END);
    }
    return rd_kafka_producev(p->handle.rk, RD_KAFKA_V_RKT(p->handle.rkt),
                             RD_KAFKA_V_VALUE((void *)(uintptr_t)e->raw.at, e->raw.len),
                             RD_KAFKA_V_KEY(key.at, key.len), RD_KAFKA_V_TIMESTAMP(s->arrival_ms),
                             RD_KAFKA_V_OPAQUE(s), RD_KAFKA_V_END);
}

static void produce_all(struct kafka_producer *p, struct submission *s) {
    size_t n = s->n_events;
    // One more than there are events, so that it is not settled and gone while we go through it.
    atomic_store(&s->undelivered, n + 1);
    atomic_store(&s->not_delivered, false);
    size_t made = 0;
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;
    while (made < n && code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        code = kafka_produce_event(p, s, &s->events[made]);
        made += code == RD_KAFKA_RESP_ERR_NO_ERROR;
    }
    if (made < n) {
        atomic_store(&p->refusal, (int)code);
        atomic_fetch_add(&p->n_refused, (long long)(n - made));
    }
    kafka_count_down(p, s, n - made + 1, made < n);
}

// --- The intake

static bool kafka_producer_offer(void *self, struct submission *s) {
    struct kafka_producer *p = self;
    if (atomic_load(&p->closed) || !kafka_health_is_up(p->health) || !take_room(p, weight(s))) {
        return false;
    }
    if (pthread_rwlock_tryrdlock(&p->handle_lock) != 0) { // it is being replaced
        give_room(p, weight(s));
        return false;
    }
    produce_all(p, s);
    pthread_rwlock_unlock(&p->handle_lock);
    return true;
}

static bool offer_wait(void *self, struct submission *s) {
    struct kafka_producer *p = self;
    pthread_mutex_lock(&p->room_lock);
    atomic_fetch_add(&p->room_waiters, 1);
    bool closed;
    while (!(closed = atomic_load(&p->closed)) && !take_room(p, weight(s))) {
        pthread_cond_wait(&p->room, &p->room_lock);
    }
    atomic_fetch_sub(&p->room_waiters, 1);
    pthread_mutex_unlock(&p->room_lock);
    if (closed) {
        return false;
    }
    pthread_rwlock_rdlock(&p->handle_lock);
    produce_all(p, s);
    pthread_rwlock_unlock(&p->handle_lock);
    return true;
}

static void close_intake(void *self) {
    struct kafka_producer *p = self;
    pthread_mutex_lock(&p->room_lock);
    atomic_store(&p->closed, true);
    pthread_cond_broadcast(&p->room);
    pthread_mutex_unlock(&p->room_lock);
}

static size_t count_events(void *self) {
    struct kafka_producer *p = self;
    return atomic_load(&p->n_events);
}

static size_t capacity(void *self) {
    const struct kafka_producer *p = self;
    return p->options.max_events;
}

static bool is_ready(void *self, char problem[static INTAKE_PROBLEM_BYTES]) {
    struct kafka_producer *p = self;
    if (!kafka_health_ok(p->health, problem)) {
        return false;
    }
    pthread_mutex_lock(&p->status_lock);
    int64_t failed_ms = p->status.failed_ms;
    rd_kafka_resp_err_t failure = p->status.failure;
    pthread_mutex_unlock(&p->status_lock);
    if (failed_ms > 0 && kafka_now_ms() - failed_ms < FAILURE_SHOWN_MS) {
        char why[KAFKA_FAILURE_BYTES];
        kafka_failure_text(failure, why);
        snprintf(problem, INTAKE_PROBLEM_BYTES,
                 "kafka: topic %.200s did not take the last events: %s", p->options.settings->topic,
                 why);
        return false;
    }
    size_t n = count_events(p);
    if (n >= p->options.max_events) {
        snprintf(problem, INTAKE_PROBLEM_BYTES,
                 "kafka: %zu events wait for the brokers, no more may (--queue-events)", n);
        return false;
    }
    return true;
}

struct intake kafka_producer_intake(struct kafka_producer *p) {
    static const struct intake_ops ops = {
        .name = "kafka",
        .judged_later = true,
        .try_later = "send the same request again: what did arrive is known by its ids",
        .offer = kafka_producer_offer,
        .offer_wait = offer_wait,
        .close = close_intake,
        .events = count_events,
        .capacity = capacity,
        .ready = is_ready,
    };
    return (struct intake){&ops, p};
}

// --- Life

static bool kafka_producer_set_going(struct kafka_producer *p, struct error *err) {
    if (!kafka_handle_make(p, kafka_batch_bytes(p->limit_bytes), &p->handle, err) ||
        !kafka_look_at_topic(p, p->options.start_timeout_ms, err)) {
        return false;
    }
    kafka_handle_drop(&p->retired); // nothing was sent with it
    char problem[KAFKA_PROBLEM_BYTES];
    if (!p->topic_known && p->options.must_reach) {
        bool ok = kafka_health_ok(p->health, problem);
        return error_set(err, ERROR_RETRIABLE, "%s", ok ? "kafka: no answer" : problem);
    }
    int code = pthread_create(&p->thread, NULL, kafka_producer_main, p);
    if (code != 0) {
        return error_set(err, ERROR_FATAL, "cannot start the producer's thread: %s",
                         strerror(code));
    }
    pthread_setname_np(p->thread, "producer");
    p->thread_runs = true;
    return true;
}

bool kafka_producer_start(const struct kafka_producer_options *options, struct kafka_producer **out,
                          struct error *err) {
    struct kafka_producer *p = mem_zalloc(1, sizeof *p);
    p->options = *options;
    p->limit_bytes = -1;
    atomic_store(&p->rejected_text_bytes, ORDER_REJECTED_TEXT_MAX_BYTES);
    p->health = kafka_health_new(options->settings->brokers, options->settings->topic);
    pthread_rwlock_init(&p->handle_lock, NULL);
    pthread_mutex_init(&p->room_lock, NULL);
    pthread_cond_init(&p->room, NULL);
    pthread_mutex_init(&p->status_lock, NULL);
    if (!kafka_producer_set_going(p, err)) {
        kafka_producer_free(p);
        return false;
    }
    *out = p;
    return true;
}

// Until nothing is under way.
static void wait_for_none(struct kafka_producer *p, int wait_ms) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += wait_ms / 1000;
    int code = 0;
    pthread_mutex_lock(&p->room_lock);
    atomic_fetch_add(&p->room_waiters, 1);
    while (atomic_load(&p->n_events) > 0 && code != ETIMEDOUT) {
        code = pthread_cond_timedwait(&p->room, &p->room_lock, &until);
    }
    atomic_fetch_sub(&p->room_waiters, 1);
    pthread_mutex_unlock(&p->room_lock);
}

void kafka_producer_stop(struct kafka_producer *p, int wait_ms) {
    if (p == NULL) {
        return;
    }
    close_intake(p);
    if (p->thread_runs) {
        wait_for_none(p, wait_ms);
        atomic_store(&p->stopping, true);
        pthread_join(p->thread, NULL);
        p->thread_runs = false;
    }
}

void kafka_producer_free(struct kafka_producer *p) {
    if (p == NULL) {
        return;
    }
    kafka_handle_drop(&p->retired);
    kafka_handle_drop(&p->handle);
    free(p->again);
    kafka_health_free(p->health);
    pthread_rwlock_destroy(&p->handle_lock);
    pthread_mutex_destroy(&p->room_lock);
    pthread_cond_destroy(&p->room);
    pthread_mutex_destroy(&p->status_lock);
    free(p);
}

void kafka_producer_metrics(struct kafka_producer *p, struct buf *out) {
    struct counters c;
    pthread_mutex_lock(&p->status_lock);
    c = p->status;
    pthread_mutex_unlock(&p->status_lock);
    kafka_health_metrics(p->health, out);
    metric_value(out, "kafka_produced_total", "counter",
                 "Events that the topic's in-sync replicas have acknowledged.", c.produced);
    metric_value(out, "kafka_delivery_failures_total", "counter",
                 "Events that were not acknowledged in time; their requests were answered 503.",
                 c.failed);
    metric_value(out, "kafka_in_flight_events", "gauge", "Events that wait to be acknowledged.",
                 (int64_t)count_events(p));
    metric_durations(out, "kafka_delivery_seconds", "From the door to acknowledged.", &c.delivery);
    metric_value(out, "kafka_producer_restarts_total", "counter",
                 "New starts of the producer after a fatal error.", c.replaced);
}
