// SPDX-License-Identifier: MIT
// Health of the connection to a cluster.
//
// When the library says that all brokers are down the owner probes; down is noted when that has
// failed for a while. The library also says so when the broker closes an idle connection, which is
// no trouble: the next message connects again. While down the owner goes on probing, which makes
// the library connect, until one works. Each change is one line in the log; errors of single
// connections are logged now and then.
#include "broker/kafka_health.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yyjson.h>

#define LOG_EVERY_NS (INT64_C(10) * 1000000000)

struct kafka_health {
    const char *brokers, *topic;
    atomic_bool up;
    pthread_mutex_t lock;
    bool was_up;                   // at least once
    char why[KAFKA_PROBLEM_BYTES]; // it is down; "" when it is up
    char last_error[256];          // of a connection
    int64_t logged_ns;             // when one was logged; 0: never
    int64_t n_brokers, n_brokers_up, n_partitions, n_leaderless;
};

struct kafka_health *kafka_health_new(const char *brokers, const char *topic) {
    struct kafka_health *h = mem_zalloc(1, sizeof *h);
    pthread_mutex_init(&h->lock, NULL);
    h->brokers = brokers;
    h->topic = topic;
    snprintf(h->why, sizeof h->why, "not connected to %.300s yet", brokers);
    return h;
}

void kafka_health_free(struct kafka_health *h) {
    if (h != NULL) {
        pthread_mutex_destroy(&h->lock);
        free(h);
    }
}

// --- What is heard

bool kafka_health_error(struct kafka_health *h, int code, const char *reason) {
    int64_t now_ns = clock_monotonic_ns(clock_system());
    if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
        return true;
    }
    pthread_mutex_lock(&h->lock);
    snprintf(h->last_error, sizeof h->last_error, "%s", reason);
    char *details = strstr(h->last_error, " (after "); // of the library's states
    if (details != NULL) {
        *details = '\0';
    }
    bool log_it = h->logged_ns == 0 || now_ns - h->logged_ns > LOG_EVERY_NS;
    h->logged_ns = log_it ? now_ns : h->logged_ns;
    pthread_mutex_unlock(&h->lock);
    log_line(log_it ? LOG_WARN : LOG_DEBUG, "broker", "%s", reason);
    return false;
}

static void count_brokers(struct kafka_health *h, yyjson_val *brokers) {
    size_t i, n;
    yyjson_val *name, *broker;
    yyjson_obj_foreach(brokers, i, n, name, broker) {
        const char *source = yyjson_get_str(yyjson_obj_get(broker, "source"));
        const char *state = yyjson_get_str(yyjson_obj_get(broker, "state"));
        if (source == NULL || state == NULL || strcmp(source, "internal") == 0 ||
            strcmp(source, "logical") == 0) {
            continue;
        }
        h->n_brokers++;
        h->n_brokers_up += strcmp(state, "UP") == 0 || strcmp(state, "UPDATE") == 0;
    }
}

static void count_partitions(struct kafka_health *h, yyjson_val *partitions) {
    size_t i, n;
    yyjson_val *id, *partition;
    yyjson_obj_foreach(partitions, i, n, id, partition) {
        yyjson_val *leader = yyjson_obj_get(partition, "leader");
        if (strcmp(yyjson_get_str(id), "-1") == 0) {
            continue; // the library's own list of what has no partition yet
        }
        h->n_partitions++;
        h->n_leaderless += yyjson_is_int(leader) && yyjson_get_sint(leader) < 0;
    }
}

void kafka_health_stats(struct kafka_health *h, const char *json, size_t len) {
    yyjson_doc *doc = yyjson_read(json, len, 0);
    yyjson_val *root = yyjson_doc_get_root(doc); // NULL of NULL
    pthread_mutex_lock(&h->lock);
    int64_t leaderless = h->n_leaderless;
    h->n_brokers = h->n_brokers_up = h->n_partitions = h->n_leaderless = 0;
    count_brokers(h, yyjson_obj_get(root, "brokers"));
    yyjson_val *topic = yyjson_obj_get(yyjson_obj_get(root, "topics"), h->topic);
    count_partitions(h, yyjson_obj_get(topic, "partitions"));
    int64_t now_leaderless = h->n_leaderless;
    pthread_mutex_unlock(&h->lock);
    yyjson_doc_free(doc);
    if (now_leaderless > leaderless) {
        log_warn("broker", "topic %s: %lld partitions have no leader", h->topic,
                 (long long)now_leaderless);
    } else if (now_leaderless == 0 && leaderless > 0) {
        log_info("broker", "topic %s: every partition has a leader again", h->topic);
    }
}

