// SPDX-License-Identifier: MIT
// Rejected events in Kafka: the header with which a door hands one on (format/rejected_header.h),
// and the topic of copies
// (<topic>.rejected) for programs that watch what goes wrong. The truth is rejected_events in the
// aggregates store; the copies are sent after its transaction, and sent again or not at all when a
// process dies in between.
//
// A copy has the event's text as value, its key, and the headers
//     salestide-rejected   {"field":"total","code":"negative","message":"..."}
//     salestide-origin     topic/partition/offset, as in sales/3/1024
#pragma once
#include "base/buf.h"
#include "broker/kafka_config.h"
#include "store/aggregates.h"

#define KAFKA_ORIGIN_HEADER "salestide-origin"

// The reason in a message's header (format/rejected_header.h). False: it has none, or one that
// cannot be read.
MUST_CHECK bool kafka_rejected_read(const rd_kafka_message_t *m, struct rejection *why);

struct kafka_rejected;
// Starts a producer for the topic of copies, which has to exist or be made by the brokers. Borrows
// `topic`, the one the events come from.
MUST_CHECK bool kafka_rejected_start(const struct kafka_settings *settings, const char *topic,
                                     const char *copies_topic, struct kafka_rejected **out,
                                     struct error *err);
// One thread. Never blocks: what does not fit into the producer's queue is counted and left out.
void kafka_rejected_send(struct kafka_rejected *r, const struct rejected_event *e);
void kafka_rejected_stop(struct kafka_rejected *r); // waits a few seconds at most; NULL is fine
int64_t kafka_rejected_left_out(const struct kafka_rejected *r); // any thread
