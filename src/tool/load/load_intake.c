// SPDX-License-Identifier: MIT
// Loading into an intake: this thread parses, another one (the engine's, a producer's) settles.
//
// The happy path: events are parsed into a unit (a submission, the block its text lies in, the
// lines its events come from); a full unit is offered to the intake, waiting for room; it is
// settled on another thread, which counts the verdicts and puts the unit back to be used again.
//
// How it fails: the intake cannot take orders just now (disk full, no broker). Its units come back
// as "try later"; this thread then waits until nothing is under way, and offers them again in the
// order of the file, with back-off, for a minute at most. Until it says so (go_on) the store takes
// nothing: a cancellation must not overtake its order. What is stored stays stored: loading the
// file again finds it as duplicates.
#include "tool/load/load_intake.h"

#include "base/mem.h"
#include "format/order_json.h"
#include "format/order_write.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
    UNIT_EVENTS = 4096,
    COUNTED_AHEAD = 8, // asked for: a batch later they lie far away again
    RETRY_FIRST_MS = 100,
    RETRY_LONGEST_MS = 2000,
    GIVE_UP_MS = 60 * 1000,
};

struct unit {
    struct state state; // enum load_unit_state
    struct submission *s;
    struct load_block *block; // the texts of JSON events lie in it; NULL: in the arena
    struct load_place places[UNIT_EVENTS];
    int64_t number; // in the order of the file
    struct load_intake *owner;
    struct unit *next;
};

struct load_intake {
    struct load_sink base;
    struct load_target target;
    struct load_intake_parts parts;
    struct order_json *parser;
    struct buf json;   // a CSV event written as JSON
    struct unit *unit; // being filled; NULL: none
    int64_t next_number;

    pthread_mutex_t lock;
    pthread_cond_t settled;
    struct unit *spare, *try_later;
    int64_t under_way; // units with the intake
};

static const struct state_row unit_rows[LOAD_UNIT_STATES] = {
    [LOAD_UNIT_SPARE] = {"spare", STATE_BIT(LOAD_UNIT_FILLING)},
    [LOAD_UNIT_FILLING] = {"filling", STATE_BIT(LOAD_UNIT_UNDER_WAY)},
    [LOAD_UNIT_UNDER_WAY] = {"under way",
                             STATE_BIT(LOAD_UNIT_SPARE) | STATE_BIT(LOAD_UNIT_TRY_LATER)},
    [LOAD_UNIT_TRY_LATER] = {"try later", STATE_BIT(LOAD_UNIT_UNDER_WAY)},
};

// The lock is held where a list is concerned.
static bool unit_holds(const void *owner, uint8_t now) {
    const struct unit *u = owner;
    switch (now) {
    case LOAD_UNIT_SPARE:
    case LOAD_UNIT_FILLING: // from its first event on
        return u->s->n_events == 0 && u->block == NULL;
    case LOAD_UNIT_UNDER_WAY:
        return u->next == NULL && u != u->owner->unit;
    default:
        return u != u->owner->unit;
    }
}

const struct state_table load_unit_table = {"unit of load", unit_rows, LOAD_UNIT_STATES,
                                            unit_holds};

static void unit_move(struct unit *u, enum load_unit_state to) {
    state_move(&load_unit_table, &u->state, (uint8_t)to, u);
}

static struct load_intake *load_intake_of(struct load_sink *s) {
    return (struct load_intake *)s;
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

// On the intake's thread.
static void unit_settled(struct submission *s, enum settle_result result);

// An empty unit, used before if possible: its memory is warm.
static struct unit *take_unit(struct load_intake *l) {
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
        u->state = (struct state){LOAD_UNIT_SPARE};
        u->s = submission_new(NULL);
        if (u->s == NULL) {
            free(u);
            return NULL;
        }
        u->s->settled = unit_settled;
        u->s->user = u;
    }
    u->next = NULL;
    unit_move(u, LOAD_UNIT_FILLING);
    return u;
}

// Empties a unit and keeps it. The lock is held.
static void keep_unit(struct load_intake *l, struct unit *u) {
    u->s->n_events = 0;
    arena_reset(&u->s->arena);
    unit_move(u, LOAD_UNIT_SPARE);
    u->next = l->spare;
    l->spare = u;
}

