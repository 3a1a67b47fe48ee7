// SPDX-License-Identifier: MIT
// What a client of Kafka knows about its cluster: is a broker reachable, has every partition a
// leader, what went wrong last. Feeds the log, /readyz and /metrics. All functions: any thread.
#pragma once
#include "base/buf.h"
#include "base/must.h"
#include <librdkafka/rdkafka.h>
#include <stdbool.h>

enum { KAFKA_PROBLEM_BYTES = 400 };

struct kafka_health;
// Borrows the texts. It starts as not reachable.
MUST_CHECK struct kafka_health *kafka_health_new(const char *brokers, const char *topic);
void kafka_health_free(struct kafka_health *h); // NULL is fine

// From the library's error callback. True: it may be that no broker is reachable any more; the
// owner finds out (kafka_health_probe).
MUST_CHECK bool kafka_health_error(struct kafka_health *h, int code, const char *reason);
// From the library's statistics callback (statistics.interval.ms).
void kafka_health_stats(struct kafka_health *h, const char *json, size_t len);
// Asks the cluster about the topic, waiting timeout_ms at most; an answer means that it is up.
MUST_CHECK bool kafka_health_probe(struct kafka_health *h, rd_kafka_t *rk, rd_kafka_topic_t *rkt,
                                   int timeout_ms);
// Probes have failed long enough: no broker is reachable.
void kafka_health_lost(struct kafka_health *h);
// A broker answered: it is reachable.
void kafka_health_up(struct kafka_health *h);
// Not usable, for a reason that the owner knows: one line.
void kafka_health_down(struct kafka_health *h, const char *why);

bool kafka_health_is_up(const struct kafka_health *h);
// False: `problem` is one line, beginning with "kafka: ".
MUST_CHECK bool kafka_health_ok(struct kafka_health *h, char problem[static KAFKA_PROBLEM_BYTES]);
void kafka_health_metrics(struct kafka_health *h, struct buf *out);
