// SPDX-License-Identifier: MIT
// Does the topic keep what exact counting reads again? After a restart the orders of
// --dedupe-window are read back from it, so they have to be there.
//
// 1. A compacted topic lacks first copies: a repetition would count again, and orders that share a
//    key vanish before they are counted. It is refused, unless that was allowed.
// 2. A retention shorter than the window is a warning: so is the window then.
//
// How it fails: who is not told the configuration (an ACL, no answer) gets a warning, and asks
// again when partitions come if there was no answer.
#include "broker/kafka_log_internal.h"

#include "base/log.h"
#include <inttypes.h>

enum { ASK_MS = 2000 };

static bool check_compacted(const struct kafka_log *log, const struct kafka_topic_facts *f,
                            struct error *err) {
    if (!f->compacted) {
        return true;
    }
    if (!log->options.allow_compacted) {
        return error_set(err, ERROR_FATAL,
                         "the topic %s is compacted (cleanup.policy): the broker removes orders "
                         "from it, so some are never counted and repeated ones count twice after a "
                         "restart. Set its cleanup.policy to delete, or say --allow-compacted",
                         log->topic);
    }
    log_warn("broker",
             "the topic %s is compacted (cleanup.policy), as --allow-compacted allows: orders that "
             "the broker has removed before they were read are in no total, and a repetition of a "
             "removed one counts again after a restart",
             log->topic);
    return true;
}

static void warn_of_retention(const struct kafka_log *log, const struct kafka_topic_facts *f) {
    int64_t window_ms = log->options.window_ms;
    if (window_ms > 0 && f->retention_ms >= 0 && f->retention_ms < window_ms) {
        log_warn("broker",
                 "the topic %s keeps messages for %" PRId64 " min (retention.ms), less than the "
                 "%" PRId64 " min of --dedupe-window: after a restart a repetition of an older "
                 "order counts again. Raise retention.ms, or lower --dedupe-window",
                 log->topic, f->retention_ms / 60000, window_ms / 60000);
    }
    if (window_ms > 0 && f->retention_bytes >= 0) {
        log_warn("broker",
                 "the topic %s keeps %" PRId64 " bytes of each partition (retention.bytes): see "
                 "that these are more than come within the %" PRId64 " min of --dedupe-window",
                 log->topic, f->retention_bytes, window_ms / 60000);
    }
}

bool kafka_log_look_at_topic(struct kafka_log *log, const struct kafka_topic_facts *facts,
                             struct error *err) {
    if (!check_compacted(log, facts, err)) {
        return false;
    }
    warn_of_retention(log, facts);
    log->retention_ms = facts->retention_ms;
    log->topic_looked_at = true;
    return true;
}

bool kafka_log_ask_topic(struct kafka_log *log, struct error *err) {
    struct kafka_topic_facts facts;
    struct error unanswered;
    if (log->topic_looked_at) {
        return true;
    }
    bool answered = kafka_topic_describe(log->rk, log->topic, ASK_MS, true, &facts, &unanswered);
    if (!facts.told && !log->told_unknown) {
        log->told_unknown = true;
        log_warn("broker",
                 "the configuration of the topic %s cannot be read%s: make sure that its "
                 "cleanup.policy is delete, and its retention longer than --dedupe-window",
                 log->topic, answered ? "" : " yet");
    }
    // Without an answer the next partitions that come ask again.
    return !answered || kafka_log_look_at_topic(log, &facts, err);
}
