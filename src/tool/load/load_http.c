// SPDX-License-Identifier: MIT
// Loading into a running server: events are gathered into NDJSON bodies and posted, a few at a
// time.
//
// JSON events go as they are and the server judges them. CSV rows are judged here first (a row that
// is no order cannot be sent as one), then written as JSON; times without an offset and orders
// without a currency are left to the server, whose zone and currency count.
//
// A cancellation or refund must not overtake its order: a body that may hold one waits until all
// bodies before it are answered.
//
// How it fails: the client tries again by itself; what it gives up on, or an answer that is no
// verdict (no key, wrong address), ends the load with one line.
#include "base/mem.h"
#include "engine/zone_file.h"
#include "format/order_json.h"
#include "format/order_write.h"
#include "tool/http_client.h"
#include "tool/load/load_sink.h"
#include "tool/post_reply.h"
#include <stdio.h>
#include <stdlib.h>

enum {
    IN_FLIGHT = 4,
    BATCH_EVENTS = 4096,
    BATCH_BYTES = 2 * 1024 * 1024, // of a body, about; far below a server's limit
    ATTEMPT_TIMEOUT_MS = 60 * 1000,
    FIRST_CONTACT_MS = 10 * 1000,
    GIVE_UP_MS = 60 * 1000,
};

// One body; free, being filled, or on its way.
struct batch {
    struct load_http *owner;
    struct buf body;
    size_t n_events;
    struct load_place places[BATCH_EVENTS];
    bool takes_back; // may hold a cancellation or refund
    bool used;
};

struct load_http {
    struct load_sink base;
    struct load_target target;
    struct http_client *client;
    struct zone *zone;
    struct order_rules rules;
    struct arena arena; // of the CSV event in work
    struct batch batches[IN_FLIGHT + 1];
    struct batch *batch; // being filled; NULL: none
    struct error failure;
};

static struct load_http *load_http_of(struct load_sink *s) {
    return (struct load_http *)s;
}

// --- Answers

static void event_rejected(void *user, const struct post_error *error) {
    struct batch *b = user;
    struct load_place place = {"?", 0};
    if (error->index < (int64_t)b->n_events) {
        place = b->places[error->index];
    }
    load_report_rejected(b->owner->target.report, place.file, place.line, error->field, error->code,
                         error->message);
}

static void load_http_answered(void *user, const struct http_reply *reply) {
    struct load_http *l = user;
    struct batch *b = &l->batches[reply->tag];
    struct post_counts counts;
    b->used = false;
    if (reply->problem != NULL) {
        error_set(&l->failure, ERROR_RETRIABLE, "%.480s", reply->problem);
    } else if (post_reply_read(reply->body, &counts, event_rejected, b)) {
        load_report_count(l->target.report, counts.accepted, counts.duplicate, counts.rejected);
    } else {
        error_set(&l->failure, ERROR_FATAL,
                  "the answer cannot be understood; is it a Salestide server?");
    }
}

static bool user_stops(void *user) {
    return *((struct load_http *)user)->target.stop != 0;
}

static void tell_trouble(void *user, const char *text) {
    load_report_problem(((struct load_http *)user)->target.report, text);
}

// --- Sending

static bool has_failed(const struct load_http *l, struct error *err) {
    if (l->failure.cls != ERROR_NONE) {
        *err = l->failure;
        return true;
    }
    return false;
}

static bool sink_flush(struct load_sink *base, struct error *err) {
    struct load_http *l = load_http_of(base);
    struct batch *b = l->batch;
    if (b != NULL) {
        l->batch = NULL;
        if (b->body.failed) {
            return error_set(err, ERROR_RETRIABLE, "out of memory");
        }
        if (b->takes_back) {
            http_client_finish(l->client);
        }
        if (has_failed(l, err)) {
            return false;
        }
        http_client_post(l->client, &b->body, b - l->batches);
    }
    return !has_failed(l, err);
}

static bool sink_finish(struct load_sink *base, struct error *err) {
    struct load_http *l = load_http_of(base);
    if (!sink_flush(base, err)) {
        return false;
    }
    http_client_finish(l->client);
    return !has_failed(l, err);
}

// The batch to put the next event into. NULL: the error is set.
static struct batch *batch_for(struct load_http *l, struct error *err) {
    if (l->batch != NULL &&
        (l->batch->n_events == BATCH_EVENTS || l->batch->body.len >= BATCH_BYTES) &&
        !sink_flush(&l->base, err)) {
        return NULL;
    }
    if (l->batch == NULL) {
        struct batch *b = l->batches; // one more than can be on their way: one is free
        while (b->used) {
            b++;
        }
        b->used = true;
        b->n_events = 0;
        b->takes_back = false;
        l->batch = b;
    }
    return l->batch;
}