static void count_verdicts(struct load_intake *l, const struct unit *u) {
    int64_t counts[4] = {0};
    struct load_doubts doubts = {0};
    for (size_t i = 0; i < u->s->n_events; i++) {
        const struct event *e = &u->s->events[i];
        if (i + COUNTED_AHEAD < u->s->n_events) {
            __builtin_prefetch(&e[COUNTED_AHEAD].verdict); // its order's warnings lie beside it
        }
        counts[e->verdict]++;
        if (e->verdict == VERDICT_ACCEPTED && e->order.warnings != 0) {
            load_doubts_add(&doubts, &e->order, u->places[i].file, u->places[i].line);
        }
        if (e->verdict == VERDICT_REJECTED) {
            load_report_rejected(l->target.report, u->places[i].file, u->places[i].line,
                                 e->why->field, e->why->code, e->why->message);
        }
    }
    load_report_count(l->target.report, counts[VERDICT_ACCEPTED], counts[VERDICT_DUPLICATE],
                      counts[VERDICT_REJECTED]);
    load_report_doubts(l->target.report, &doubts);
}

static void unit_settled(struct submission *s, enum settle_result result) {
    struct unit *u = s->user;
    struct load_intake *l = u->owner;
    if (result == SETTLE_DURABLE) {
        count_verdicts(l, u);
        load_block_drop(u->block);
        u->block = NULL;
    }
    pthread_mutex_lock(&l->lock);
    if (result == SETTLE_DURABLE) {
        keep_unit(l, u);
    } else {
        unit_move(u, LOAD_UNIT_TRY_LATER);
        u->next = l->try_later;
        l->try_later = u;
    }
    l->under_way--;
    pthread_cond_signal(&l->settled);
    pthread_mutex_unlock(&l->lock);
}

// --- Offering

static void load_intake_offer(struct load_intake *l, struct unit *u) {
    pthread_mutex_lock(&l->lock);
    unit_move(u, LOAD_UNIT_UNDER_WAY);
    l->under_way++;
    pthread_mutex_unlock(&l->lock);
    if (!intake_offer_wait(l->parts.intake, u->s)) {
        abort(); // only this thread closes the intake
    }
}

