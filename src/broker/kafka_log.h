// SPDX-License-Identifier: MIT
// A Kafka topic as the engine's source (engine/source.h): this process's partitions of it, as a
// member of a consumer group. Where to read on is known by the store, not by Kafka; positions are
// committed to Kafka too, for tools that show lag.
//
// Everything runs on the engine's thread but for kafka_log_stop and kafka_log_facts (any thread).
#pragma once
#include "base/clock.h"
#include "engine/log_store.h"
#include "engine/source.h"
#include "format/value_format.h"
#include <librdkafka/rdkafka.h>

// How members of the group agree on who reads what.
enum kafka_group_protocol {
    KAFKA_GROUP_CLASSIC,  // by a leader among them
    KAFKA_GROUP_CONSUMER, // by the brokers, from Kafka 4.0 on (KIP-848)
    KAFKA_GROUP_AUTO,     // by the brokers where they and the library can, else by a leader
};

struct kafka_log;
struct kafka_log_options {
    rd_kafka_conf_t *conf; // with brokers and credentials; given away, also on failure
    const char *topic, *group;
    const struct order_rules *rules; // borrowed
    enum value_format value_format;  // how messages carry their orders
    struct log_store *store;         // borrowed
    const struct clock_source *clock;
    int64_t window_ms; // of duplicates: a topic that keeps less is warned of; 0: none
    enum kafka_group_protocol group_protocol;
    // A member that is silent for so long loses its partitions; where the brokers decide, they say.
    int64_t session_timeout_ms;
    // Go on when messages are gone that were not counted: at the log's oldest one; so too when the
    // topic was made anew.
    bool skip_gap;
    bool allow_compacted; // else a topic whose older messages are removed is refused
};
MUST_CHECK bool kafka_log_open(const struct kafka_log_options *options, struct kafka_log **out,
                               struct error *err);
// Leaves the group. After the engine has ended, before the store is closed; NULL is fine.
void kafka_log_close(struct kafka_log *log);
struct source kafka_log_source(struct kafka_log *log); // borrowed
void kafka_log_stop(struct kafka_log *log); // the source ends. Also from a signal handler

enum { KAFKA_LOG_PROBLEM_BYTES = 512 };
struct kafka_partition_facts {
    int64_t next_offset; // committed; -1: nothing yet
    int64_t end_offset;  // of the log; -1: not known yet
    int32_t partition;
    bool stands_still; // ours, and not read: it waits for the store, or another has counted on
};
struct kafka_log_facts {
    bool brokers_up;
    bool assigned;    // the group has given this member its partitions (perhaps none)
    bool catching_up; // identities of the window are being read back
    int64_t rebalances, fences, skipped_gaps, messages, bytes;
    int64_t foreign_keys;                  // messages whose key or partition is not the order's
    int64_t odd_timestamps;                // messages whose timestamp no table takes
    char problem[KAFKA_LOG_PROBLEM_BYTES]; // "" when there is none
    size_t n_partitions;
};
// Copies what is known now; at most `cap` partitions.
void kafka_log_facts(struct kafka_log *log, struct kafka_log_facts *out,
                     struct kafka_partition_facts *partitions, size_t cap);
