// SPDX-License-Identifier: MIT
// A batch of messages of a task. By slices, small enough to stay in the processor's cache:
//
// 1. Messages are parsed into the events of a submission, as a log's reader does it.
// 2. judge_all judges them; those below `from` it only remembers.
// 3. Rows, if they are wanted. The numbers of accepted orders are noted.
//
// How it fails: offsets that do not ascend (INVALID), memory is refused, or the window's
// disk is full; the task has failed then.
#include "kernel/task.h"

#include "format/log_message.h"
#include "format/rejected_header.h"
#include "sums/origin.h"
#include <inttypes.h>

enum { SLICE_EVENTS = 128 };

// One call of task_push.
struct pushing {
    struct salestide_task *t;
    const struct messages *batch;
    struct order_rows *rows;
    size_t next;                    // message
    uint32_t numbers[SLICE_EVENTS]; // of the messages that the slice's events are
    bool read[SLICE_EVENTS];        // it could be: judged or not, it is an order
};

static enum salestide_result push_no_memory(struct error *err) {
    error_set(err, ERROR_RETRIABLE, "out of memory while judging a range");
    return SALESTIDE_NO_MEMORY;
}

// *read: as an order. False when memory is refused.
static bool read_event(struct salestide_task *t, const struct message *m, struct event *e,
                       bool *read) {
    struct submission *s = t->slice;
    struct rejection why;
    *read = false;
    e->at.arrival_ms = log_arrival_ms(m->stamp_ms);
    e->at.position = log_position(t->lane, m->offset);
    e->raw = m->value;
    e->key = m->key;
    if (m->rejected.at != NULL && rejected_header_read(m->rejected, &why)) {
        return submission_reject(s, e, &why); // a door has answered so already
    }
    switch (log_message_parse(t->parser, &t->shop->rules, m->value, m->value_there, &s->arena,
                              &e->order, &why)) {
    case ORDER_JSON_OK:
        *read = true;
        if (t->store.window.window != NULL) {
            e->at.digest = order_digest(&e->order);
        }
        return true;
    case ORDER_JSON_REJECTED:
    case ORDER_JSON_BROKEN:
        return submission_reject(s, e, &why);
    case ORDER_JSON_NO_MEMORY:
        break;
    }
    return false;
}

static enum salestide_result out_of_order(const struct salestide_task *t, const struct message *m,
                                          struct error *err) {
    error_set(err, ERROR_USAGE,
              "partition %" PRId32 ": offset %" PRId64 " comes after %" PRId64
              ": give a task the messages of its range once, in order of their offsets",
              t->partition, m->offset, t->seen);
    return SALESTIDE_INVALID;
}

static void begin_slice(struct salestide_task *t) {
    struct submission *s = t->slice;
    s->n_events = 0;
    s->arrival_ms = 0;
    s->log = (struct log_slice){.partition = t->partition};
    arena_reset(&s->arena);
}

// The texts of the next few messages, or what lies there in their place. The processor asks for
// what follows by itself, but not past the end of a page, which comes every twenty messages.
static inline void prefetch_texts(struct text value) {
    enum { AHEAD_BYTES = 1024, MOST_BYTES = 256, LINE_BYTES = 64 };
    const uintptr_t ahead = (uintptr_t)value.at + AHEAD_BYTES;
    for (size_t at = 0; at < MOST_BYTES; at += LINE_BYTES) {
        __builtin_prefetch((const void *)(ahead + at));
    }
}

