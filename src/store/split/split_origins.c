// SPDX-License-Identifier: MIT
// The happy path: prepare notes the order id of each cancellation and refund in a hash table and
// asks the raw store for all of them in one pipelined look-up; a placed order that the batch
// accepts fills its place in the table, if it has one; find answers from the table.
//
// How it fails: the raw store cannot be asked, or memory is refused; the batch is then rolled back.
#include "store/split/split_origins.h"

#include "base/mem.h"
#include <stdlib.h>

struct wanted_order {
    struct order_identity identity;
    bool used, found;
    int64_t position;
    struct origin origin;
};

void split_origins_clear(struct split_origins *s) {
    arena_reset(&s->arena);
    if (s->n > 0) {
        memset(s->wanted, 0, s->n_slots * sizeof *s->wanted);
    }
    s->n = s->n_ids = 0;
    s->unflushed = false;
}

void split_origins_free(struct split_origins *s) {
    arena_free(&s->arena);
    free(s->wanted);
    free(s->ids);
}

static size_t slot_of(const struct split_origins *s, struct order_identity id) {
    size_t slot = id.high & (s->n_slots - 1);
    while (s->wanted[slot].used &&
           (s->wanted[slot].identity.high != id.high || s->wanted[slot].identity.low != id.low)) {
        slot = (slot + 1) & (s->n_slots - 1);
    }
    return slot;
}

static bool split_origins_grow(struct split_origins *s) {
    if (s->n * 2 < s->n_slots) {
        return true;
    }
    struct wanted_order *old = s->wanted;
    size_t n_old = s->n_slots, n_slots = n_old == 0 ? 256 : n_old * 2;
    struct wanted_order *wanted = try_alloc(n_slots * sizeof *wanted);
    if (wanted == NULL) {
        return false;
    }
    memset(wanted, 0, n_slots * sizeof *wanted);
    s->wanted = wanted;
    s->n_slots = n_slots;
    for (size_t i = 0; i < n_old; i++) {
        if (old[i].used) {
            wanted[slot_of(s, old[i].identity)] = old[i];
        }
    }
    free(old);
    return true;
}

static bool grow_ids(struct split_origins *s) {
    if (s->n_ids < s->cap_ids) {
        return true;
    }
    size_t cap = s->cap_ids == 0 ? 128 : s->cap_ids * 2;
    struct ident *ids = try_realloc(s->ids, cap * sizeof *ids);
    if (ids == NULL) {
        return false;
    }
    s->ids = ids;
    s->cap_ids = cap;
    return true;
}

bool split_origins_want(struct split_origins *s, struct ident order_id) {
    if (!split_origins_grow(s) || !grow_ids(s)) {
        return false;
    }
    struct order_identity id = order_placed_digest(order_id);
    struct wanted_order *w = &s->wanted[slot_of(s, id)];
    if (!w->used) {
        *w = (struct wanted_order){.identity = id, .used = true};
        s->n++;
        s->ids[s->n_ids++] = order_id;
    }
    return true;
}

static bool found(void *user, size_t index, const struct stored_event *event) {
    struct split_origins *s = user;
    struct wanted_order *w = &s->wanted[slot_of(s, order_placed_digest(s->ids[index]))];
    const struct order *o = &event->order;
    struct text unknown = TEXT_LIT("(unknown)"); // a user's table may have no such column
    w->found =
        arena_try_copy(&s->arena, o->source.at != NULL ? o->source : unknown, &w->origin.source) &&
        arena_try_copy(&s->arena, o->state.at != NULL ? o->state : unknown, &w->origin.state);
    w->position = event->position;
    s->failed = !w->found;
    return w->found;
}

static enum store_result no_memory(struct error *err) {
    error_set(err, ERROR_RETRIABLE, "out of memory while looking up orders");
    return STORE_RETRY;
}

enum store_result split_origins_look_up(struct split_origins *s, struct raw_store *raw,
                                        struct error *err) {
    enum store_result result = STORE_OK;
    if (s->unflushed) { // what this batch has added counts too
        result = raw->ops->flush(raw, err);
        s->unflushed = false;
    }
    if (result == STORE_OK) {
        s->failed = false;
        result = raw->ops->find(raw, s->ids, s->n_ids, found, s, err);
    }
    if (result == STORE_OK && s->failed) {
        result = no_memory(err);
    }
    s->n_ids = 0;
    return result;
}

enum store_result split_origins_prepare(struct split_origins *s, struct raw_store *raw,
                                        const struct submission *list, struct error *err) {
    for (; list != NULL; list = list->next) {
        for (size_t i = 0; !list->log.history && i < list->n_events; i++) {
            const struct event *e = &list->events[i];
            if (e->verdict == VERDICT_NEW && e->order.kind != ORDER_PLACED &&
                !split_origins_want(s, e->order.order_id)) {
                return no_memory(err);
            }
        }
    }
    return s->n_ids == 0 ? STORE_OK : split_origins_look_up(s, raw, err);
}

bool split_origins_added(struct split_origins *s, const struct stored_event *event,
                         const struct order_digest *digest) {
    s->unflushed = true;
    if (s->n == 0 || event->order.kind != ORDER_PLACED) {
        return true;
    }
    struct wanted_order *w = &s->wanted[slot_of(s, digest->identity)];
    if (!w->used || w->found) {
        return true;
    }
    w->found = arena_try_copy(&s->arena, event->order.source, &w->origin.source) &&
               arena_try_copy(&s->arena, event->order.state, &w->origin.state);
    w->position = event->position;
    return w->found;
}

bool split_origins_find(const struct split_origins *s, struct ident order_id, int64_t position,
                        struct origin *out) {
    if (s->n == 0) {
        return false;
    }
    const struct wanted_order *w = &s->wanted[slot_of(s, order_placed_digest(order_id))];
    if (!w->used || !w->found) {
        return false;
    }
    *out = w->origin;
    bool same_lane = log_position_lane(w->position) == log_position_lane(position);
    return !same_lane || w->position < position;
}
