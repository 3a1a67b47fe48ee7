// SPDX-License-Identifier: MIT
// What the files of the Kafka source share; see kafka_log.c for how they work together.
#pragma once
#include "broker/kafka_log.h"
#include "broker/kafka_partition.h"
#include "broker/kafka_topic.h"
#include "broker/kafka_topic_id.h"
#include "engine/submission.h"
#include <pthread.h>
#include <stdatomic.h>

enum { KAFKA_CALL_TIMEOUT_MS = 10000, KAFKA_HEARTBEAT_MS = 200 };

// Messages of one partition that follow each other, and their submission (whose `user` it is).
struct kafka_slice {
    struct submission *submission;
    struct kafka_log *log;
    struct kafka_slice *next; // in the freelist
    rd_kafka_message_t **messages;
    size_t n_messages, cap_messages;
    int64_t bytes;                        // of their values
    int64_t expected_before;              // of its partition
    int32_t lane;                         // of its partition
    int32_t topic_partitions;             // of the topic; 0: not known
    int64_t n_other_form;                 // messages in another form than the topic is read in
    const rd_kafka_message_t *other_form; // the first of them, if any
    const struct rejection *other_why;    // its reason
    int64_t n_foreign; // messages keyed or placed otherwise than their order's id says
    const rd_kafka_message_t *foreign;  // the first of them, if any
    int64_t n_odd_times;                // messages whose timestamp is none that a table takes
    const rd_kafka_message_t *odd_time; // the first of them, if any
    int64_t kept_from_ms; // an older timestamp is past the topic's retention; INT64_MIN: for ever
    const rd_kafka_message_t *too_old; // the first message with such a timestamp, if any
};
struct kafka_parse; // parses slices: kafka_parse.c

struct kafka_log {
    struct kafka_log_options options;
    char *topic, *group;
    rd_kafka_t *rk;
    rd_kafka_queue_t *queue;
    rd_kafka_conf_t *conf_classic; // to join by, when the brokers cannot decide; else NULL
    struct kafka_asker asker;      // which topic it is, by a client beside the consumer's
    bool watching;                 // an answer is to come that nobody waits for
    int64_t watch_at_ns;
    int64_t retention_ms;              // of the topic; -1: for ever, or not told
    char topic_id[LOG_TOPIC_ID_BYTES]; // of what is read; "": the brokers do not tell
    bool no_id_told;                   // that brokers tell none
    struct kafka_parse *parse;
    struct submission *ahead; // slices being parsed, for the next take
    bool dropped;             // some of them were: the library has read past what is expected
    struct log_partition *partitions;
    int32_t n_partitions;
    int32_t topic_partitions; // of the topic; 0: not known
    bool by_brokers;          // they share out the group's partitions
    bool join_classic;        // they cannot: the next take joins again
    bool topic_looked_at;     // its configuration suits, or is not told to us
    bool held;                // the store is down: nothing is handed over until rewind
    bool rebalanced;          // in the call of the queue that is going on
    bool failed;              // for good
    bool told_foreign, told_odd_time, told_too_old, told_unknown, told_other_form;
    rd_kafka_message_t **messages; // of one call of the queue
    struct kafka_slice *free_slices;
    size_t n_free_slices;
    int64_t claim_at_ns;        // when waiting partitions are claimed again
    int64_t wake_at_ns;         // when the library's thread is next woken
    int64_t commit_at_ns;       // when positions are next committed to Kafka
    int64_t facts_at_ns;        // when end offsets are next looked at
    struct kafka_log_facts now; // the thread's own
    atomic_bool stop;

    pthread_mutex_t lock; // of what follows
    struct kafka_log_facts facts;
    struct kafka_partition_facts *partition_facts;
    size_t cap_partition_facts;
};

// --- kafka_log.c
// Ends the source for good: one line for people in the log and in the facts.
void kafka_log_fail(struct kafka_log *log, const char *format, ...) PRINTF_LIKE(2, 3);
// As a problem of /readyz that may go away; NULL: gone.
void kafka_log_problem(struct kafka_log *log, const char *text);

