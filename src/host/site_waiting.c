// SPDX-License-Identifier: MIT
// Beside other writers: what waits in the topic of --broker until they count it. A thread of its
// own asks the brokers where the partitions end, then the tables how far they were counted; page,
// metrics and alerts are told what it found last. Without --broker there is none of it.
//
// How it fails: brokers, or the place of the aggregates, that do not answer: nothing is known of
// the lag, one line says so, and it is asked for on. Nobody else waits for it, and the process is
// as ready as before.
#include "host/site_internal.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "broker/kafka_waiting.h"
#include "live/watch.h"
#include <inttypes.h>
#include <stdlib.h>

enum { LOOK_EVERY_MS = 1000, POSITIONS_TIMEOUT_MS = 3000 };

struct site_waiting {
    const char *topic;
    struct watch *watch;
    // The watch's thread: what it asks.
    struct kafka_waiting *kafka;
    struct sales_reader *reader;
    bool told; // that the tables do not answer

    pthread_mutex_t lock; // of what follows
    bool known;
    struct kafka_partition_facts *at;
    size_t n;
    int64_t since_ms; // as kafka_waiting_since_ms
};

// --- The watch's thread

static bool count_position(void *user, const struct counted_position *p) {
    struct site_waiting *w = user;
    kafka_waiting_count(w->kafka, p->partition, p->topic_id, p->next_offset);
    return true;
}

static void note_found(struct site_waiting *w) {
    size_t n;
    const struct kafka_partition_facts *at = kafka_waiting_partitions(w->kafka, &n);
    int64_t since_ms = kafka_waiting_since_ms(w->kafka);
    pthread_mutex_lock(&w->lock);
    w->known = true;
    w->since_ms = since_ms;
    w->at = mem_realloc(w->at, n * sizeof *at);
    w->n = n;
    memcpy(w->at, at, n * sizeof *at);
    pthread_mutex_unlock(&w->lock);
}

static void note_unknown(struct site_waiting *w) {
    pthread_mutex_lock(&w->lock);
    w->known = false;
    pthread_mutex_unlock(&w->lock);
}

static bool ask_tables(struct site_waiting *w) {
    struct error err = {0};
    bool ok = w->reader->ops->positions(w->reader, w->topic, count_position, w, &err);
    if (!ok && !w->told) {
        log_warn("live", "the lag is not known: %s", err.text);
    }
    w->told = !ok;
    return ok;
}

// False: no answer of the brokers.
static bool look(void *user, struct error *err) {
    struct site_waiting *w = user;
    bool answered = kafka_waiting_ask(w->kafka, err);
    if (answered && ask_tables(w)) {
        note_found(w);
    } else {
        note_unknown(w);
    }
    return answered;
}

// --- Start and stop

// Under the lock. False: of some partition it is not known, and so not of the topic.
static bool sum_known(const struct site_waiting *w, int64_t *messages) {
    return w->known && site_lag_sum(w->at, w->n, messages);
}

static bool sum_waiting(struct site *s, int64_t *messages) {
    struct site_waiting *w = s->waiting;
    pthread_mutex_lock(&w->lock);
    bool known = sum_known(w, messages);
    pthread_mutex_unlock(&w->lock);
    return known;
}

static bool open_waiting(struct site *s, struct error *err) {
    struct store_settings settings;
    if (option_text(s->options, "broker") == NULL) {
        return true;
    }
    struct site_waiting *w = s->waiting = mem_zalloc(1, sizeof *w);
    const struct watched kafka = {.name = "kafka", .check = look, .user = w, .later = true};
    pthread_mutex_init(&w->lock, NULL);
    s->lag = sum_waiting;
    if (!site_read_kafka(s, "say what is counted", err) ||
        !kafka_waiting_open(&s->kafka, &w->kafka, err) ||
        !reader_place_open(s->place, POSITIONS_TIMEOUT_MS, &w->reader, &settings, err)) {
        return false;
    }
    w->topic = s->kafka.topic;
    w->watch = watch_start(&kafka, 1, LOOK_EVERY_MS, err);
    return w->watch != NULL;
}

static void close_waiting(struct site *s) {
    struct site_waiting *w = s->waiting;
    if (w == NULL) {
        return;
    }
    if (w->kafka != NULL) {
        kafka_waiting_halt(w->kafka);
    }
    watch_stop(w->watch);
    kafka_waiting_close(w->kafka);
    if (w->reader != NULL) {
        w->reader->ops->close(w->reader);
    }
    pthread_mutex_destroy(&w->lock);
    free(w->at);
    free(w);
}

// --- Asked from outside

static void put_oldest(struct buf *out, int64_t since_ms) {
    int64_t age_ms = since_ms > 0 ? clock_now_ms(clock_system()) - since_ms : 0;
    metric_head(out, "kafka_waiting_seconds", "gauge",
                "Age of the oldest message that is not counted yet; 0 when there is none.");
    buf_printf(out, "salestide_kafka_waiting_seconds %.3f\n",
               age_ms > 0 ? (double)age_ms / 1e3 : 0.0);
}

static void put_waiting(struct site *s, struct buf *out) {
    struct site_waiting *w = s->waiting;
    if (w == NULL) {
        return;
    }
    int64_t messages;
    pthread_mutex_lock(&w->lock);
    bool known = sum_known(w, &messages);
    metric_value(out, "kafka_lag_known", "gauge",
                 "Whether brokers and tables told, when they were last asked, what waits.", known);
    if (known) {
        site_lag_metrics(out, w->at, w->n);
    }
    if (known && w->since_ms != KAFKA_WAITING_UNKNOWN) {
        put_oldest(out, w->since_ms);
    }
    pthread_mutex_unlock(&w->lock);
}

static void put_waiting_health(struct site *s, struct buf *json) {
    struct site_waiting *w = s->waiting;
    if (w == NULL) {
        return;
    }
    int64_t messages;
    pthread_mutex_lock(&w->lock);
    bool known = sum_known(w, &messages);
    if (!known) {
        buf_put_str(json, ",\"lag\":null");
    } else {
        site_lag_health(json, w->at, w->n);
    }
    if (known && w->since_ms == KAFKA_WAITING_NONE) {
        buf_put_str(json, ",\"waiting_since_ms\":null");
    } else if (known && w->since_ms != KAFKA_WAITING_UNKNOWN) {
        buf_printf(json, ",\"waiting_since_ms\":%" PRId64, w->since_ms);
    }
    pthread_mutex_unlock(&w->lock);
}

const struct site_part part_waiting = {
    .name = "waiting",
    .open = open_waiting,
    .close = close_waiting,
    .metrics = put_waiting,
    .health = put_waiting_health,
};
