// SPDX-License-Identifier: MIT
// Where a partition begins for this member.
//
// 1. The store is asked to take the partition over, as one of the topic that is there now. What it
//    has counted may be of a topic that was made anew since, or of another cluster's.
// 2. The log is asked for its first and last offset: what the store wants next has to be between.
// 3. Reading begins where the store's window of identities does. Up to what it wants next it is
//    history: identities alone.
//
// How it fails: the store or the brokers do not answer in time (RETRIABLE); messages are gone, or
// are not those that were counted (FATAL), unless the user has said that this is to be skipped.
#include "broker/kafka_log_internal.h"

#include "base/log.h"
#include <inttypes.h>

struct start {
    int32_t partition;
    int64_t low, high; // the log: first offset, and the one past its last message
    int64_t next;      // wanted
    struct log_claim claim;
};

static bool ask_watermarks(struct kafka_log *log, struct start *s, struct error *err) {
    rd_kafka_resp_err_t code = rd_kafka_query_watermark_offsets(
        log->rk, log->topic, s->partition, &s->low, &s->high, KAFKA_CALL_TIMEOUT_MS);
    return code == RD_KAFKA_RESP_ERR_NO_ERROR ||
           error_set(err, ERROR_RETRIABLE, "kafka: partition %" PRId32 " of %s cannot be asked: %s",
                     s->partition, log->topic, rd_kafka_err2str(code));
}

// Takes it over in the store. False: it cannot be asked now.
static bool claim_partition(struct kafka_log *log, struct start *s, bool anew, struct error *err) {
    const struct log_topic topic = {log->topic, log->topic_id};
    if (log->options.store->ops->claim(log->options.store, &topic, s->partition, anew, &s->claim,
                                       err) != STORE_OK) {
        return false;
    }
    return !s->claim.lost ||
           error_set(err, ERROR_RETRIABLE,
                     "partition %" PRId32 " of %s came back in the middle of a batch that others "
                     "have counted",
                     s->partition, log->topic);
}

static bool claim_this_topic(struct kafka_log *log, struct start *s, struct error *err) {
    if (!claim_partition(log, s, false, err)) {
        return false;
    }
    if (s->claim.other_id[0] == '\0') {
        return true;
    }
    if (!log->options.skip_gap) {
        return error_set(err, ERROR_FATAL,
                         "partition %" PRId32 " of %s: the topic was made anew, or is another "
                         "cluster's: %" PRId64 " offsets of the one with id %s were counted, this "
                         "one is %s. Nothing of it was counted; start with --skip-gap to go on "
                         "with its oldest message, or take other aggregates",
                         s->partition, log->topic, s->claim.next_offset, s->claim.other_id,
                         log->topic_id);
    }
    log_warn("broker",
             "partition %" PRId32 " of %s: the topic was made anew (%s was counted to offset "
             "%" PRId64 ", this one is %s): it is read from its oldest message, as --skip-gap says",
             s->partition, log->topic, s->claim.other_id, s->claim.next_offset, log->topic_id);
    log->now.skipped_gaps++;
    return claim_partition(log, s, true, err);
}

// Messages before those that are there were not counted.
static bool skip_what_was_deleted(struct kafka_log *log, struct start *s, struct error *err) {
    if (!log->options.skip_gap) {
        return error_set(err, ERROR_FATAL,
                         "partition %" PRId32 " of %s begins at offset %" PRId64 ", but %" PRId64
                         " is next: %" PRId64 " messages were deleted before they were counted. "
                         "Raise the topic's retention; start with --skip-gap to go on without them",
                         s->partition, log->topic, s->low, s->next, s->low - s->next);
    }
    log_warn("broker",
             "partition %" PRId32 " of %s: offsets %" PRId64 " to %" PRId64
             " are gone and skipped, as --skip-gap says",
             s->partition, log->topic, s->next, s->low - 1);
    log->now.skipped_gaps++;
    s->next = s->low;
    return true;
}

// The log ends before what was counted. It is another one, unless the topic's id says that this one
// has lost its end: then what is there was counted, and what comes is new.
static bool skip_what_was_lost(struct kafka_log *log, struct start *s, struct error *err) {
    bool same = log->topic_id[0] != '\0';
    if (!log->options.skip_gap) {
        return error_set(err, ERROR_FATAL,
                         "partition %" PRId32 " of %s ends at offset %" PRId64 ", but %" PRId64
                         " is next: the topic %s. Take another topic or other aggregates; "
                         "--skip-gap goes on at the topic's %s message",
                         s->partition, log->topic, s->high, s->next,
                         same ? "has lost messages that were counted"
                              : "was made anew or lost messages",
                         same ? "next" : "oldest");
    }
    log_warn("broker",
             "partition %" PRId32 " of %s: offsets %" PRId64 " to %" PRId64
             " are gone and skipped, as --skip-gap says",
             s->partition, log->topic, same ? s->high : s->next, same ? s->next - 1 : s->high);
    log->now.skipped_gaps++;
    s->next = same ? s->high : s->low;
    return claim_partition(log, s, true, err);
}

static void begin_partition(struct kafka_log *log, const struct start *s) {
    struct log_partition *p = &log->partitions[s->partition];
    int64_t from = s->claim.history_offset;
    from = from < s->next ? from : s->next;
    from = from > s->low ? from : s->low;
    p->lane = s->claim.lane;
    p->begin = s->next > s->claim.next_offset ? s->next : s->low;
    p->expected = p->history_from = from;
    p->history_until = s->next;
    p->history_began_ns = clock_monotonic_ns(log->options.clock);
    if (from > s->claim.history_offset && from < s->next) {
        log_info("broker",
                 "partition %" PRId32 " of %s: the log begins (offset %" PRId64
                 ") after the window of duplicates does (%" PRId64
                 "); a repetition of an order older than the log would count again",
                 s->partition, log->topic, from, s->claim.history_offset);
    }
}

bool kafka_start_partition(struct kafka_log *log, int32_t partition, struct error *err) {
    struct start s = {.partition = partition};
    if (!claim_this_topic(log, &s, err) || !ask_watermarks(log, &s, err)) {
        return false;
    }
    s.next = s.claim.next_offset >= 0 ? s.claim.next_offset : s.low; // new
    if ((s.next < s.low && !skip_what_was_deleted(log, &s, err)) ||
        (s.next > s.high && !skip_what_was_lost(log, &s, err))) {
        return false;
    }
    begin_partition(log, &s);
    return true;
}
