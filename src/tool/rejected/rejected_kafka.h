// SPDX-License-Identifier: MIT
// Rejected events on their way into a Kafka topic again. Main thread.
#pragma once
#include "base/error.h"
#include "base/text.h"
#include "tool/send_to.h"
#include <stdint.h>

// What became of one, by the number that it was posted with: "sent" (its verdict is the
// processors') or "rejected", with a reason; NULL: it was not delivered, and why.
typedef void (*rejected_sent_fn)(void *user, int64_t tag, const char *verdict, const char *why);

struct rejected_kafka;
// To SEND_TO_TOPIC; the topic has to be there.
MUST_CHECK bool rejected_kafka_open(const struct send_to *to, rejected_sent_fn done, void *user,
                                    struct rejected_kafka **out, struct error *err);
// `event` is copied. What no topic should have (not JSON, not an order) is rejected here.
void rejected_kafka_post(struct rejected_kafka *k, int64_t tag, struct text event);
void rejected_kafka_finish(struct rejected_kafka *k); // until nothing is under way
void rejected_kafka_close(struct rejected_kafka *k);  // NULL is fine
