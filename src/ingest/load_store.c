// SPDX-License-Identifier: MIT
// Loading into a data directory: this thread parses, the engine's thread judges and commits.
//
// The happy path: events are parsed into a unit (a submission, the block its text lies in, the
// lines its events come from); a full unit is offered to the queue, waiting for room; the engine
// commits and settles it on its own thread, which counts the verdicts and puts the unit back to be
// used again.
//
// How it fails: the store cannot take orders just now (disk full, I/O error). Its units come back
// as "try later"; this thread then waits until nothing is under way, and offers them again in the
// order of the file, with back-off, for a minute at most. What is stored stays stored: loading the
// file again finds it as duplicates.
#include "base/mem.h"
#include "engine/engine.h"
#include "engine/queue.h"
#include "ingest/load_sink.h"
#include "order/order_json.h"
#include "store/sqlite.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
    UNIT_EVENTS = 4096,
    QUEUED_BATCHES = 3, // more would only use memory
    RETRY_FIRST_MS = 100,
    RETRY_LONGEST_MS = 2000,
    GIVE_UP_MS = 60 * 1000,
};

// A submission and what belongs to it. Held by the parsing thread, the engine, or a list.
struct unit {
    struct submission *s;
    struct load_block *block; // the texts of JSON events lie in it; NULL: in the arena
    struct load_place places[UNIT_EVENTS];
    int64_t number; // in the order of the file
    struct load_store *owner;
    struct unit *next;
};

struct load_store {
    struct load_sink base;
    struct load_target target;
    struct zone *zone;
    struct order_rules rules;
    struct store *store;
    struct engine *engine;
    struct queue *queue;
    pthread_t thread;
    bool thread_runs;
    struct order_json *parser;
    struct unit *unit; // being filled; NULL: none
    int64_t next_number;

    pthread_mutex_t lock;
    pthread_cond_t settled;
    struct unit *spare, *try_later;
    int64_t under_way; // units with the engine
};

static struct load_store *of(struct load_sink *s) {
    return (struct load_store *)s;
}

// --- Units

static void free_unit(struct unit *u) {
    load_block_drop(u->block);
    submission_free(u->s);
    free(u);
}

static void free_units(struct unit *u) {
    while (u != NULL) {
        struct unit *next = u->next;
        free_unit(u);
        u = next;
    }
}

// On the engine's thread.
static void unit_settled(struct submission *s, enum settle_result result);

// An empty unit, used before if possible: its memory is warm.
static struct unit *take_unit(struct load_store *l) {
    pthread_mutex_lock(&l->lock);
    struct unit *u = l->spare;
    if (u != NULL) {
        l->spare = u->next;
    }
    pthread_mutex_unlock(&l->lock);
    if (u == NULL) {
        u = mem_alloc(sizeof *u);
        u->owner = l;
        u->block = NULL;
        u->s = submission_new();
        if (u->s == NULL) {
            free(u);
            return NULL;
        }
        u->s->settled = unit_settled;
        u->s->user = u;
    }
    u->next = NULL;
    return u;
}

// Empties a unit and keeps it. The lock is held.
static void keep_unit(struct load_store *l, struct unit *u) {
    u->s->n_events = 0;
    arena_reset(&u->s->arena);
    u->next = l->spare;
    l->spare = u;
}

static void count_verdicts(struct load_store *l, const struct unit *u) {
    int64_t counts[4] = {0};
    for (size_t i = 0; i < u->s->n_events; i++) {
        const struct event *e = &u->s->events[i];
        counts[e->verdict]++;
        if (e->verdict == VERDICT_REJECTED) {
            load_report_rejected(l->target.report, u->places[i].file, u->places[i].line,
                                 e->why->field, e->why->code, e->why->message);
        }
    }
    load_report_count(l->target.report, counts[VERDICT_ACCEPTED], counts[VERDICT_DUPLICATE],
                      counts[VERDICT_REJECTED]);
}

