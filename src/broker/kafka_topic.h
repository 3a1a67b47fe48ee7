// SPDX-License-Identifier: MIT
// A topic before it is used: is it there, is it made if wished, and is what it acknowledges safe?
#pragma once
#include "base/error.h"
#include "base/must.h"
#include <librdkafka/rdkafka.h>
#include <stdint.h>

// Zero: it has to be there.
struct kafka_topic_wish {
    bool create;                 // when it is not there, with:
    int partitions, replication; // each at least 1
};

struct kafka_topic_facts {
    int partitions;
    int replication;           // the smallest of its partitions
    int64_t min_isr;           // min.insync.replicas; -1: the broker does not tell us
    int64_t max_message_bytes; // -1: likewise
    bool told;                 // the broker has told its configuration
    bool compacted;            // cleanup.policy has compact: older messages of a key are removed
    int64_t retention_ms;      // -1: for ever, or not told
    int64_t retention_bytes;   // of each partition; -1: any number, or not told
    bool created;              // by us, now
};

enum kafka_topic_result {
    KAFKA_TOPIC_OK,
    KAFKA_TOPIC_UNREACHABLE, // no answer in time: try again later
    KAFKA_TOPIC_MISSING,     // and not wished for; ERROR_USAGE
    KAFKA_TOPIC_REFUSED,     // the cluster says no; ERROR_USAGE
};
// Looks, and makes it if that is wished, within about timeout_ms. Serves the events of `rk`
// meanwhile, so that its error callback hears of trouble. `rk` may be a producer or a consumer.
MUST_CHECK enum kafka_topic_result
kafka_topic_prepare(rd_kafka_t *rk, const char *topic, const struct kafka_topic_wish *wish,
                    int timeout_ms, struct kafka_topic_facts *facts, struct error *err);
// What the brokers tell of its configuration, within about timeout_ms; what they do not tell us
// stays -1 (or false). Serves events as above, unless `quiet`: a consumer's queue has messages too.
// False: no answer (ERROR_RETRIABLE), or there is no such topic.
MUST_CHECK bool kafka_topic_describe(rd_kafka_t *rk, const char *topic, int timeout_ms, bool quiet,
                                     struct kafka_topic_facts *facts, struct error *err);
// Writes log lines: what the topic is, and warnings when an acknowledged order could be lost with
// one broker.
void kafka_topic_tell(const char *topic, const struct kafka_topic_wish *wish,
                      const struct kafka_topic_facts *facts);
