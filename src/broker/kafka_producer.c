// SPDX-License-Identifier: MIT
// The producer.
//
// 1. offer (a door's thread): room is taken for all events of the submission, then each is handed
//    to librdkafka, which borrows its text: the submission lives until the last one is delivered.
// 2. librdkafka gathers messages for a moment (LINGER), sends them, tries again what failed, and
//    reports each on the producer's thread, which counts the submission down to zero.
// 3. Zero: settled, durable when all went well, else "try later".
//
// How it fails. No broker reachable: offers are refused at once and the producer's thread probes
// until one is; what was under way fails after delivery_timeout_ms at the latest. A message larger
// than the topic takes will never fit: its event is rejected and kept as such. A fatal error of the
// library (an idempotent producer that has lost its place): a new handle takes over, and what the
// old one had under way is settled as "try later".
#include "broker/kafka_producer.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "broker/kafka_health.h"
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
    POLL_MS = 100,
    PROBE_MS = 300,
    TOPIC_LOOK_MS = 1000,
    STATISTICS_MS = 1000,
    PURGE_MS = 5000,
    REPLACE_EVERY_MS = 1000,
    FAILURE_SHOWN_MS = 10 * 1000,
    BATCH_BYTES = 900 * 1000,
    MESSAGE_MAX_BYTES = 2 * ORDER_EVENT_MAX_BYTES,
};
#define LINGER_MS "2"

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

    // The producer's thread:
    pthread_t thread;
    bool thread_runs, topic_known, suspect, fatal;
    int64_t replaced_ms;
    struct counters counted; // of this turn; published under the lock
    pthread_mutex_t status_lock;
    struct counters status;
};

static int64_t now_ms(void) {
    return clock_monotonic_ns(clock_system()) / 1000000;
}

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
static void count_down(struct kafka_producer *p, struct submission *s, size_t n, bool failed) {
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
    buf_put_str(&why, "{\"field\":");
    buf_put_json(&why, text_of(e->why->field));
    buf_put_str(&why, ",\"code\":");
    buf_put_json(&why, text_of(e->why->code));
    buf_put_str(&why, ",\"message\":");
    buf_put_json(&why, text_of(e->why->message));
    buf_put_char(&why, '}');
    size_t len = e->raw.len;
    if (len > ORDER_REJECTED_TEXT_MAX_BYTES) {
        len = ORDER_REJECTED_TEXT_MAX_BYTES;
    }
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR__CRIT_SYS_RESOURCE;
    if (!why.failed) {
        code = rd_kafka_producev(p->rk, RD_KAFKA_V_RKT(p->rkt),
                                 RD_KAFKA_V_VALUE((void *)(uintptr_t)e->raw.at, len),
                                 RD_KAFKA_V_TIMESTAMP(s->arrival_ms),
                                 RD_KAFKA_V_HEADER(KAFKA_REJECTED_HEADER, why.at, why.len),
                                 RD_KAFKA_V_OPAQUE(s), RD_KAFKA_V_END);
    }
    buf_free(&why);
    return code;
}

static rd_kafka_resp_err_t produce_event(struct kafka_producer *p, struct submission *s,
                                         const struct event *e) {
    if (e->verdict == VERDICT_REJECTED) {
        return produce_rejected(p, s, e);
    }
    char digits[24];
    struct text key = ident_text(e->order.order_id, digits);
    return rd_kafka_producev(p->rk, RD_KAFKA_V_RKT(p->rkt),
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
        code = produce_event(p, s, &s->events[made]);
        made += code == RD_KAFKA_RESP_ERR_NO_ERROR;
    }
    if (made < n) {
        log_debug("broker", "an event could not be handed on: %s", rd_kafka_err2str(code));
    }
    count_down(p, s, n - made + 1, made < n);
}

// --- The intake

static bool offer(void *self, struct submission *s) {
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
    if (failed_ms > 0 && now_ms() - failed_ms < FAILURE_SHOWN_MS) {
        snprintf(problem, INTAKE_PROBLEM_BYTES, "kafka: topic %s did not take the last events: %s",
                 p->options.settings->topic, rd_kafka_err2str(failure));
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
        .try_later = "send the same request again: what did arrive is known by its ids",
        .offer = offer,
        .offer_wait = offer_wait,
        .close = close_intake,
        .events = count_events,
        .capacity = capacity,
        .ready = is_ready,
    };
    return (struct intake){&ops, p};
}

// --- Callbacks of the library, on the producer's thread