// Waits until everything is settled. Bounded: an intake settles whether it can store or not.
static struct unit *wait_for_all(struct load_intake *l) {
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

static bool gave_up(struct load_intake *l, struct unit *failed, struct error *err) {
    char problem[INTAKE_PROBLEM_BYTES] = "";
    bool ready = l->parts.ready(l->parts.user, problem);
    free_units(failed);
    return error_set(err, ERROR_RETRIABLE,
                     "%s takes no orders: %.300s; what is stored stays, load the file again later",
                     l->parts.what, ready ? "stopped" : problem);
}

// Offers again what the store did not take, until it has taken all.
static bool try_again(struct load_intake *l, struct error *err) {
    int64_t start_ns = clock_monotonic_ns(clock_system());
    int wait_ms = RETRY_FIRST_MS;
    for (struct unit *failed; (failed = wait_for_all(l)) != NULL;) {
        int64_t waited_ms = (clock_monotonic_ns(clock_system()) - start_ns) / 1000000;
        if (waited_ms > GIVE_UP_MS || *l->target.stop) {
            return gave_up(l, failed, err);
        }
        if (wait_ms == RETRY_FIRST_MS) {
            char line[200];
            snprintf(line, sizeof line, "%s takes no orders just now; trying again for a minute",
                     l->parts.what);
            load_report_problem(l->target.report, line);
        }
        clock_sleep_ms(wait_ms);
        wait_ms = wait_ms * 2 < RETRY_LONGEST_MS ? wait_ms * 2 : RETRY_LONGEST_MS;
        if (l->parts.go_on != NULL) {
            l->parts.go_on(l->parts.user);
        }
        while (failed != NULL) {
            load_intake_offer(l, take_first(&failed));
        }
    }
    return true;
}

static bool must_try_again(struct load_intake *l) {
    pthread_mutex_lock(&l->lock);
    bool must = l->try_later != NULL;
    pthread_mutex_unlock(&l->lock);
    return must;
}

static bool sink_flush(struct load_sink *base, struct error *err) {
    struct load_intake *l = load_intake_of(base);
    struct unit *u = l->unit;
    if (u == NULL) {
        return true;
    }
    l->unit = NULL;
    if (u->s->n_events == 0) { // its only event was not whole
        free_unit(u);
        return true;
    }
    u->s->arrival_ms = clock_now_ms(clock_system());
    u->number = l->next_number++;
    if (must_try_again(l) && !try_again(l, err)) { // first what comes first
        free_unit(u);
        return false;
    }
    load_intake_offer(l, u);
    return true;
}

static bool sink_finish(struct load_sink *base, struct error *err) {
    return sink_flush(base, err) && try_again(load_intake_of(base), err);
}

// --- Filling

static bool out_of_memory(struct error *err) {
    return error_set(err, ERROR_RETRIABLE, "out of memory");
}

// The unit to put the next event into: the one in work, if it has room and the same block.
static struct unit *unit_for(struct load_intake *l, struct load_block *block, struct error *err) {
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
    struct event *e = submission_add_unset(u->s);
    if (e == NULL) {
        out_of_memory(err);
    }
    return e;
}

// The event that was added last is not whole: what is in the unit before it is offered all the
// same.
static bool drop_event(struct unit *u, struct error *err) {
    u->s->n_events--;
    return out_of_memory(err);
}

static bool sink_json(struct load_sink *base, struct text event, struct load_block *block,
                      struct load_place place, struct error *err) {
    struct load_intake *l = load_intake_of(base);
    struct unit *u = unit_for(l, block, err);
    struct event *e = u != NULL ? add_event(u, place, err) : NULL;
    if (e == NULL) {
        return false;
    }
    struct rejection why;
    e->raw = event;
    switch (order_json_parse(l->parser, l->parts.rules, event, &u->s->arena, &e->order, &why)) {
    case ORDER_JSON_OK:
        return true;
    case ORDER_JSON_REJECTED:
    case ORDER_JSON_BROKEN:
        return submission_reject(u->s, e, &why) || drop_event(u, err);
    default:
        return drop_event(u, err);
    }
}

static bool sink_too_long(struct load_sink *base, struct text start, struct load_place place,
                          struct error *err) {
    struct unit *u = unit_for(load_intake_of(base), NULL, err);
    struct event *e = u != NULL ? add_event(u, place, err) : NULL;
    if (e == NULL) {
        return false;
    }
    struct rejection why;
    reject(&why, "", REJECT_TOO_LARGE, "the event's text is longer than %d bytes",
           ORDER_EVENT_MAX_BYTES);
    return (arena_try_copy(&u->s->arena, start, &e->raw) && submission_reject(u->s, e, &why)) ||
           drop_event(u, err);
}

static struct arena *sink_arena(struct load_sink *base, struct error *err) {
    struct unit *u = unit_for(load_intake_of(base), NULL, err);
    return u != NULL ? &u->s->arena : NULL;
}

// The event's text as JSON instead of CSV; what the row left to the shop is left to it here too.
static bool write_json(struct load_intake *l, struct unit *u, struct event *e,
                       const struct order_csv_event *from) {
    struct order_spelling how = {.created_at = from->created_at,
                                 .no_currency = !from->names_currency};
    buf_clear(&l->json);
    order_write(&l->json, &from->order, &how);
    return !l->json.failed && arena_try_copy(&u->s->arena, buf_text(&l->json), &e->raw);
}

static bool sink_order(struct load_sink *base, const struct order_csv_event *from, bool rejected,
                       struct load_place place, struct error *err) {
    struct unit *u = load_intake_of(base)->unit; // sink_arena made sure that it has room
    struct event *e = add_event(u, place, err);
    if (e == NULL) {
        return false;
    }
    e->raw = from->raw;
    if (rejected) {
        return submission_reject(u->s, e, &from->why) || drop_event(u, err);
    }
    e->order = from->order;
    return !load_intake_of(base)->parts.wants_json ||
           write_json(load_intake_of(base), u, e, from) || drop_event(u, err);
}

static const struct order_rules *sink_rules(const struct load_sink *base) {
    return ((const struct load_intake *)base)->parts.rules;
}

static void sink_close(struct load_sink *base) {
    struct load_intake *l = load_intake_of(base);
    l->parts.drain(l->parts.user);
    if (l->unit != NULL) {
        free_unit(l->unit);
    }
    free_units(l->spare);
    free_units(l->try_later);
    l->parts.free(l->parts.user);
    order_json_free(l->parser);
    buf_free(&l->json);
    pthread_cond_destroy(&l->settled);
    pthread_mutex_destroy(&l->lock);
    free(l);
}

struct load_sink *load_intake_new(const struct load_intake_parts *parts,
                                  const struct load_target *target) {
    static const struct load_sink_ops ops = {sink_json,  sink_too_long, sink_arena, sink_order,
                                             sink_flush, sink_finish,   sink_rules, sink_close};
    struct load_intake *l = mem_zalloc(1, sizeof *l);
    l->base.ops = &ops;
    l->parts = *parts;
    l->target = *target;
    l->parser = mem_must(order_json_new(NULL));
    pthread_mutex_init(&l->lock, NULL);
    pthread_cond_init(&l->settled, NULL);
    return &l->base;
}