// --- kafka_open.c
// Makes the consumer and joins the group. `conf` is given away.
MUST_CHECK bool kafka_log_join(struct kafka_log *log, rd_kafka_conf_t *conf, struct error *err);
// The library has said that it will do nothing more for this consumer.
void kafka_log_fatal(struct kafka_log *log);
// With join_classic: leaves, and joins by the classic protocol. A failure ends the source.
void kafka_log_join_again(struct kafka_log *log);
void kafka_log_leave(struct kafka_log *log); // partitions are handed over from within

// --- kafka_retention.c
// Is the log kept as exact counting needs it? False (ERROR_FATAL): it is compacted, which was not
// allowed. Warns of a retention that is too short.
MUST_CHECK bool kafka_log_look_at_topic(struct kafka_log *log,
                                        const struct kafka_topic_facts *facts, struct error *err);
// The same with facts that are asked now, unless that was done; without an answer it is true.
MUST_CHECK bool kafka_log_ask_topic(struct kafka_log *log, struct error *err);

// --- kafka_identity.c: is it still the same topic?
// `conf`, with brokers and credentials alone, is given away.
MUST_CHECK bool kafka_identity_open(struct kafka_log *log, rd_kafka_conf_t *conf,
                                    struct error *err);
void kafka_identity_close(struct kafka_log *log); // also of one that was not opened
// Asks which topic it is now. False: no answer in time, or there is none of that name (RETRIABLE).
MUST_CHECK bool kafka_identity_now(struct kafka_log *log, char id[static LOG_TOPIC_ID_BYTES],
                                   struct error *err);
// False: it is another one than the one that is read, and the source has ended.
MUST_CHECK bool kafka_identity_still(struct kafka_log *log);
// source_ops.ask and confirm.
void kafka_identity_ask(struct kafka_log *log);
MUST_CHECK bool kafka_identity_confirm(struct kafka_log *log, struct error *err);
// While nothing comes: looks now and then, without waiting.
void kafka_identity_watch(struct kafka_log *log);
// The line for people, of a topic that was made anew while it was read.
void kafka_identity_changed(struct kafka_log *log, const char *now_id);

// --- kafka_facts.c
// Puts what the engine's thread knows where others see it.
void kafka_log_publish(struct kafka_log *log);

// --- kafka_group.c: partitions come and go
void kafka_group_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t code,
                           rd_kafka_topic_partition_list_t *list, void *opaque);
// Claims what waits, when the store can be asked.
void kafka_group_claim_waiting(struct kafka_log *log);
// Has reading go on at `expected` of these partitions. False: `err`.
MUST_CHECK bool kafka_group_seek(struct kafka_log *log, const int32_t *partitions, size_t n,
                                 struct error *err);

// Nobody knows where the library reads on: all active partitions are claimed again, and sought.
void kafka_group_lose_place(struct kafka_log *log, const char *why);

// --- kafka_start.c
// Claims a partition in the store and finds where to begin: sets lane, begin, expected,
// history_from and history_until. False: the store or the topic cannot be asked (err is RETRIABLE),
// or what the store wants next is gone or of another topic (ERROR_FATAL).
MUST_CHECK bool kafka_start_partition(struct kafka_log *log, int32_t partition, struct error *err);

// --- kafka_slice.c
// Takes all messages over. Returns submissions to hand over, in order, and may keep the last ones
// back, ahead, for the next call.
struct submission *kafka_slices(struct kafka_log *log, rd_kafka_message_t **messages, size_t n);
// Drops what is ahead: to be sought and read again (sets `dropped`). Before partitions change.
void kafka_slices_drop(struct kafka_log *log);
void kafka_slices_free(struct kafka_log *log);
// The broker's stamp by log_arrival_ms. *odd, unless NULL: it was moved by that.
int64_t kafka_arrival_ms(const rd_kafka_message_t *m, bool *odd);

// --- kafka_parse.c: all but its own thread is called on the engine's
MUST_CHECK bool kafka_parse_start(const struct order_rules *rules, enum value_format format,
                                  struct kafka_parse **out, struct error *err);
void kafka_parse_stop(struct kafka_parse *p); // NULL is fine
// From begin until end or abandon the slices (linked by `next`) are not to be touched.
void kafka_parse_begin(struct kafka_parse *p, struct submission *slices);
void kafka_parse_end(struct kafka_parse *p);                            // all of them are parsed
void kafka_parse_abandon(struct kafka_parse *p);                        // some of them may be
void kafka_parse_now(struct kafka_parse *p, struct submission *slices); // here, one after the other
void kafka_out_of_memory(void);
