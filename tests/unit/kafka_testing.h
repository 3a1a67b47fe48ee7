// SPDX-License-Identifier: MIT
// A cluster that librdkafka plays within the test's process, and a producer on it.
#pragma once
#include "base/clock.h"
#include "base/mem.h"
#include "broker/kafka_producer.h"
#include "engine/zone_file.h"
#include "format/order_json.h"
#include <librdkafka/rdkafka_mock.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum { MOCK_TOPIC_PARTITIONS = 3, PRODUCE = 0 /* the protocol's number of that request */ };
enum { SETTLE_WAIT_MS = 20000 };

struct mock {
    rd_kafka_t *rk;
    rd_kafka_mock_cluster_t *cluster;
    struct kafka_settings settings;
};

static inline void mock_start(struct mock *m, int brokers) {
    char why[200];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    *m = (struct mock){0};
    m->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
    assert_non_null(m->rk);
    m->cluster = rd_kafka_mock_cluster_new(m->rk, brokers);
    assert_non_null(m->cluster);
    rd_kafka_mock_set_controller_id(m->cluster, 1); // who is asked which topic it is
    rd_kafka_mock_topic_create(m->cluster, "sales", MOCK_TOPIC_PARTITIONS, 1);
    snprintf(m->settings.brokers, sizeof m->settings.brokers, "%s",
             rd_kafka_mock_cluster_bootstraps(m->cluster));
    snprintf(m->settings.topic, sizeof m->settings.topic, "sales");
}

static inline void mock_stop(struct mock *m) {
    rd_kafka_mock_cluster_destroy(m->cluster);
    rd_kafka_destroy(m->rk);
}

static inline struct kafka_producer *mock_producer(struct mock *m, size_t max_events,
                                                   int64_t delivery_timeout_ms) {
    const struct kafka_producer_options options = {.settings = &m->settings,
                                                   .max_events = max_events,
                                                   .delivery_timeout_ms = delivery_timeout_ms,
                                                   .start_timeout_ms = 1000};
    struct kafka_producer *p = NULL;
    struct error err = {0};
    if (!kafka_producer_start(&options, &p, &err)) {
        fail_msg("%s", err.text);
    }
    return p;
}

// --- Submissions

// How one ended; many may share it.
struct ending {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int settled, durable;
};
#define ENDING_START                                                                               \
    { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0 }

static inline void note_ending(struct submission *s, enum settle_result result) {
    struct ending *e = s->user;
    pthread_mutex_lock(&e->lock);
    e->settled++;
    e->durable += result == SETTLE_DURABLE;
    pthread_cond_signal(&e->changed);
    pthread_mutex_unlock(&e->lock);
}

static inline void wait_for_endings(struct ending *e, int n) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += SETTLE_WAIT_MS / 1000;
    int code = 0;
    pthread_mutex_lock(&e->lock);
    while (e->settled < n && code == 0) {
        code = pthread_cond_timedwait(&e->changed, &e->lock, &until);
    }
    assert_int_equal(e->settled, n);
    pthread_mutex_unlock(&e->lock);
}

// Events as a door makes them; each text has to live as long as the submission.
static inline struct submission *submission_of(struct ending *ending, const char *const *texts,
                                               size_t n) {
    static struct zone *utc;
    struct error err;
    if (utc == NULL) {
        assert_true(zone_open("UTC", &utc, &err));
    }
    const struct order_rules rules = {.zone = utc, .currency = "USD"};
    struct order_json *parser = mem_must(order_json_new(NULL));
    struct submission *s = submission_new(NULL);
    assert_non_null(s);
    for (size_t i = 0; i < n; i++) {
        struct event *e = submission_add(s);
        struct rejection why;
        assert_non_null(e);
        e->raw = text_of(texts[i]);
        enum order_json_result result =
            order_json_parse(parser, &rules, e->raw, &s->arena, &e->order, &why);
        if (result != ORDER_JSON_OK) {
            assert_true(submission_reject(s, e, &why));
        }
    }
    order_json_free(parser);
    s->arrival_ms = 1764547200123; // 2025-12-01T00:00:00.123Z
    s->settled = note_ending;
    s->user = ending;
    return s;
}

#define ORDER_TEXT(id)                                                                             \
    "{\"order_id\":" id ",\"created_at\":\"2025-12-01T00:00:00Z\",\"product_id\":1,"               \
    "\"quantity\":1,\"total\":\"1.00\"}"

// True when `condition` came to hold within ten seconds.
#define EVENTUALLY(condition)                                                                      \
    ({                                                                                             \
        bool holds = false;                                                                        \
        for (int tries = 0; tries < 1000 && !(holds = (condition)); tries++) {                     \
            clock_sleep_ms(10);                                                                    \
        }                                                                                          \
        holds;                                                                                     \
    })
