// SPDX-License-Identifier: MIT
// What the topic finds too large. Its limit (max.message.bytes) is of a batch, and a batch over it
// fails as a whole, with each message in it: so the refusal says something of an event only when
// that was alone.
//
// 1. The limit is asked at start, once a minute, and when something is refused: batches stay below
//    it, and a message that is not, which the library sends alone, is itself too large.
// 2. A refused message that may have had company goes again, in smaller batches: below the limit if
//    that has changed, else (we are not told it) a quarter of what they were, down to single ones.
//    Another handle takes over for that; the one before delivers what it has.
// 3. A refused message that was alone: its event is rejected as too_large, which is kept in the
//    topic as other rejections are, with as much of its text as fits.
//
// How it fails: what cannot go again (no memory, no new handle) is settled as "try later". A topic
// that does not even take a rejection with a single byte of text refuses all: likewise.
#include "broker/kafka_producer_internal.h"

#include "base/log.h"
#include "base/mem.h"
#include <stdlib.h>

enum {
    BATCH_BYTES = 900 * 1000,
    AROUND_BATCH_BYTES = 512, // the most that a batch has besides one message
    REJECTION_BYTES = 2048,   // the most that a rejection's header has
    SHRINK = 4,               // to a quarter
    CHANGE_AGAIN_MS = 1000,   // after a new handle could not be made
};

int64_t kafka_batch_bytes(int64_t limit_bytes) {
    if (limit_bytes < 0 || limit_bytes - AROUND_BATCH_BYTES > BATCH_BYTES) {
        return BATCH_BYTES;
    }
    return limit_bytes > AROUND_BATCH_BYTES ? limit_bytes - AROUND_BATCH_BYTES : 1;
}

void kafka_take_limit(struct kafka_producer *p, int64_t limit_bytes) {
    p->limit_bytes = limit_bytes;
    p->limit_ms = kafka_now_ms();
    if (limit_bytes < 0) {
        return;
    }
    int64_t around = AROUND_BATCH_BYTES + REJECTION_BYTES;
    int64_t fits = limit_bytes > 2 * around ? limit_bytes - around : limit_bytes / 2;
    fits = fits > 1 ? fits : 1; // a message without a value would be taken for none
    bool all = fits > ORDER_REJECTED_TEXT_MAX_BYTES;
    atomic_store(&p->rejected_text_bytes, all ? ORDER_REJECTED_TEXT_MAX_BYTES : (size_t)fits);
}

// --- One refused message

static struct event *event_of(struct submission *s, const void *payload) {
    for (size_t i = 0; i < s->n_events; i++) {
        if (s->events[i].raw.at == payload) {
            return &s->events[i];
        }
    }
    return NULL;
}

static bool was_alone(const struct kafka_handle *h, const rd_kafka_message_t *m) {
    return (int64_t)(m->len + m->key_len) >= h->batch_bytes;
}

static void goes_again(struct kafka_producer *p, const struct kafka_handle *h, struct submission *s,
                       const struct event *e) {
    if (p->n_again == p->cap_again) {
        p->cap_again = p->cap_again == 0 ? 64 : p->cap_again * 2;
        p->again = mem_realloc(p->again, p->cap_again * sizeof *p->again);
    }
    if (p->n_again == 0 || h->batch_bytes < p->again_bytes) {
        p->again_bytes = h->batch_bytes;
    }
    p->again[p->n_again++] = (struct again){s, e};
}

// The rejection itself does not fit: less of the text will.
static bool cut_rejection(struct kafka_producer *p, struct submission *s, const struct event *e,
                          size_t len) {
    if (len <= 1) {
        return false;
    }
    if (atomic_load(&p->rejected_text_bytes) > len / 2) {
        atomic_store(&p->rejected_text_bytes, len / 2);
    }
    return kafka_produce_event(p, s, e) == RD_KAFKA_RESP_ERR_NO_ERROR;
}

static bool reject_too_large(struct kafka_producer *p, struct submission *s, struct event *e) {
    struct rejection why;
    reject(&why, "", REJECT_TOO_LARGE, "the event's text has %zu bytes, more than the topic takes",
           e->raw.len);
    return submission_reject(s, e, &why) &&
           kafka_produce_event(p, s, e) == RD_KAFKA_RESP_ERR_NO_ERROR;
}

bool kafka_too_large(struct kafka_producer *p, rd_kafka_t *rk, const rd_kafka_message_t *m) {
    const struct kafka_handle *h = rk == p->handle.rk ? &p->handle : &p->retired;
    struct submission *s = m->_private;
    struct event *e = event_of(s, m->payload);
    if (e == NULL || (rk != p->handle.rk && rk != p->retired.rk)) {
        return false; // a handle that is being thrown away
    }
    if (!was_alone(h, m)) {
        goes_again(p, h, s, e);
        return true;
    }
    return e->verdict == VERDICT_REJECTED ? cut_rejection(p, s, e, m->len)
                                          : reject_too_large(p, s, e);
}

// --- Again

static void ask_limit(struct kafka_producer *p) {
    enum { ASK_MS = 1000 };
    struct kafka_topic_facts facts;
    struct error err;
    if (p->limit_bytes < 0) {
        return; // who is not told at the start is not told now
    }
    if (kafka_topic_describe(p->handle.rk, p->options.settings->topic, ASK_MS, false, &facts,
                             &err) &&
        facts.max_message_bytes >= 0) {
        kafka_take_limit(p, facts.max_message_bytes);
    }
}

// Makes batches smaller than those that were refused. False: not yet.
static bool shrink(struct kafka_producer *p) {
    struct error err;
    if (p->handle.batch_bytes < p->again_bytes) {
        return true; // done already, since they were sent
    }
    if (p->retired.rk != NULL || p->fatal || kafka_now_ms() < p->change_at_ms) {
        return false;
    }
    ask_limit(p);
    int64_t most = kafka_batch_bytes(p->limit_bytes);
    most = most < p->again_bytes ? most : p->again_bytes / SHRINK;
    if (!kafka_handle_change(p, most > 1 ? most : 1, &err)) {
        p->change_at_ms = kafka_now_ms() + CHANGE_AGAIN_MS;
        log_error("broker", "%s; trying again", err.text);
        return false;
    }
    log_info("broker",
             "topic %s does not take batches of %lld bytes (max.message.bytes): they have at most "
             "%lld from now on",
             p->options.settings->topic, (long long)p->again_bytes,
             (long long)p->handle.batch_bytes);
    return true;
}

void kafka_resend(struct kafka_producer *p) {
    if (p->n_again == 0 || !shrink(p)) {
        return;
    }
    size_t n = p->n_again;
    p->n_again = 0; // callbacks, which add more, run in poll alone
    for (size_t i = 0; i < n; i++) {
        const struct again *a = &p->again[i];
        if (kafka_produce_event(p, a->s, a->e) != RD_KAFKA_RESP_ERR_NO_ERROR) {
            kafka_count_down(p, a->s, 1, true);
        }
    }
}

void kafka_resend_give_up(struct kafka_producer *p) {
    for (size_t i = 0; i < p->n_again; i++) {
        kafka_count_down(p, p->again[i].s, 1, true);
    }
    p->n_again = 0;
}
