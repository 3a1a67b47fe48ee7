// SPDX-License-Identifier: MIT
// Parses slices, on a thread of its own while the engine judges what was taken before.
//
// 1. kafka_parse_begin puts slices, in order, where both threads take them from, one at a time.
// 2. The parsing thread works on them until none is left. Each value is one order event; it is
//    parsed, and its digests are taken. What is no order is a rejected event.
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
#include "format/log_message.h"
#include <stdlib.h>
#include <string.h>

enum { CHECK_PARTITION_EVERY = 16 };

struct kafka_parse {
    const struct order_rules *rules;
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
// stand in several partitions, each of which knows only its own.
static bool is_foreign(const struct kafka_slice *slice, const rd_kafka_message_t *m,
                       const struct event *e) {
    char digits[24];
    struct text id = ident_text(e->order.order_id, digits);
    if (m->key == NULL || m->key_len != id.len || memcmp(m->key, id.at, id.len) != 0) {
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

static void parse_message(struct kafka_parse *p, struct order_json *parser,
                          struct kafka_slice *slice, const rd_kafka_message_t *m) {
    struct submission *s = slice->submission;
    struct event *e = submission_add(s);
    struct rejection why;
    if (e == NULL) {
        kafka_out_of_memory();
        return;
    }
    e->at.arrival_ms = kafka_arrival_ms(m, NULL);
    e->at.position = log_position(slice->lane, m->offset);
    e->raw = (struct text){m->payload, m->len};
    e->key = (struct text){m->key, m->key_len};
    if (m->key == NULL && kafka_rejected_read(m, &why)) { // a door has answered so already
        mark_rejected(s, e, &why);
        return;
    }
    switch (log_message_parse(parser, p->rules, e->raw, false, &s->arena, &e->order, &why)) {
    case ORDER_JSON_OK:
        e->at.digest = order_digest(&e->order);
        if (is_foreign(slice, m, e)) {
            slice->foreign = slice->n_foreign++ == 0 ? m : slice->foreign;
        }
        return;
    case ORDER_JSON_NO_MEMORY:
        kafka_out_of_memory();
        return;
    case ORDER_JSON_REJECTED:
    case ORDER_JSON_BROKEN:
        mark_rejected(s, e, &why);
    }
}

static void parse_slice(struct kafka_parse *p, struct order_json *parser, struct submission *s) {
    struct kafka_slice *slice = s->user;
    for (size_t i = 0; i < slice->n_messages; i++) {
        if (slice->messages[i]->len > 0) {
            parse_message(p, parser, slice, slice->messages[i]);
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

bool kafka_parse_start(const struct order_rules *rules, struct kafka_parse **out,
                       struct error *err) {
    struct kafka_parse *p = mem_zalloc(1, sizeof *p);
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
