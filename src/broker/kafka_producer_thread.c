// SPDX-License-Identifier: MIT
// The producer's thread: serves the library's callbacks, and looks after the topic, the brokers and
// the handle.
#include "broker/kafka_producer_internal.h"

#include "base/log.h"

enum {
    POLL_MS = 100,
    POLL_TWO_MS = 5, // of two handles, of which one only can be waited for
    PROBE_MS = 300,
    LOST_AFTER_MS = 1500, // of probes without an answer
    TOPIC_LOOK_MS = 1000,
    LIMIT_EVERY_MS = 60 * 1000,
    LIMIT_LOOK_MS = 500,
};

static void publish(struct kafka_producer *p) {
    pthread_mutex_lock(&p->status_lock);
    p->status = p->counted;
    pthread_mutex_unlock(&p->status_lock);
}

// The topic's limit is another than the batches are made for.
static void fit_batches(struct kafka_producer *p) {
    struct error err;
    int64_t batch_bytes = kafka_batch_bytes(p->limit_bytes);
    if (batch_bytes == p->handle.batch_bytes || p->retired.rk != NULL || p->limit_bytes < 0) {
        return;
    }
    if (kafka_handle_change(p, batch_bytes, &err)) {
        log_info("broker", "topic %s takes batches of up to %lld bytes", p->options.settings->topic,
                 (long long)p->limit_bytes);
    } else {
        log_error("broker", "%s; trying again", err.text);
    }
}

// Somebody may have changed it. Who is not told the first time is not told later.
static void ask_limit_again(struct kafka_producer *p) {
    struct kafka_topic_facts facts;
    struct error err;
    if (p->limit_bytes < 0 || kafka_now_ms() - p->limit_ms < LIMIT_EVERY_MS) {
        return;
    }
    p->limit_ms = kafka_now_ms();
    if (kafka_topic_describe(p->handle.rk, p->options.settings->topic, LIMIT_LOOK_MS, false, &facts,
                             &err) &&
        facts.max_message_bytes >= 0 && facts.max_message_bytes != p->limit_bytes) {
        kafka_take_limit(p, facts.max_message_bytes);
        fit_batches(p);
    }
}

// Looks at the topic, as long as that has not worked. False: the cluster says no, err tells.
bool kafka_look_at_topic(struct kafka_producer *p, int timeout_ms, struct error *err) {
    struct kafka_topic_facts facts;
    const char *topic = p->options.settings->topic;
    switch (kafka_topic_prepare(p->handle.rk, topic, &p->options.topic, timeout_ms, &facts, err)) {
    case KAFKA_TOPIC_OK:
        kafka_topic_tell(topic, &p->options.topic, &facts);
        kafka_take_limit(p, facts.max_message_bytes);
        fit_batches(p);
        kafka_health_up(p->health);
        p->topic_known = true;
        return true;
    case KAFKA_TOPIC_UNREACHABLE:
        if (kafka_health_probe(p->health, p->handle.rk, p->handle.rkt, PROBE_MS)) {
            kafka_health_down(p->health, err->text);
        } else {
            kafka_health_lost(p->health);
        }
        return true;
    default:
        return false;
    }
}

static void count_refused(struct kafka_producer *p) {
    long long n = atomic_exchange(&p->n_refused, 0);
    if (n > 0) {
        p->counted.failed += n;
        p->counted.failure = (rd_kafka_resp_err_t)atomic_load(&p->refusal);
        p->counted.failed_ms = kafka_now_ms();
        p->suspect = true; // asking for the topic's metadata lets the library see it anew
    }
}

static void kafka_producer_thread_probe(struct kafka_producer *p) {
    int64_t ms = kafka_now_ms();
    if (p->suspect_ms == 0) {
        p->suspect_ms = ms;
    }
    if (kafka_health_probe(p->health, p->handle.rk, p->handle.rkt, PROBE_MS)) {
        p->suspect = false;
        p->suspect_ms = 0;
    } else if (kafka_now_ms() - p->suspect_ms >= LOST_AFTER_MS) {
        kafka_health_lost(p->health);
    }
}

static void look_after(struct kafka_producer *p) {
    struct error err;
    if (p->fatal) {
        kafka_handle_replace(p);
    } else if (!p->topic_known) {
        if (!kafka_look_at_topic(p, TOPIC_LOOK_MS, &err)) {
            kafka_health_down(p->health, err.text); // it may be made later
        }
    } else if (p->suspect || !kafka_health_is_up(p->health)) {
        kafka_producer_thread_probe(p);
    } else {
        ask_limit_again(p);
    }
}

void *kafka_producer_main(void *arg) {
    struct kafka_producer *p = arg;
    while (!atomic_load(&p->stopping)) {
        rd_kafka_poll(p->handle.rk, p->retired.rk != NULL ? POLL_TWO_MS : POLL_MS);
        kafka_handle_serve_retired(p);
        kafka_resend(p);
        count_refused(p);
        look_after(p);
        publish(p);
    }
    kafka_handle_serve_retired(p);
    kafka_handle_purge(p->handle.rk);
    kafka_resend_give_up(p);
    publish(p);
    return NULL;
}
