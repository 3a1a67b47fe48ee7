// SPDX-License-Identifier: MIT
// The producer's handle of librdkafka: made with its callbacks, and made anew after a fatal error
// (an idempotent producer that lost its place in a partition cannot go on) or for batches of
// another size, which the library fixes when a handle is made. Callbacks run on the producer's
// thread, within rd_kafka_poll.
#include "broker/kafka_producer_internal.h"

#include "base/log.h"
#include <stdio.h>

enum {
    POLL_MS = 100,
    PURGE_MS = 5000,
    REPLACE_EVERY_MS = 1000,
    STATISTICS_MS = 1000,
    TELL_EVERY_MS = 10 * 1000,
    MESSAGE_MAX_BYTES = 2 * ORDER_EVENT_MAX_BYTES,
    // Nothing is gathered by a timer: what comes while requests are under way is the next batch.
    // One request at a time makes a broker with many partitions slow, since each request is for one
    // of them; five make small batches: each costs both sides about as much as thirty messages.
    LINGER_MS = 0,
    REQUESTS_AT_A_TIME = 2,
};

// --- Callbacks

// A line now and then: kinds may take turns, and /readyz has the newest.
static void tell_failure(struct kafka_producer *p, rd_kafka_resp_err_t code) {
    char why[KAFKA_FAILURE_BYTES];
    int64_t now_ms = kafka_now_ms();
    bool ours = code == RD_KAFKA_RESP_ERR__PURGE_QUEUE || code == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT;
    if (ours || (p->told_ms != 0 && now_ms - p->told_ms < TELL_EVERY_MS)) {
        return;
    }
    p->told_ms = now_ms;
    kafka_failure_text(code, why);
    log_warn("broker", "topic %s did not take an event: %s", p->options.settings->topic, why);
}

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque) {
    struct kafka_producer *p = opaque;
    bool failed = m->err != RD_KAFKA_RESP_ERR_NO_ERROR;
    if (UNLIKELY(m->err == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE) && kafka_too_large(p, rk, m)) {
        return; // its place is taken by the rejection, or by itself again
    }
    if (UNLIKELY(failed)) {
        tell_failure(p, m->err);
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
    if (code == RD_KAFKA_RESP_ERR__FATAL) {
        p->fatal = p->fatal || rk == p->handle.rk;
        p->retired_fatal = p->retired_fatal || rk == p->retired.rk;
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
                      int64_t batch_bytes, struct error *err) {
    // The library's own bounds are off: room is taken before, and texts are not copied.
    return kafka_conf_set(conf, "enable.idempotence", "true", err) &&
           kafka_conf_set(conf, "acks", "all", err) &&
           kafka_conf_set(conf, "partitioner", "murmur2_random", err) &&
           kafka_conf_set_int(conf, "linger.ms", LINGER_MS, err) &&
           kafka_conf_set_int(conf, "max.in.flight", REQUESTS_AT_A_TIME, err) &&
           kafka_conf_set_int(conf, "batch.size", batch_bytes, err) &&
           kafka_conf_set_int(conf, "message.max.bytes", MESSAGE_MAX_BYTES, err) &&
           kafka_conf_set_int(conf, "queue.buffering.max.messages", 0, err) &&
           kafka_conf_set_int(conf, "queue.buffering.max.kbytes", INT32_MAX, err) &&
           kafka_conf_set_int(conf, "delivery.timeout.ms", o->delivery_timeout_ms, err) &&
           kafka_conf_set_int(conf, "statistics.interval.ms", STATISTICS_MS, err);
}

bool kafka_handle_make(struct kafka_producer *p, int64_t batch_bytes, struct kafka_handle *out,
                       struct error *err) {
    char why[300] = "";
    struct kafka_handle h = {.batch_bytes = batch_bytes};
    rd_kafka_conf_t *conf = kafka_conf_new(p->options.settings, err);
    if (conf == NULL) {
        return false;
    }
    if (!configure(conf, &p->options, batch_bytes, err)) {
        rd_kafka_conf_destroy(conf);
        return false;
    }
    rd_kafka_conf_set_opaque(conf, p);
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    rd_kafka_conf_set_error_cb(conf, on_error);
    rd_kafka_conf_set_stats_cb(conf, on_statistics);
    h.rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
    if (h.rk == NULL) { // e.g. a certificate that cannot be read
        rd_kafka_conf_destroy(conf);
        return error_set(err, ERROR_USAGE, "kafka: %s", why);
    }
    h.rkt = rd_kafka_topic_new(h.rk, p->options.settings->topic, NULL);
    if (h.rkt == NULL) {
        error_set(err, ERROR_USAGE, "topic %.300s: %s", p->options.settings->topic,
                  rd_kafka_err2str(rd_kafka_last_error()));
        rd_kafka_destroy(h.rk);
        return false;
    }
    *out = h;
    return true;
}

void kafka_handle_drop(struct kafka_handle *h) {
    if (h->rk != NULL) {
        rd_kafka_topic_destroy(h->rkt);
        rd_kafka_destroy(h->rk);
    }
    *h = (struct kafka_handle){0};
}

// Everything that is under way fails now.
void kafka_handle_purge(rd_kafka_t *rk) {
    int64_t until_ms = kafka_now_ms() + PURGE_MS;
    rd_kafka_resp_err_t code =
        rd_kafka_purge(rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        log_warn("broker", "what is under way cannot be dropped: %s", rd_kafka_err2str(code));
    }
    while (rd_kafka_outq_len(rk) > 0 && kafka_now_ms() < until_ms) {
        rd_kafka_poll(rk, POLL_MS);
    }
}

// The new one takes over. Returns the one before.
static struct kafka_handle swap_in(struct kafka_producer *p, struct kafka_handle h) {
    pthread_rwlock_wrlock(&p->handle_lock);
    struct kafka_handle before = p->handle;
    p->handle = h;
    pthread_rwlock_unlock(&p->handle_lock);
    return before;
}

bool kafka_handle_change(struct kafka_producer *p, int64_t batch_bytes, struct error *err) {
    struct kafka_handle h;
    if (!kafka_handle_make(p, batch_bytes, &h, err)) {
        return false;
    }
    p->retired = swap_in(p, h);
    p->retired_fatal = false;
    return true;
}

void kafka_handle_serve_retired(struct kafka_producer *p) {
    if (p->retired.rk == NULL) {
        return;
    }
    rd_kafka_poll(p->retired.rk, 0);
    if (p->retired_fatal || atomic_load(&p->stopping)) {
        kafka_handle_purge(p->retired.rk);
    }
    if (rd_kafka_outq_len(p->retired.rk) == 0 || p->retired_fatal) {
        kafka_handle_drop(&p->retired);
    }
}

void kafka_handle_replace(struct kafka_producer *p) {
    char why[256];
    struct error err = {0};
    struct kafka_handle h;
    if (kafka_now_ms() - p->replaced_ms < REPLACE_EVERY_MS) {
        return;
    }
    p->replaced_ms = kafka_now_ms();
    rd_kafka_resp_err_t code = rd_kafka_fatal_error(p->handle.rk, why, sizeof why);
    kafka_health_down(p->health, code != RD_KAFKA_RESP_ERR_NO_ERROR ? why : "it starts again");
    if (!kafka_handle_make(p, p->handle.batch_bytes, &h, &err)) {
        log_error("broker", "%s; trying again", err.text);
        return;
    }
    struct kafka_handle before = swap_in(p, h);
    p->fatal = false;
    p->counted.replaced++;
    kafka_handle_purge(before.rk);
    kafka_handle_drop(&before);
}
