// SPDX-License-Identifier: MIT
// Why the topic does not take events, for the log and /readyz: what the library says, and what to
// look at where that is known.
#include "broker/kafka_producer_internal.h"

#include "order/timestamp.h"
#include <stdio.h>

void kafka_failure_text(rd_kafka_resp_err_t code, char out[static KAFKA_FAILURE_BYTES]) {
    char now[32];
    switch (code) {
    case RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP:
        now[timestamp_format(clock_now_ms(clock_system()), now)] = '\0';
        snprintf(out, KAFKA_FAILURE_BYTES,
                 "the brokers do not believe the clock of this machine (%s): set the clocks here "
                 "and there right, or see message.timestamp.after.max.ms of the topic",
                 now);
        break;
    case RD_KAFKA_RESP_ERR_INVALID_RECORD: // it, or one that was in a batch with it
        now[timestamp_format(clock_now_ms(clock_system()), now)] = '\0';
        snprintf(
            out, KAFKA_FAILURE_BYTES,
            "the brokers find an event not valid: mostly they do not believe the clock of this "
            "machine (%s), or the topic is compacted",
            now);
        break;
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
        snprintf(out, KAFKA_FAILURE_BYTES, "%s; give the user the right to WRITE to it",
                 rd_kafka_err2str(code));
        break;
    default:
        snprintf(out, KAFKA_FAILURE_BYTES, "%s", rd_kafka_err2str(code));
    }
}
