// SPDX-License-Identifier: MIT
// Each event is a submission of its own, given to the producer's intake; it comes back on the
// producer's thread and is handed to `done` on the main thread, at the next post or at the end.
//
// An event is checked with the rules that need no shop, as `load` does; a time without an offset
// and an order without a currency stay as they are.
#include "tool/rejected/rejected_kafka.h"

#include "base/clock.h"
#include "base/mem.h"
#include "broker/kafka_producer.h"
#include "engine/zone_file.h"
#include "format/order_json.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    EVENTS_UNDER_WAY = 10000,
    START_TIMEOUT_MS = 10 * 1000,
    STOP_MS = 5 * 1000,
};

// One event on its way.
struct item {
    struct rejected_kafka *owner;
    struct submission *s;
    char *text;
    int64_t tag;
    bool delivered;
    struct item *next;
};

struct rejected_kafka {
    struct kafka_producer *producer;
    struct zone *zone;
    struct order_rules rules;
    struct order_json *parser;
    rejected_sent_fn done;
    void *user;
    pthread_mutex_t lock;
    pthread_cond_t settled;
    struct item *back; // came back, newest first; under the lock, as the next
    int64_t under_way;
};

static void item_free(struct item *i) {
    submission_free(i->s);
    free(i->text);
    free(i);
}

// The producer's thread.
static void on_settled(struct submission *s, enum settle_result result) {
    struct item *i = s->user;
    struct rejected_kafka *k = i->owner;
    i->delivered = result == SETTLE_DURABLE;
    pthread_mutex_lock(&k->lock);
    i->next = k->back;
    k->back = i;
    k->under_way--;
    pthread_cond_signal(&k->settled);
    pthread_mutex_unlock(&k->lock);
}

// An event that the door could not put into the topic has its reason.
static void tell(struct rejected_kafka *k, const struct item *i) {
    const struct event *e = &i->s->events[0];
    if (!i->delivered) {
        k->done(k->user, i->tag, NULL, "the brokers did not acknowledge it in time");
    } else if (e->verdict == VERDICT_REJECTED) {
        k->done(k->user, i->tag, "rejected", e->why->message);
    } else {
        k->done(k->user, i->tag, "sent", "");
    }
}

static void collect(struct rejected_kafka *k) {
    pthread_mutex_lock(&k->lock);
    struct item *back = k->back;
    k->back = NULL;
    pthread_mutex_unlock(&k->lock);
    while (back != NULL) {
        struct item *next = back->next;
        tell(k, back);
        item_free(back);
        back = next;
    }
}

static struct item *item_new(struct rejected_kafka *k, int64_t tag, struct text event) {
    struct item *i = mem_zalloc(1, sizeof *i);
    i->owner = k;
    i->tag = tag;
    i->text = mem_strndup(event.at, event.len);
    i->s = submission_new(NULL);
    struct event *e = i->s != NULL ? submission_add(i->s) : NULL;
    if (e == NULL) {
        item_free(i);
        return NULL;
    }
    e->raw = text_trim((struct text){i->text, event.len});
    i->s->arrival_ms = clock_now_ms(clock_system());
    i->s->settled = on_settled;
    i->s->user = i;
    return i;
}

// NULL: it may be sent. Else why not; the verdict is "rejected" unless memory was refused.
static const char *check(struct rejected_kafka *k, struct item *i, struct rejection *why,
                         bool *rejected) {
    struct event *e = &i->s->events[0];
    switch (order_json_parse(k->parser, &k->rules, e->raw, &i->s->arena, &e->order, why)) {
    case ORDER_JSON_OK:
        return NULL;
    case ORDER_JSON_NO_MEMORY:
        *rejected = false;
        return "out of memory";
    default:
        *rejected = true;
        return why->message;
    }
}

void rejected_kafka_post(struct rejected_kafka *k, int64_t tag, struct text event) {
    struct item *i = item_new(k, tag, event);
    struct rejection why;
    bool rejected = false;
    const char *problem = i == NULL ? "out of memory" : check(k, i, &why, &rejected);
    if (problem == NULL) {
        pthread_mutex_lock(&k->lock);
        k->under_way++;
        pthread_mutex_unlock(&k->lock);
        if (intake_offer_wait(kafka_producer_intake(k->producer), i->s)) {
            collect(k);
            return;
        }
        problem = "the producer is closed";
        pthread_mutex_lock(&k->lock);
        k->under_way--;
        pthread_mutex_unlock(&k->lock);
    }
    k->done(k->user, tag, rejected ? "rejected" : NULL, problem);
    if (i != NULL) {
        item_free(i);
    }
}

// The producer settles each within its delivery time-out.
void rejected_kafka_finish(struct rejected_kafka *k) {
    pthread_mutex_lock(&k->lock);
    while (k->under_way > 0) {
        pthread_cond_wait(&k->settled, &k->lock);
    }
    pthread_mutex_unlock(&k->lock);
    collect(k);
}

static bool rejected_kafka_start(struct rejected_kafka *k, const struct send_to *to,
                                 struct error *err) {
    const struct kafka_producer_options options = {
        .settings = &to->topic,
        .max_events = EVENTS_UNDER_WAY,
        .delivery_timeout_ms = to->delivery_timeout_ms,
        .start_timeout_ms = START_TIMEOUT_MS,
        .mark_plain = true, // what came in an envelope is sent without it
        .must_reach = true,
    };
    k->rules = (struct order_rules){.currency = "USD", .max_depth = ORDER_DEPTH_MAX};
    k->parser = mem_must(order_json_new(NULL));
    if (!zone_open("UTC", &k->zone, err)) {
        return false;
    }
    k->rules.zone = k->zone;
    return kafka_producer_start(&options, &k->producer, err);
}

bool rejected_kafka_open(const struct send_to *to, rejected_sent_fn done, void *user,
                         struct rejected_kafka **out, struct error *err) {
    struct rejected_kafka *k = mem_zalloc(1, sizeof *k);
    k->done = done;
    k->user = user;
    pthread_mutex_init(&k->lock, NULL);
    pthread_cond_init(&k->settled, NULL);
    if (!rejected_kafka_start(k, to, err)) {
        rejected_kafka_close(k);
        return false;
    }
    *out = k;
    return true;
}

void rejected_kafka_close(struct rejected_kafka *k) {
    if (k == NULL) {
        return;
    }
    kafka_producer_stop(k->producer, STOP_MS);
    kafka_producer_free(k->producer);
    while (k->back != NULL) { // of a start that went halfway, or an end that nobody waited for
        struct item *next = k->back->next;
        item_free(k->back);
        k->back = next;
    }
    order_json_free(k->parser);
    zone_free(k->zone);
    pthread_cond_destroy(&k->settled);
    pthread_mutex_destroy(&k->lock);
    free(k);
}
