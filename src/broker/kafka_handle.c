// SPDX-License-Identifier: MIT
// The producer's handle of librdkafka: made with its callbacks, and made anew after a fatal error
// (an idempotent producer that lost its place in a partition cannot go on). Callbacks run on the
// producer's thread, within rd_kafka_poll.
#include "broker/kafka_producer_internal.h"

#include "base/log.h"
#include <stdio.h>

enum {
    POLL_MS = 100,
    PURGE_MS = 5000,
    REPLACE_EVERY_MS = 1000,
    STATISTICS_MS = 1000,
    BATCH_BYTES = 900 * 1000,
    MESSAGE_MAX_BYTES = 2 * ORDER_EVENT_MAX_BYTES,
    // Nothing is gathered by a timer: what comes while requests are under way is the next batch.
    // One request at a time makes a broker with many partitions slow, since each request is for one
    // of them; five make small batches: each costs both sides about as much as thirty messages.
    LINGER_MS = 0,
    REQUESTS_AT_A_TIME = 2,
};

// --- Callbacks

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
    return submission_reject(s, e, &why) &&
           kafka_produce_event(p, s, e) == RD_KAFKA_RESP_ERR_NO_ERROR;
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
        p->counted.failed_ms = kafka_now_ms();
    } else {
        p->counted.produced++;
        p->counted.failed_ms = 0;
        durations_add(&p->counted.delivery, rd_kafka_message_latency(m));
    }
    kafka_count_down(p, m->_private, 1, failed);
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
           kafka_conf_set_int(conf, "linger.ms", LINGER_MS, err) &&
           kafka_conf_set_int(conf, "max.in.flight", REQUESTS_AT_A_TIME, err) &&
           kafka_conf_set_int(conf, "batch.size", BATCH_BYTES, err) &&
           kafka_conf_set_int(conf, "message.max.bytes", MESSAGE_MAX_BYTES, err) &&
           kafka_conf_set_int(conf, "queue.buffering.max.messages", 0, err) &&
           kafka_conf_set_int(conf, "queue.buffering.max.kbytes", INT32_MAX, err) &&
           kafka_conf_set_int(conf, "delivery.timeout.ms", o->delivery_timeout_ms, err) &&
           kafka_conf_set_int(conf, "statistics.interval.ms", STATISTICS_MS, err);
}

bool kafka_handle_make(struct kafka_producer *p, rd_kafka_t **rk, rd_kafka_topic_t **rkt,
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
void kafka_handle_purge(rd_kafka_t *rk) {
    int64_t until_ms = kafka_now_ms() + PURGE_MS;
    rd_kafka_purge(rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    while (rd_kafka_outq_len(rk) > 0 && kafka_now_ms() < until_ms) {
        rd_kafka_poll(rk, POLL_MS);
    }
}

void kafka_handle_replace(struct kafka_producer *p) {
    char why[256];
    struct error err = {0};
    rd_kafka_t *rk = NULL;
    rd_kafka_topic_t *rkt = NULL;
    if (kafka_now_ms() - p->replaced_ms < REPLACE_EVERY_MS) {
        return;
    }
    p->replaced_ms = kafka_now_ms();
    rd_kafka_resp_err_t code = rd_kafka_fatal_error(p->rk, why, sizeof why);
    kafka_health_down(p->health, code != RD_KAFKA_RESP_ERR_NO_ERROR ? why : "it starts again");
    if (!kafka_handle_make(p, &rk, &rkt, &err)) {
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
    kafka_handle_purge(old);
    rd_kafka_topic_destroy(old_topic);
    rd_kafka_destroy(old);
}
