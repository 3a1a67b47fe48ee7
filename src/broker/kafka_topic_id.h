// SPDX-License-Identifier: MIT
// Which topic of a name it is: a topic that was made anew has another id. One thread.
#pragma once
#include "base/error.h"
#include "base/must.h"
#include "engine/log_store.h"
#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stdint.h>

struct kafka_asker {
    rd_kafka_t *rk;            // borrowed: a producer or a consumer
    rd_kafka_queue_t *answers; // only of this
    uintptr_t n_asked;
};

struct kafka_asker kafka_asker_new(rd_kafka_t *rk);
void kafka_asker_free(struct kafka_asker *a); // before rk; also of one that is zero

void kafka_topic_id_send(struct kafka_asker *a, const char *topic); // the question
// Waits for the answer to the newest question. "": the brokers tell no ids, or not to us. False
// (ERROR_RETRIABLE): no answer in time, or there is no topic of that name now.
MUST_CHECK bool kafka_topic_id_take(struct kafka_asker *a, const char *topic,
                                    char id[static LOG_TOPIC_ID_BYTES], struct error *err);
// Without waiting: whether it has come. "": likewise, or it could not be asked.
MUST_CHECK bool kafka_topic_id_look(struct kafka_asker *a, char id[static LOG_TOPIC_ID_BYTES]);