static struct event *event_of(struct submission *s, const void *payload) {
    for (size_t i = 0; i < s->n_events; i++) {
        if (s->events[i].raw.at == payload) {
            return &s->events[i];
        }
    }
    return NULL;
}

// The topic takes no message of this size, now and later: the event is rejected, and that is kept.
// False: it could not be.
static bool reject_too_large(struct kafka_producer *p, const rd_kafka_message_t *m) {
    struct submission *s = m->_private;
    struct event *e = event_of(s, m->payload);
    struct rejection why;
    if (e == NULL || e->verdict == VERDICT_REJECTED) {
        return false;
    }
    reject(&why, "", REJECT_TOO_LARGE, "the event's text has %zu bytes, more than the topic takes",
           e->raw.len);
    return submission_reject(s, e, &why) && produce_event(p, s, e) == RD_KAFKA_RESP_ERR_NO_ERROR;
}

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque) {
    struct kafka_producer *p = opaque;
    UNUSED(rk);
    bool failed = m->err != RD_KAFKA_RESP_ERR_NO_ERROR;
    if (UNLIKELY(m->err == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE) && reject_too_large(p, m)) {
        return; // its place is taken by the rejection
    }
    if (UNLIKELY(failed)) {
        p->counted.failed++;
        p->counted.failure = m->err;
        p->counted.failed_ms = now_ms();
    } else {
        p->counted.produced++;
        p->counted.failed_ms = 0;
        durations_add(&p->counted.delivery, rd_kafka_message_latency(m));
    }
    count_down(p, m->_private, 1, failed);
}

static void on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque) {
    struct kafka_producer *p = opaque;
    if (rk == p->rk && code == RD_KAFKA_RESP_ERR__FATAL) {
        p->fatal = true;
    } else if (kafka_health_error(p->health, code, reason)) {
        p->suspect = true;
    }
}

static int on_statistics(rd_kafka_t *rk, char *json, size_t len, void *opaque) {
    struct kafka_producer *p = opaque;
    UNUSED(rk);
    kafka_health_stats(p->health, json, len);
    return 0; // the library frees it
}

// --- The handle

static bool configure(rd_kafka_conf_t *conf, const struct kafka_producer_options *o,
                      struct error *err) {
    // The library's own bounds are off: room is taken before, and texts are not copied.
    return kafka_conf_set(conf, "enable.idempotence", "true", err) &&
           kafka_conf_set(conf, "acks", "all", err) &&
           kafka_conf_set(conf, "partitioner", "murmur2_random", err) &&
           kafka_conf_set(conf, "linger.ms", LINGER_MS, err) &&
           kafka_conf_set_int(conf, "batch.size", BATCH_BYTES, err) &&
           kafka_conf_set_int(conf, "message.max.bytes", MESSAGE_MAX_BYTES, err) &&
           kafka_conf_set_int(conf, "queue.buffering.max.messages", 0, err) &&
           kafka_conf_set_int(conf, "queue.buffering.max.kbytes", INT32_MAX, err) &&
           kafka_conf_set_int(conf, "delivery.timeout.ms", o->delivery_timeout_ms, err) &&
           kafka_conf_set_int(conf, "statistics.interval.ms", STATISTICS_MS, err);
}

static bool make_handle(struct kafka_producer *p, rd_kafka_t **rk, rd_kafka_topic_t **rkt,
                        struct error *err) {
    char why[300] = "";
    rd_kafka_conf_t *conf = kafka_conf_new(p->options.settings, err);
    if (conf == NULL) {
        return false;
    }
    if (!configure(conf, &p->options, err)) {
        rd_kafka_conf_destroy(conf);
        return false;
    }
    rd_kafka_conf_set_opaque(conf, p);
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    rd_kafka_conf_set_error_cb(conf, on_error);
    rd_kafka_conf_set_stats_cb(conf, on_statistics);
    *rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
    if (*rk == NULL) { // e.g. a certificate that cannot be read
        rd_kafka_conf_destroy(conf);
        return error_set(err, ERROR_USAGE, "kafka: %s", why);
    }
    *rkt = rd_kafka_topic_new(*rk, p->options.settings->topic, NULL);
    if (*rkt == NULL) {
        rd_kafka_destroy(*rk);
        *rk = NULL;
        return error_set(err, ERROR_FATAL, "topic %s: %s", p->options.settings->topic,
                         rd_kafka_err2str(rd_kafka_last_error()));
    }
    return true;
}

