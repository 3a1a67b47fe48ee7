// SPDX-License-Identifier: MIT
// What waits in a topic that others read and count: how far each partition is from its end, and
// since when the first message that is not counted has been there. Joins no group and commits
// nothing. One thread; every call has a time-out.
//
// A round: kafka_waiting_ask; kafka_waiting_count for each partition that is in the tables, which
// are read after that, so that nothing is taken to wait that was counted; then the answers.
#pragma once
#include "broker/kafka_config.h"
#include "broker/kafka_log.h"

struct kafka_waiting;
// Connects to nothing yet. The topic is borrowed.
MUST_CHECK bool kafka_waiting_open(const struct kafka_settings *settings,
                                   struct kafka_waiting **out, struct error *err);
void kafka_waiting_close(struct kafka_waiting *w); // NULL is fine
// From any thread: the round ends with the call that it is in. It has no answer then.
void kafka_waiting_halt(struct kafka_waiting *w);

// Which topic it is now, and where its partitions begin and end for a reader of what is committed.
// Nothing of them is counted so far. False: no answer in time, or no such topic.
MUST_CHECK bool kafka_waiting_ask(struct kafka_waiting *w, struct error *err);
// Up to next_offset a partition was counted, of the topic with this id ("": not known). That of
// another topic, and of a partition that is not there, is left out.
void kafka_waiting_count(struct kafka_waiting *w, int32_t partition, struct text topic_id,
                         int64_t next_offset);

// Of the round: valid until the next one. next_offset is that of the first message that is there
// and not counted; end_offset -1: no leader now, or its
// begin was not told.
const struct kafka_partition_facts *kafka_waiting_partitions(const struct kafka_waiting *w,
                                                             size_t *n);
enum { KAFKA_WAITING_NONE = 0, KAFKA_WAITING_UNKNOWN = -1 };
// The stamp of the oldest of the partitions' first messages that are not counted (milliseconds
// since 1970), or one of the above. Reads each of them once.
int64_t kafka_waiting_since_ms(struct kafka_waiting *w);