static void unit_settled(struct submission *s, enum settle_result result) {
    struct unit *u = s->user;
    struct load_store *l = u->owner;
    if (result == SETTLE_DURABLE) {
        count_verdicts(l, u);
        load_block_drop(u->block);
        u->block = NULL;
    }
    pthread_mutex_lock(&l->lock);
    if (result == SETTLE_DURABLE) {
        keep_unit(l, u);
    } else {
        u->next = l->try_later;
        l->try_later = u;
    }
    l->under_way--;
    pthread_cond_signal(&l->settled);
    pthread_mutex_unlock(&l->lock);
}

// --- Offering

static void offer(struct load_store *l, struct unit *u) {
    pthread_mutex_lock(&l->lock);
    l->under_way++;
    pthread_mutex_unlock(&l->lock);
    if (!intake_offer_wait(queue_intake(l->queue), u->s)) {
        abort(); // only this thread closes the queue
    }
}

// Waits until the engine has settled everything. Bounded: the engine settles with or without store.
static struct unit *wait_for_all(struct load_store *l) {
    pthread_mutex_lock(&l->lock);
    while (l->under_way > 0) {
        pthread_cond_wait(&l->settled, &l->lock);
    }
    struct unit *failed = l->try_later;
    l->try_later = NULL;
    pthread_mutex_unlock(&l->lock);
    return failed;
}

// Takes the unit with the smallest number out of the list.
static struct unit *take_first(struct unit **list) {
    struct unit **first = list;
    for (struct unit **at = list; *at != NULL; at = &(*at)->next) {
        if ((*at)->number < (*first)->number) {
            first = at;
        }
    }
    struct unit *u = *first;
    *first = u->next;
    u->next = NULL;
    return u;
}

static bool gave_up(struct load_store *l, struct unit *failed, struct error *err) {
    struct engine_status status;
    engine_status(l->engine, &status);
    free_units(failed);
    return error_set(err, ERROR_RETRIABLE,
                     "the store takes no orders: %.300s; what is stored stays, load the file again "
                     "later",
                     status.problem[0] != '\0' ? status.problem : "stopped");
}

// Offers again what the store did not take, until it has taken all.
static bool try_again(struct load_store *l, struct error *err) {
    int64_t start_ns = clock_monotonic_ns(clock_system());
    int wait_ms = RETRY_FIRST_MS;
    for (struct unit *failed; (failed = wait_for_all(l)) != NULL;) {
        int64_t waited_ms = (clock_monotonic_ns(clock_system()) - start_ns) / 1000000;
        if (waited_ms > GIVE_UP_MS || *l->target.stop) {
            return gave_up(l, failed, err);
        }
        if (wait_ms == RETRY_FIRST_MS) {
            load_report_problem(l->target.report,
                                "the store takes no orders just now; trying again for a minute");
        }
        clock_sleep_ms(wait_ms);
        wait_ms = wait_ms * 2 < RETRY_LONGEST_MS ? wait_ms * 2 : RETRY_LONGEST_MS;
        while (failed != NULL) {
            offer(l, take_first(&failed));
        }
    }
    return true;
}

static bool must_try_again(struct load_store *l) {
    pthread_mutex_lock(&l->lock);
    bool must = l->try_later != NULL;
    pthread_mutex_unlock(&l->lock);
    return must;
}

static bool sink_flush(struct load_sink *base, struct error *err) {
    struct load_store *l = of(base);
    struct unit *u = l->unit;
    if (u == NULL) {
        return true;
    }
    l->unit = NULL;
    u->s->arrival_ms = clock_now_ms(clock_system());
    u->number = l->next_number++;
    if (must_try_again(l) && !try_again(l, err)) { // first what comes first
        free_unit(u);
        return false;
    }
    offer(l, u);
    return true;
}

