// SPDX-License-Identifier: MIT
// Parses slices, on a thread of its own while the engine judges what was taken before.
//
// 1. kafka_parse_begin puts slices, in order, where both threads take them from, one at a time.
// 2. The parsing thread works on them until none is left. Each value is one order event, in plain
//    JSON or in the envelope that the topic is read in; it is parsed, and its digests are taken.
//    What is no order is a rejected event.
// 3. kafka_parse_end: the engine's thread takes what is left itself and waits for the slice that is
//    still being parsed, if any. So nothing is slower where there is one core alone.
//
// A slice belongs to whoever took it; messages and submissions are touched by no one else then.
//
// How it fails: out of memory ends the process; the log has everything.
#include "broker/kafka_log_internal.h"
#include "broker/kafka_rejected.h"

#include "base/log.h"
#include "base/mem.h"
#include "broker/kafka_producer.h"
#include "format/envelope.h"
#include "format/log_key.h"
#include "format/log_message.h"
#include <stdlib.h>
#include <string.h>

enum { CHECK_PARTITION_EVERY = 16 };

struct kafka_parse {
    const struct order_rules *rules;
    enum value_format format;
    struct order_json *here, *there; // the engine's thread's and the parsing thread's
    pthread_t thread;

    pthread_mutex_t lock; // of what follows
    pthread_cond_t work, done;
    struct submission *waiting; // first that nobody has taken
    bool busy;                  // the parsing thread is at one
    bool stop;
};

void kafka_out_of_memory(void) {
    log_error("broker", "out of memory while reading the log; nothing is lost, start again");
    abort();
}

// --- One slice

// A message that is keyed otherwise, or put elsewhere, than the order's id says: the same order may
// stand in several partitions, each of which knows only its own. `converted`: a parser, where keys
// may be in an envelope too.
static bool is_foreign(const struct kafka_slice *slice, const rd_kafka_message_t *m,
                       const struct event *e, struct order_json *converted) {
    char digits[24];
    struct text id = ident_text(e->order.order_id, digits);
    if (m->key == NULL) {
        return true;
    }
    if ((m->key_len != id.len || memcmp(m->key, id.at, id.len) != 0) &&
        (converted == NULL || !log_key_is(converted, e->key, id))) {
        return true;
    }
    return slice->topic_partitions > 0 && m->offset % CHECK_PARTITION_EVERY == 0 &&
           rd_kafka_msg_partitioner_murmur2(NULL, m->key, m->key_len, slice->topic_partitions, NULL,
                                            NULL) != m->partition;
}

static void mark_rejected(struct submission *s, struct event *e, const struct rejection *why) {
    if (!submission_reject(s, e, why)) {
        kafka_out_of_memory();
    }
}

static struct event *add_event(struct kafka_slice *slice, const rd_kafka_message_t *m,
                               struct text raw) {
    struct event *e = submission_add(slice->submission);
    if (e == NULL) {
        kafka_out_of_memory();
        abort();
    }
    e->at.arrival_ms = kafka_arrival_ms(m, NULL);
    e->at.position = log_position(slice->lane, m->offset);
    e->raw = raw;
    e->key = (struct text){m->key, m->key_len};
    return e;
}

// A message of the history in another form than is said now: the topic was read in that form then,
// and its order may have been counted. Whether it was is what the store knows.
static void read_in_its_form(struct kafka_parse *p, struct order_json *parser,
                             struct kafka_slice *slice, const rd_kafka_message_t *m,
                             struct event *e) {
    struct arena *arena = &slice->submission->arena;
    struct rejection why;
    struct text event;
    if (envelope_open_kept(parser, (struct text){m->payload, m->len}, arena, &event, &why) ==
            ENVELOPE_EVENT &&
        order_json_parse(parser, p->rules, event, arena, &e->order, &why) == ORDER_JSON_OK) {
        e->at.digest = order_digest(&e->order);
    }
}

static void reject_message(struct kafka_parse *p, struct order_json *parser,
                           struct kafka_slice *slice, const rd_kafka_message_t *m, struct event *e,
                           const struct rejection *why) {
    mark_rejected(slice->submission, e, why);
    if (strcmp(why->code, REJECT_FORM) != 0) {
        return;
    }
    if (slice->submission->log.history) {
        read_in_its_form(p, parser, slice, m, e);
    } else if (slice->n_other_form++ == 0) {
        slice->other_form = m;
        slice->other_why = e->why;
    }
}

// `converted`: as of is_foreign.
static void parse_order(struct kafka_parse *p, struct order_json *parser, struct kafka_slice *slice,
                        const rd_kafka_message_t *m, struct event *e,
                        struct order_json *converted) {
    struct submission *s = slice->submission;
    struct rejection why;
    switch (log_message_parse(parser, p->rules, e->raw, false, &s->arena, &e->order, &why)) {
    case ORDER_JSON_OK:
        e->at.digest = order_digest(&e->order);
        if (is_foreign(slice, m, e, converted)) {
            slice->foreign = slice->n_foreign++ == 0 ? m : slice->foreign;
        }
        return;
    case ORDER_JSON_NO_MEMORY:
        kafka_out_of_memory();
        return;
    case ORDER_JSON_REJECTED:
    case ORDER_JSON_BROKEN:
        reject_message(p, parser, slice, m, e, &why);
    }
}

// A door has answered so already.
static bool was_rejected(const rd_kafka_message_t *m, struct rejection *why) {
    return m->key == NULL && kafka_rejected_read(m, why);
}

