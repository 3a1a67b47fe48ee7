// SPDX-License-Identifier: MIT
// A task's store. One event, asked for by judge.c:
//
// 1. known: in the window. Without one everything is new.
// 2. origin: of cancellations and refunds the answer is `later` where raw orders are kept, since
//    no raw store is asked here: whoever commits the tally does. Else it is not known.
// 3. fits: against the gross sums that the task was told and its own.
// 4. add, add_rejected: into lists.
//
// How it fails: memory is refused (RETRY); the task is given up then, and its window undone.
#include "kernel/task_store.h"

#include "sums/currency.h"
#include <stddef.h>

static struct task_store *task_store_of(struct store *s) {
    return (struct task_store *)s;
}
static struct task_store *task_of_log(struct log_store *log) {
    return (struct task_store *)((char *)log - offsetof(struct task_store, log));
}

static enum store_result answer(bool ok, struct error *err) {
    if (!ok) {
        error_set(err, ERROR_RETRIABLE, "out of memory while judging a range");
    }
    return ok ? STORE_OK : STORE_RETRY;
}

static void task_prefetch(struct store *base, const struct order *o, const struct stamp *at) {
    UNUSED(o);
    window_use_prefetch(&task_store_of(base)->window, at);
}

static enum store_result task_known(struct store *base, const struct order *o,
                                    const struct stamp *at, struct known *out, struct error *err) {
    UNUSED(o);
    struct task_store *s = task_store_of(base);
    *out = (struct known){.as = KNOWN_NEW};
    s->asked_position = at->position;
    return answer(window_use_known(&s->window, at, &out->as), err);
}

static enum store_result task_origin(struct store *base, struct ident order_id,
                                     const struct stamp *at, struct origin *out,
                                     enum origin_known *known, struct error *err) {
    UNUSED(order_id);
    UNUSED(at);
    UNUSED(out);
    UNUSED(err);
    *known = task_store_of(base)->has_raw ? ORIGIN_LATER : ORIGIN_UNKNOWN;
    return STORE_OK;
}

static bool task_fits(struct store *base, const struct order *o, struct rejection *why) {
    struct task_store *s = task_store_of(base);
    s->asked_gross = split_gross_of(o);
    return split_batch_fits(&s->batch, NULL, s->stored_gross_e4, &s->asked_gross) ||
           currency_reject_overflow(o, why);
}

static bool list_adjustment(struct task_store *s, const struct stored_event *event) {
    if (s->n_adjustments == s->cap_adjustments) {
        size_t cap = s->cap_adjustments == 0 ? 16 : s->cap_adjustments * 2;
        struct stored_event *list = heap_realloc(s->texts.heap, s->adjustments, cap * sizeof *list);
        if (list == NULL) {
            return false;
        }
        s->adjustments = list;
        s->cap_adjustments = cap;
    }
    char *at = arena_try_bytes(&s->texts, split_event_bytes(event));
    if (at == NULL) {
        return false;
    }
    split_event_copy(event, at, &s->adjustments[s->n_adjustments++]);
    return true;
}

static enum store_result task_add(struct store *base, const struct order *o, const struct stamp *at,
                                  const struct known *known, const struct cube_dim *group,
                                  struct error *err) {
    UNUSED(known);
    struct task_store *s = task_store_of(base);
    bool ok = window_use_add(&s->window, at) && split_batch_add(&s->batch, &s->asked_gross);
    if (ok && o->kind != ORDER_PLACED) { // the newest orders: task_recent.h
        const struct stored_event event = {*o, at->arrival_ms, at->position};
        ok = group == NULL ? list_adjustment(s, &event) : split_batch_add_change(&s->batch, &event);
    }
    return answer(ok, err);
}

static enum store_result task_add_rejected(struct store *base, const struct event *e,
                                           struct error *err) {
    struct task_store *s = task_store_of(base);
    // An event that judging rejects was asked for just before; one that could not be read was not.
    bool refused = e->at.position == s->asked_position;
    bool ok = refused || window_use_pass(&s->window, &e->at);
    return answer(ok && split_batch_add_rejected(&s->batch, e, s->partition, refused), err);
}

static void task_floors(struct store *base, int64_t arrival_ms, int32_t *minute_floor,
                        int32_t *hour_floor) {
    struct task_store *s = task_store_of(base);
    split_floors_raise(&s->floors, arrival_ms, SPLIT_MINUTES_KEPT, SPLIT_HOURS_KEPT);
    *minute_floor = s->floors.minute;
    *hour_floor = s->floors.hour;
}

static enum store_result task_remember(struct log_store *base, const struct event *e,
                                       struct error *err) {
    struct task_store *s = task_of_log(base);
    bool leaves_it = e->verdict != VERDICT_REJECTED &&
                     !split_refused_has(&s->refused, log_position_offset(e->at.position));
    return answer(window_use_remember(&s->window, &e->at, leaves_it), err);
}

// Where the range ends its task is told at the tally.
static void task_advance(struct log_store *base, int32_t partition, int64_t next_offset) {
    UNUSED(base);
    UNUSED(partition);
    UNUSED(next_offset);
}

// Those that judging calls; the others are of whoever has a commit.
static const struct store_ops task_ops = {
    .name = "task",
    .prefetch = task_prefetch,
    .known = task_known,
    .origin = task_origin,
    .fits = task_fits,
    .add = task_add,
    .add_rejected = task_add_rejected,
    .floors = task_floors,
};
static const struct log_store_ops task_log_ops = {.remember = task_remember,
                                                  .advance = task_advance};

bool task_store_init(struct task_store *s, const struct mem_heap *heap) {
    *s = (struct task_store){.log = {&task_log_ops}, .asked_position = -1, .texts.heap = heap};
    s->base = (struct store){&task_ops, &s->log};
    s->stored_gross_e4 = heap_zalloc(heap, N_CURRENCIES, sizeof *s->stored_gross_e4);
    return split_batch_init(&s->batch, heap) && s->stored_gross_e4 != NULL;
}

void task_store_free(struct task_store *s) {
    window_use_close(&s->window);
    split_batch_free(&s->batch);
    heap_free(s->texts.heap, s->refused.at);
    heap_free(s->texts.heap, s->stored_gross_e4);
    heap_free(s->texts.heap, s->adjustments);
    arena_free(&s->texts);
}