static bool sink_finish(struct load_sink *base, struct error *err) {
    return sink_flush(base, err) && try_again(of(base), err);
}

// --- Filling

static bool out_of_memory(struct error *err) {
    return error_set(err, ERROR_RETRIABLE, "out of memory");
}

// The unit to put the next event into: the one in work, if it has room and the same block.
static struct unit *unit_for(struct load_store *l, struct load_block *block, struct error *err) {
    struct unit *u = l->unit;
    if (u != NULL && (u->s->n_events == UNIT_EVENTS || u->block != block)) {
        if (!sink_flush(&l->base, err)) {
            return NULL;
        }
        u = NULL;
    }
    if (u == NULL) {
        u = take_unit(l);
        if (u == NULL) {
            out_of_memory(err);
            return NULL;
        }
        u->block = block;
        if (block != NULL) {
            load_block_hold(block);
        }
        l->unit = u;
    }
    return u;
}

static struct event *add_event(struct unit *u, struct load_place place, struct error *err) {
    u->places[u->s->n_events] = place;
    struct event *e = submission_add(u->s);
    if (e == NULL) {
        out_of_memory(err);
    }
    return e;
}

static bool sink_json(struct load_sink *base, struct text event, struct load_block *block,
                      struct load_place place, struct error *err) {
    struct load_store *l = of(base);
    struct unit *u = unit_for(l, block, err);
    struct event *e = u != NULL ? add_event(u, place, err) : NULL;
    if (e == NULL) {
        return false;
    }
    struct rejection why;
    e->raw = event;
    switch (order_json_parse(l->parser, &l->rules, event, &u->s->arena, &e->order, &why)) {
    case ORDER_JSON_OK:
        return true;
    case ORDER_JSON_REJECTED:
    case ORDER_JSON_BROKEN:
        return submission_reject(u->s, e, &why) || out_of_memory(err);
    default:
        return out_of_memory(err);
    }
}

static bool sink_too_long(struct load_sink *base, struct text start, struct load_place place,
                          struct error *err) {
    struct unit *u = unit_for(of(base), NULL, err);
    struct event *e = u != NULL ? add_event(u, place, err) : NULL;
    if (e == NULL) {
        return false;
    }
    struct rejection why;
    reject(&why, "", REJECT_TOO_LARGE, "the event's text is longer than %d bytes",
           ORDER_EVENT_MAX_BYTES);
    return (arena_try_copy(&u->s->arena, start, &e->raw) && submission_reject(u->s, e, &why)) ||
           out_of_memory(err);
}

static struct arena *sink_arena(struct load_sink *base, struct error *err) {
    struct unit *u = unit_for(of(base), NULL, err);
    return u != NULL ? &u->s->arena : NULL;
}

static bool sink_order(struct load_sink *base, const struct order_csv_event *from, bool rejected,
                       struct load_place place, struct error *err) {
    struct unit *u = of(base)->unit; // sink_arena made sure that it has room
    struct event *e = add_event(u, place, err);
    if (e == NULL) {
        return false;
    }
    e->raw = from->raw;
    if (rejected) {
        return submission_reject(u->s, e, &from->why) || out_of_memory(err);
    }
    e->order = from->order;
    return true;
}

static const struct order_rules *sink_rules(const struct load_sink *base) {
    return &((const struct load_store *)base)->rules;
}

// --- Opening and closing

static void *run_engine(void *user) {
    engine_run(user);
    return NULL;
}

static void sink_close(struct load_sink *base) {
    struct load_store *l = of(base);
    if (l->thread_runs) {
        intake_close(queue_intake(l->queue));
        pthread_join(l->thread, NULL);
    }
    if (l->unit != NULL) {
        free_unit(l->unit);
    }
    free_units(l->spare);
    free_units(l->try_later);
    engine_free(l->engine);
    queue_free(l->queue);
    if (l->store != NULL) {
        l->store->ops->close(l->store);
    }
    zone_free(l->zone);
    order_json_free(l->parser);
    pthread_cond_destroy(&l->settled);
    pthread_mutex_destroy(&l->lock);
    free(l);
}