static void parse_message(struct kafka_parse *p, struct order_json *parser,
                          struct kafka_slice *slice, const rd_kafka_message_t *m) {
    struct event *e = add_event(slice, m, (struct text){m->payload, m->len});
    struct rejection why;
    if (was_rejected(m, &why)) {
        mark_rejected(slice->submission, e, &why);
        return;
    }
    parse_order(p, parser, slice, m, e, NULL);
}

static bool has_header(const rd_kafka_message_t *m, const char *name) {
    rd_kafka_headers_t *headers = NULL;
    const void *value;
    size_t len;
    return rd_kafka_message_headers(m, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR &&
           rd_kafka_header_get_last(headers, name, &value, &len) == RD_KAFKA_RESP_ERR_NO_ERROR;
}

// As parse_message, of a topic whose messages are in an envelope. What we submitted again is not.
static void parse_envelope(struct kafka_parse *p, struct order_json *parser,
                           struct kafka_slice *slice, const rd_kafka_message_t *m) {
    struct submission *s = slice->submission;
    const struct envelope message = {{m->payload, m->len}, has_header(m, SCHEMA_ID_HEADER)};
    struct rejection why;
    struct text event;
    if (was_rejected(m, &why) || has_header(m, KAFKA_PLAIN_HEADER)) {
        parse_message(p, parser, slice, m);
        return;
    }
    switch (envelope_open(parser, p->format, &message, &s->arena, &event, &why)) {
    case ENVELOPE_EVENT:
        parse_order(p, parser, slice, m, add_event(slice, m, event), parser);
        return;
    case ENVELOPE_NO_EVENT:
        s->log.n_skipped++;
        return;
    case ENVELOPE_REJECTED:
        reject_message(p, parser, slice, m, add_event(slice, m, message.value), &why);
        return;
    case ENVELOPE_NO_MEMORY:
        kafka_out_of_memory();
    }
}

static void parse_slice(struct kafka_parse *p, struct order_json *parser, struct submission *s) {
    struct kafka_slice *slice = s->user;
    void (*const parse)(struct kafka_parse *, struct order_json *, struct kafka_slice *,
                        const rd_kafka_message_t *) =
        p->format == VALUE_JSON ? parse_message : parse_envelope;
    for (size_t i = 0; i < slice->n_messages; i++) {
        if (slice->messages[i]->len > 0) {
            parse(p, parser, slice, slice->messages[i]);
        }
    }
}

// --- Two threads

// Until the parsing thread is at none. With the lock held, and nothing waiting.
static void wait_for_thread(struct kafka_parse *p) {
    while (p->busy) {
        pthread_cond_wait(&p->done, &p->lock);
    }
}

// The next slice for the caller; NULL: none is left. With the lock held.
static struct submission *take_one(struct kafka_parse *p) {
    struct submission *s = p->waiting;
    if (s != NULL) {
        p->waiting = s->next;
    }
    return s;
}

static void *parse_main(void *arg) {
    struct kafka_parse *p = arg;
    pthread_mutex_lock(&p->lock);
    while (!p->stop) {
        struct submission *s = take_one(p);
        if (s == NULL) {
            pthread_cond_wait(&p->work, &p->lock);
            continue;
        }
        p->busy = true;
        pthread_mutex_unlock(&p->lock);
        parse_slice(p, p->there, s);
        pthread_mutex_lock(&p->lock);
        p->busy = false;
        pthread_cond_signal(&p->done);
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

bool kafka_parse_start(const struct order_rules *rules, enum value_format format,
                       struct kafka_parse **out, struct error *err) {
    struct kafka_parse *p = mem_zalloc(1, sizeof *p);
    p->format = format;
    p->rules = rules;
    p->here = mem_must(order_json_new(NULL));
    p->there = mem_must(order_json_new(NULL));
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->work, NULL);
    pthread_cond_init(&p->done, NULL);
    int code = pthread_create(&p->thread, NULL, parse_main, p);
    if (code != 0) {
        p->stop = true; // there is no thread to end
        kafka_parse_stop(p);
        return error_set(err, ERROR_FATAL, "cannot start a thread: %s", strerror(code));
    }
    pthread_setname_np(p->thread, "parser");
    *out = p;
    return true;
}

void kafka_parse_stop(struct kafka_parse *p) {
    if (p == NULL) {
        return;
    }
    if (!p->stop) {
        pthread_mutex_lock(&p->lock);
        p->stop = true;
        pthread_cond_signal(&p->work);
        pthread_mutex_unlock(&p->lock);
        pthread_join(p->thread, NULL);
    }
    pthread_cond_destroy(&p->done);
    pthread_cond_destroy(&p->work);
    pthread_mutex_destroy(&p->lock);
    order_json_free(p->there);
    order_json_free(p->here);
    free(p);
}

void kafka_parse_begin(struct kafka_parse *p, struct submission *slices) {
    pthread_mutex_lock(&p->lock);
    p->waiting = slices;
    pthread_cond_signal(&p->work);
    pthread_mutex_unlock(&p->lock);
}

void kafka_parse_end(struct kafka_parse *p) {
    struct submission *s;
    pthread_mutex_lock(&p->lock);
    while ((s = take_one(p)) != NULL) {
        pthread_mutex_unlock(&p->lock);
        parse_slice(p, p->here, s);
        pthread_mutex_lock(&p->lock);
    }
    wait_for_thread(p);
    pthread_mutex_unlock(&p->lock);
}

void kafka_parse_abandon(struct kafka_parse *p) {
    pthread_mutex_lock(&p->lock);
    p->waiting = NULL;
    wait_for_thread(p);
    pthread_mutex_unlock(&p->lock);
}

void kafka_parse_now(struct kafka_parse *p, struct submission *slices) {
    for (struct submission *s = slices; s != NULL; s = s->next) {
        parse_slice(p, p->here, s);
    }
}
