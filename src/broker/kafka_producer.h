// SPDX-License-Identifier: MIT
// The producing side of a topic, as an intake: each event of a submission becomes one message, and
// the submission is settled when all of them are acknowledged by the in-sync replicas (acks=all).
//
// A message, as `process` and other readers of the topic find it:
//   value      the event's JSON text, byte for byte as it came
//   key        the order_id as canonical text ("7", not "007" made 7), so that all events of an
//              order are in one partition, in order; the partition is murmur2 of the key, as the
//              Java client does it
//   header     only if options.mark_plain: KAFKA_PLAIN_HEADER
//   timestamp  when the door took it (submission.arrival_ms)
// An event that the door rejected is kept too: without key, its text cut to
// ORDER_REJECTED_TEXT_MAX_BYTES, with a header telling why (broker/kafka_rejected.h).
//
// Duplicates are judged later, by `process`: a delivered event is settled as accepted. The
// producer is idempotent: its own retries never write a message twice. A submission that was
// settled with "try later" may be in the topic in part; sending it again is safe, since every
// event is known by its identity.
#pragma once
#include "base/buf.h"
#include "broker/kafka_config.h"
#include "broker/kafka_topic.h"
#include "engine/intake.h"

// Of a message that is plain JSON in a topic whose other messages may be in an envelope.
#define KAFKA_PLAIN_HEADER "salestide-plain"

struct kafka_producer_options {
    const struct kafka_settings *settings; // borrowed
    struct kafka_topic_wish topic;
    size_t max_events;           // that are not acknowledged yet
    int64_t delivery_timeout_ms; // then an event counts as not delivered
    int start_timeout_ms;        // how long start waits for a broker
    bool mark_plain;             // each event has KAFKA_PLAIN_HEADER
    bool must_reach;             // start fails when none answers; else it goes on trying
};

struct kafka_producer;
// ERROR_USAGE: the topic does not exist, or something of the settings cannot be.
MUST_CHECK bool kafka_producer_start(const struct kafka_producer_options *options,
                                     struct kafka_producer **out, struct error *err);
// Borrowed. `settled` is called on the producer's thread, or on the offering one before offer
// returns. While no broker is reachable offer says no, and offer_wait takes it all the same.
struct intake kafka_producer_intake(struct kafka_producer *p);
void kafka_producer_metrics(struct kafka_producer *p, struct buf *out); // any thread
// Closes the intake, waits up to wait_ms for what is under way and settles the rest as "try later".
void kafka_producer_stop(struct kafka_producer *p, int wait_ms); // NULL is fine
void kafka_producer_free(struct kafka_producer *p);              // stopped; NULL is fine