static bool sink_json(struct load_sink *base, struct text event, struct load_block *block,
                      struct load_place place, struct error *err) {
    UNUSED(block);
    struct batch *b = batch_for(load_http_of(base), err);
    if (b == NULL) {
        return false;
    }
    size_t at = b->body.len;
    buf_put_text(&b->body, event);
    if (!b->body.failed && memchr(event.at, '\n', event.len) != NULL) {
        for (; at < b->body.len; at++) { // an element of an array: one line from now on
            char *c = &b->body.at[at];
            *c = *c == '\n' || *c == '\r' ? ' ' : *c;
        }
    }
    buf_put_char(&b->body, '\n');
    b->takes_back = b->takes_back || memmem(event.at, event.len, "\"event\"", 7) != NULL;
    b->places[b->n_events++] = place;
    return true;
}

static void count_rejected(struct load_http *l, const struct rejection *why,
                           struct load_place place) {
    load_report_count(l->target.report, 0, 0, 1);
    load_report_rejected(l->target.report, place.file, place.line, why->field, why->code,
                         why->message);
}

static bool sink_too_long(struct load_sink *base, struct text start, struct load_place place,
                          struct error *err) {
    UNUSED(start);
    UNUSED(err);
    struct rejection why;
    reject(&why, "", REJECT_TOO_LARGE, "the event's text is longer than %d bytes",
           ORDER_EVENT_MAX_BYTES);
    count_rejected(load_http_of(base), &why, place);
    return true;
}

static struct arena *sink_arena(struct load_sink *base, struct error *err) {
    UNUSED(err);
    struct load_http *l = load_http_of(base);
    arena_reset(&l->arena); // what was parsed before is written
    return &l->arena;
}

static bool sink_order(struct load_sink *base, const struct order_csv_event *e, bool rejected,
                       struct load_place place, struct error *err) {
    struct load_http *l = load_http_of(base);
    if (rejected) {
        count_rejected(l, &e->why, place);
        return true;
    }
    struct batch *b = batch_for(l, err);
    if (b == NULL) {
        return false;
    }
    struct order_spelling how = {.created_at = e->created_at, .no_currency = !e->names_currency};
    order_write(&b->body, &e->order, &how);
    buf_put_char(&b->body, '\n');
    b->takes_back = b->takes_back || e->order.kind != ORDER_PLACED;
    b->places[b->n_events++] = place;
    if (e->order.warnings != 0) {
        struct load_doubts doubts = {0};
        load_doubts_add(&doubts, &e->order, place.file, place.line);
        load_report_doubts(l->target.report, &doubts);
    }
    return true;
}

static const struct order_rules *sink_rules(const struct load_sink *base) {
    return &((const struct load_http *)base)->rules;
}

static void sink_close(struct load_sink *base) {
    struct load_http *l = load_http_of(base);
    http_client_free(l->client);
    for (size_t i = 0; i < COUNT_OF(l->batches); i++) {
        buf_free(&l->batches[i].body);
    }
    arena_free(&l->arena);
    zone_free(l->zone);
    free(l);
}

static const struct load_sink_ops sink_ops = {sink_json,  sink_too_long, sink_arena, sink_order,
                                              sink_flush, sink_finish,   sink_rules, sink_close};

bool load_http_open(const struct send_to *to, const struct load_target *target,
                    struct load_sink **out, struct error *err) {
    struct load_http *l = mem_zalloc(1, sizeof *l);
    *out = NULL;
    l->base.ops = &sink_ops;
    l->target = *target;
    l->rules = (struct order_rules){.currency = "USD", .max_depth = ORDER_DEPTH_MAX};
    for (size_t i = 0; i < COUNT_OF(l->batches); i++) {
        l->batches[i].owner = l;
    }
    struct http_client_options options = {.url = to->url,
                                          .key = to->key,
                                          .max_in_flight = IN_FLIGHT,
                                          .attempt_timeout_ms = ATTEMPT_TIMEOUT_MS,
                                          .first_contact_ms = FIRST_CONTACT_MS,
                                          .give_up_ms = GIVE_UP_MS,
                                          .done = load_http_answered,
                                          .user = l,
                                          .stopping = user_stops,
                                          .trouble = tell_trouble};
    if (!zone_open("UTC", &l->zone, err) || !http_client_new(&options, &l->client, err)) {
        sink_close(&l->base);
        return false;
    }
    l->rules.zone = l->zone;
    *out = &l->base;
    return true;
}