// The next messages into the slice, history apart from others.
static enum salestide_result fill_slice(struct pushing *p, struct error *err) {
    struct salestide_task *t = p->t;
    struct submission *s = t->slice;
    const size_t n = messages_count(p->batch);
    begin_slice(t);
    for (bool first = true; p->next < n && s->n_events < SLICE_EVENTS; p->next++) {
        struct message m;
        messages_at(p->batch, p->next, &m);
        bool history = m.offset < t->from;
        if (!first && history != s->log.history) {
            break;
        }
        if (m.offset <= t->seen) {
            return out_of_order(t, &m, err);
        }
        t->seen = m.offset;
        prefetch_texts(m.value);
        if (history && !t->remembers) {
            continue;
        }
        first = false;
        s->log.history = history;
        s->log.next_offset = m.offset + 1;
        int64_t arrival_ms = log_arrival_ms(m.stamp_ms);
        s->arrival_ms = arrival_ms > s->arrival_ms ? arrival_ms : s->arrival_ms;
        if (m.value.len == 0) {
            s->log.n_skipped++;
            continue;
        }
        size_t i = s->n_events;
        struct event *e = submission_add_unset(s);
        p->numbers[i] = (uint32_t)p->next;
        if (e == NULL || !read_event(t, &m, e, &p->read[i])) {
            return push_no_memory(err);
        }
    }
    return SALESTIDE_OK;
}

static const char *verdict_name(enum verdict v) {
    return v == VERDICT_ACCEPTED ? "accepted" : v == VERDICT_DUPLICATE ? "duplicate" : "rejected";
}

static enum salestide_result add_row(struct pushing *p, size_t i, struct error *err) {
    struct salestide_task *t = p->t;
    struct event *e = &t->slice->events[i];
    struct message m;
    messages_at(p->batch, p->numbers[i], &m);
    if (p->read[i]) {
        origin_resolve(&e->order, NULL, t->shop->customers);
    }
    if (order_rows_add(p->rows, &m, e->at.position, p->read[i] ? &e->order : NULL,
                       verdict_name(e->verdict), e->why, e->at.arrival_ms, t->epoch_us)) {
        return SALESTIDE_OK;
    }
    const char *problem = order_rows_problem(p->rows);
    if (problem == NULL) {
        return push_no_memory(err);
    }
    error_set(err, ERROR_USAGE, "%s", problem);
    return SALESTIDE_INVALID;
}

static enum salestide_result after_judging(struct pushing *p, struct error *err) {
    struct salestide_task *t = p->t;
    const struct submission *s = t->slice;
    enum salestide_result result = SALESTIDE_OK;
    for (size_t i = 0; i < s->n_events && result == SALESTIDE_OK; i++) {
        const struct event *e = &s->events[i];
        if (e->verdict == VERDICT_ACCEPTED && e->order.kind == ORDER_PLACED) {
            task_recent_note(&t->recent, p->numbers[i]);
        }
        if (p->rows != NULL) {
            result = add_row(p, i, err);
        }
    }
    return result;
}

static enum salestide_result push_slice(struct pushing *p, struct error *err) {
    struct salestide_task *t = p->t;
    enum salestide_result result = fill_slice(p, err);
    if (result != SALESTIDE_OK) {
        return result;
    }
    if (t->slice->log.next_offset == 0) {
        return SALESTIDE_OK; // all of it was committed before
    }
    if (judge_all(&t->judge, t->slice, &t->summary, err) != STORE_OK) {
        return SALESTIDE_NO_MEMORY;
    }
    return t->slice->log.history ? SALESTIDE_OK : after_judging(p, err);
}

enum salestide_result task_push(struct salestide_task *t, const struct messages *batch,
                                struct order_rows *rows, struct error *err) {
    struct pushing p = {.t = t, .batch = batch, .rows = rows};
    enum salestide_result result = SALESTIDE_OK;
    while (p.next < messages_count(batch) && result == SALESTIDE_OK) {
        result = push_slice(&p, err);
    }
    if (result == SALESTIDE_OK && !task_recent_keep(&t->recent, batch)) {
        result = push_no_memory(err);
    }
    if (result == SALESTIDE_NO_MEMORY && window_use_failed(&t->store.window, err)) {
        result = SALESTIDE_FAILED; // it is the disk that has no room
    }
    t->state = result == SALESTIDE_OK ? t->state : TASK_FAILED;
    return result;
}
