// SPDX-License-Identifier: MIT
// Rejected events in Kafka. A copy is produced and forgotten: the library delivers it in its own
// time, and its reports are served at the next copy and at the end. How it fails: no broker, or no
// such topic: the copy is counted as left out, and the first of them is one line in the log.
#include "broker/kafka_rejected.h"

#include "base/log.h"
#include "base/mem.h"
#include "format/rejected_header.h"
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum { STOP_MS = 3000 };

struct kafka_rejected {
    rd_kafka_t *rk;
    rd_kafka_topic_t *rkt;
    const char *topic;
    struct buf header;
    _Atomic int64_t left_out;
};

bool kafka_rejected_read(const rd_kafka_message_t *m, struct rejection *why) {
    rd_kafka_headers_t *headers = NULL;
    const void *value = NULL;
    size_t len = 0;
    return rd_kafka_message_headers(m, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR &&
           rd_kafka_header_get_last(headers, REJECTED_HEADER, &value, &len) ==
               RD_KAFKA_RESP_ERR_NO_ERROR &&
           rejected_header_read((struct text){value, len}, why);
}

// --- Copies

static void leave_out(struct kafka_rejected *r, const char *reason) {
    if (atomic_fetch_add(&r->left_out, 1) == 0) {
        log_warn("broker",
                 "copies of rejected events are left out: %s (they are all in "
                 "rejected_events)",
                 reason);
    }
}

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque) {
    UNUSED(rk);
    if (m->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        leave_out(opaque, rd_kafka_err2str(m->err));
    }
}

bool kafka_rejected_start(const struct kafka_settings *settings, const char *topic,
                          const char *copies_topic, struct kafka_rejected **out,
                          struct error *err) {
    rd_kafka_conf_t *conf = kafka_conf_new(settings, err);
    if (conf == NULL) {
        return false;
    }
    struct kafka_rejected *r = mem_zalloc(1, sizeof *r);
    char why[256];
    r->topic = topic;
    rd_kafka_conf_set_opaque(conf, r);
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    if (!kafka_conf_set(conf, "acks", "all", err) ||
        !kafka_conf_set(conf, "message.timeout.ms", "30000", err) ||
        !kafka_conf_set(conf, "partitioner", "murmur2_random", err)) {
        rd_kafka_conf_destroy(conf);
        free(r);
        return false;
    }
    r->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
    if (r->rk == NULL) {
        rd_kafka_conf_destroy(conf);
        free(r);
        return error_set(err, ERROR_FATAL, "kafka: %s", why);
    }
    r->rkt = rd_kafka_topic_new(r->rk, copies_topic, NULL);
    if (r->rkt == NULL) {
        error_set(err, ERROR_USAGE, "topic %.300s: %s", copies_topic,
                  rd_kafka_err2str(rd_kafka_last_error()));
        rd_kafka_destroy(r->rk);
        free(r);
        return false;
    }
    *out = r;
    return true;
}

void kafka_rejected_send(struct kafka_rejected *r, const struct rejected_event *e) {
    char origin[320];
    int n = snprintf(origin, sizeof origin, "%s/%" PRId32 "/%" PRId64, r->topic, e->partition,
                     log_position_offset(e->position));
    buf_clear(&r->header);
    rejected_header_put(&r->header, e->field, e->code, e->message);
    if (r->header.failed) {
        leave_out(r, "out of memory");
        return;
    }
    rd_kafka_resp_err_t code = rd_kafka_producev(
        r->rk, RD_KAFKA_V_RKT(r->rkt), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
        RD_KAFKA_V_VALUE((void *)(uintptr_t)e->raw.at, e->raw.len),
        RD_KAFKA_V_KEY(e->event_key.at, e->event_key.len), RD_KAFKA_V_TIMESTAMP(e->arrival_ms),
        RD_KAFKA_V_HEADER(REJECTED_HEADER, r->header.at, r->header.len),
        RD_KAFKA_V_HEADER(KAFKA_ORIGIN_HEADER, origin, n), RD_KAFKA_V_END);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        leave_out(r, rd_kafka_err2str(code));
    }
    rd_kafka_poll(r->rk, 0);
}

void kafka_rejected_stop(struct kafka_rejected *r) {
    if (r == NULL) {
        return;
    }
    rd_kafka_flush(r->rk, STOP_MS);
    rd_kafka_topic_destroy(r->rkt);
    rd_kafka_destroy(r->rk);
    buf_free(&r->header);
    free(r);
}

int64_t kafka_rejected_left_out(const struct kafka_rejected *r) {
    return atomic_load(&r->left_out);
}