static const struct load_sink_ops sink_ops = {sink_json,  sink_too_long, sink_arena, sink_order,
                                              sink_flush, sink_finish,   sink_rules, sink_close};

static bool copy_setting(char *to, size_t room, const char *from, const char *option,
                         struct error *err) {
    if (from != NULL && strlen(from) >= room) {
        return error_set(err, ERROR_USAGE, "--%s: '%.80s' is too long", option, from);
    }
    if (from != NULL) {
        memcpy(to, from, strlen(from) + 1);
    }
    return true;
}

// The file of the shop's facts is written once: a wrong currency or zone must not get into it.
static bool check_settings(struct store_settings *s, const struct load_store_options *o,
                           struct error *err) {
    if (!copy_setting(s->currency, sizeof s->currency, o->currency, "currency", err) ||
        !copy_setting(s->timezone, sizeof s->timezone, o->timezone, "timezone", err)) {
        return false;
    }
    s->late_limit_ms = o->late_limit_ms > 0 ? o->late_limit_ms : 0;
    for (const char *c = s->currency; c < s->currency + 3 && s->currency[0] != '\0'; c++) {
        if (*c < 'A' || *c > 'Z') {
            return error_set(err, ERROR_USAGE,
                             "--currency: '%s' is not three capital letters such as USD",
                             s->currency);
        }
    }
    struct zone *zone = NULL;
    bool ok = s->timezone[0] == '\0' || zone_open(s->timezone, &zone, err);
    zone_free(zone);
    return ok;
}

static bool open_store(struct load_store *l, const struct load_store_options *o,
                       struct store_settings *settings, struct error *err) {
    struct sqlite_options options = {.directory = o->directory, .clock = clock_system()};
    return check_settings(&options.settings, o, err) &&
           sqlite_store_open(&options, &l->store, settings, err) &&
           zone_open(settings->timezone, &l->zone, err);
}

static bool start_engine(struct load_store *l, const struct load_store_options *o,
                         const struct store_settings *settings, struct error *err) {
    struct customers *customers = NULL;
    if (o->customers != NULL && !customers_load(o->customers, &customers, err)) {
        return false;
    }
    l->rules.zone = l->zone;
    memcpy(l->rules.currency, settings->currency, sizeof l->rules.currency);
    l->rules.max_depth = (uint32_t)o->max_depth;
    struct engine_options options = {.clock = clock_system(),
                                     .batch_max_events = (size_t)o->batch_events,
                                     .late_limit_ms = settings->late_limit_ms};
    int64_t queued = o->batch_events * QUEUED_BATCHES;
    l->queue = queue_new((size_t)(queued < o->queue_events ? queued : o->queue_events));
    l->engine = engine_new(l->store, queue_source(l->queue), &l->rules, customers, &options);
    l->thread_runs = pthread_create(&l->thread, NULL, run_engine, l->engine) == 0;
    if (!l->thread_runs) {
        return error_set(err, ERROR_RETRIABLE, "cannot start the engine's thread");
    }
    pthread_setname_np(l->thread, "engine");
    return true;
}

bool load_store_open(const struct load_store_options *options, const struct load_target *target,
                     struct load_sink **out, struct error *err) {
    struct load_store *l = mem_zalloc(1, sizeof *l);
    struct store_settings settings = {0};
    l->base.ops = &sink_ops;
    l->target = *target;
    l->parser = order_json_new();
    pthread_mutex_init(&l->lock, NULL);
    pthread_cond_init(&l->settled, NULL);
    if (!open_store(l, options, &settings, err) || !start_engine(l, options, &settings, err)) {
        sink_close(&l->base);
        *out = NULL;
        return false;
    }
    *out = &l->base;
    return true;
}