// Everything that is under way fails now.
static void purge(rd_kafka_t *rk) {
    int64_t until_ms = now_ms() + PURGE_MS;
    rd_kafka_purge(rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    while (rd_kafka_outq_len(rk) > 0 && now_ms() < until_ms) {
        rd_kafka_poll(rk, POLL_MS);
    }
}

static void replace_handle(struct kafka_producer *p) {
    char why[256];
    struct error err = {0};
    rd_kafka_t *rk = NULL;
    rd_kafka_topic_t *rkt = NULL;
    if (now_ms() - p->replaced_ms < REPLACE_EVERY_MS) {
        return;
    }
    p->replaced_ms = now_ms();
    rd_kafka_resp_err_t code = rd_kafka_fatal_error(p->rk, why, sizeof why);
    kafka_health_down(p->health, code != RD_KAFKA_RESP_ERR_NO_ERROR ? why : "it starts again");
    if (!make_handle(p, &rk, &rkt, &err)) {
        log_error("broker", "%s; trying again", err.text);
        return;
    }
    pthread_rwlock_wrlock(&p->handle_lock);
    rd_kafka_t *old = p->rk;
    rd_kafka_topic_t *old_topic = p->rkt;
    p->rk = rk;
    p->rkt = rkt;
    pthread_rwlock_unlock(&p->handle_lock);
    p->fatal = false;
    p->counted.replaced++;
    purge(old);
    rd_kafka_topic_destroy(old_topic);
    rd_kafka_destroy(old);
}

// --- The thread

static void publish(struct kafka_producer *p) {
    pthread_mutex_lock(&p->status_lock);
    p->status = p->counted;
    pthread_mutex_unlock(&p->status_lock);
}

// Looks at the topic, as long as that has not worked. False: the cluster says no, err tells.
static bool look_at_topic(struct kafka_producer *p, int timeout_ms, struct error *err) {
    struct kafka_topic_facts facts;
    const char *topic = p->options.settings->topic;
    switch (kafka_topic_prepare(p->rk, topic, &p->options.topic, timeout_ms, &facts, err)) {
    case KAFKA_TOPIC_OK:
        kafka_topic_tell(topic, &p->options.topic, &facts);
        kafka_health_up(p->health);
        p->topic_known = true;
        return true;
    case KAFKA_TOPIC_UNREACHABLE:
        kafka_health_probe(p->health, p->rk, p->rkt, PROBE_MS);
        if (kafka_health_is_up(p->health)) {
            kafka_health_down(p->health, err->text);
        }
        return true;
    default:
        return false;
    }
}

static void look_after(struct kafka_producer *p) {
    struct error err;
    if (p->fatal) {
        replace_handle(p);
    } else if (!p->topic_known) {
        if (!look_at_topic(p, TOPIC_LOOK_MS, &err)) {
            kafka_health_down(p->health, err.text); // it may be made later
        }
    } else if (p->suspect || !kafka_health_is_up(p->health)) {
        p->suspect = false;
        kafka_health_probe(p->health, p->rk, p->rkt, PROBE_MS);
    }
}

static void *producer_main(void *arg) {
    struct kafka_producer *p = arg;
    while (!atomic_load(&p->stopping)) {
        rd_kafka_poll(p->rk, POLL_MS);
        look_after(p);
        publish(p);
    }
    purge(p->rk);
    publish(p);
    return NULL;
}

// --- Life

static bool start(struct kafka_producer *p, struct error *err) {
    if (!make_handle(p, &p->rk, &p->rkt, err) ||
        !look_at_topic(p, p->options.start_timeout_ms, err)) {
        return false;
    }
    char problem[KAFKA_PROBLEM_BYTES];
    if (!p->topic_known && p->options.must_reach) {
        bool ok = kafka_health_ok(p->health, problem);
        return error_set(err, ERROR_RETRIABLE, "%s", ok ? "kafka: no answer" : problem);
    }
    int code = pthread_create(&p->thread, NULL, producer_main, p);
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
    p->health = kafka_health_new(options->settings->brokers, options->settings->topic);
    pthread_rwlock_init(&p->handle_lock, NULL);
    pthread_mutex_init(&p->room_lock, NULL);
    pthread_cond_init(&p->room, NULL);
    pthread_mutex_init(&p->status_lock, NULL);
    if (!start(p, err)) {
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
    if (p->rk != NULL) {
        rd_kafka_topic_destroy(p->rkt);
        rd_kafka_destroy(p->rk);
    }
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