bool kafka_health_probe(struct kafka_health *h, rd_kafka_t *rk, rd_kafka_topic_t *rkt,
                        int timeout_ms) {
    const struct rd_kafka_metadata *found = NULL;
    if (rd_kafka_metadata(rk, 0, rkt, &found, timeout_ms) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return false;
    }
    rd_kafka_metadata_destroy(found);
    kafka_health_up(h);
    return true;
}

void kafka_health_lost(struct kafka_health *h) {
    char why[KAFKA_PROBLEM_BYTES];
    pthread_mutex_lock(&h->lock);
    snprintf(why, sizeof why, "no broker of %.150s answers%s%.200s", h->brokers,
             h->last_error[0] != '\0' ? ": " : "", h->last_error);
    pthread_mutex_unlock(&h->lock);
    kafka_health_down(h, why);
}

void kafka_health_up(struct kafka_health *h) {
    if (atomic_exchange(&h->up, true)) {
        return;
    }
    pthread_mutex_lock(&h->lock);
    bool again = h->was_up;
    h->was_up = true;
    h->why[0] = h->last_error[0] = '\0';
    pthread_mutex_unlock(&h->lock);
    log_info("broker", again ? "connected to %s again" : "connected to %s", h->brokers);
}

void kafka_health_down(struct kafka_health *h, const char *why) {
    bool was_up = atomic_exchange(&h->up, false);
    pthread_mutex_lock(&h->lock);
    bool news = was_up || strcmp(h->why, why) != 0;
    int64_t now_ns = clock_monotonic_ns(clock_system());
    bool log_it = was_up || (news && (h->logged_ns == 0 || now_ns - h->logged_ns > LOG_EVERY_NS));
    h->logged_ns = log_it ? now_ns : h->logged_ns;
    snprintf(h->why, sizeof h->why, "%s", why);
    pthread_mutex_unlock(&h->lock);
    if (log_it) {
        log_warn("broker", "%s", why);
    }
}

// --- What is told

bool kafka_health_is_up(const struct kafka_health *h) {
    return atomic_load_explicit(&h->up, memory_order_relaxed);
}

bool kafka_health_ok(struct kafka_health *h, char problem[static KAFKA_PROBLEM_BYTES]) {
    bool up = kafka_health_is_up(h);
    pthread_mutex_lock(&h->lock);
    bool led = h->n_partitions == 0 || h->n_leaderless < h->n_partitions;
    if (!up) {
        snprintf(problem, KAFKA_PROBLEM_BYTES, "kafka: %.380s",
                 h->why[0] != '\0' ? h->why : "not connected");
    } else if (!led) {
        snprintf(problem, KAFKA_PROBLEM_BYTES, "kafka: no partition of topic %s has a leader",
                 h->topic);
    }
    pthread_mutex_unlock(&h->lock);
    return up && led;
}

void kafka_health_metrics(struct kafka_health *h, struct buf *out) {
    pthread_mutex_lock(&h->lock);
    metric_value(out, "kafka_up", "gauge", "1 when a broker is reachable.", kafka_health_is_up(h));
    metric_value(out, "kafka_brokers", "gauge", "Brokers known.", h->n_brokers);
    metric_value(out, "kafka_brokers_connected", "gauge",
                 "Brokers with a connection; it is made when there is something to send.",
                 h->n_brokers_up);
    metric_value(out, "kafka_leaderless_partitions", "gauge",
                 "Partitions of the topic that have no leader.", h->n_leaderless);
    pthread_mutex_unlock(&h->lock);
}
