// SPDX-License-Identifier: MIT
// Submissions: the events of one request with the memory they live in. All sizes come from outside,
// so every allocation here may be refused and is answered with 503 by the door.
#include "engine/submission.h"

struct submission *submission_new(const struct mem_heap *heap) {
    struct submission *s = heap_alloc(heap, sizeof *s);
    if (s != NULL) {
        *s = (struct submission){.arena.heap = heap, .log = {.partition = -1}};
    }
    return s;
}

static bool grow_events(struct submission *s) {
    size_t cap = s->cap_events == 0 ? 1 : s->cap_events < 16 ? 16 : s->cap_events * 2;
    struct event *events = heap_realloc(s->arena.heap, s->events, cap * sizeof *events);
    if (events == NULL) {
        return false;
    }
    s->events = events;
    s->cap_events = cap;
    return true;
}

struct event *submission_add_unset(struct submission *s) {
    if (UNLIKELY(s->n_events == s->cap_events) && !grow_events(s)) {
        return NULL;
    }
    struct event *e = &s->events[s->n_events++];
    _Static_assert(offsetof(struct event, order) == 0, "the rest is what comes after it");
    memset((char *)e + sizeof e->order, 0, length_unseen(sizeof *e - sizeof e->order));
    return e;
}

struct event *submission_add(struct submission *s) {
    if (UNLIKELY(s->n_events == s->cap_events) && !grow_events(s)) {
        return NULL;
    }
    struct event *e = &s->events[s->n_events++];
    memset(e, 0, length_unseen(sizeof *e));
    return e;
}

bool submission_reject(struct submission *s, struct event *e, const struct rejection *why) {
    e->why = arena_try_alloc(&s->arena, sizeof *e->why);
    if (e->why == NULL) {
        return false;
    }
    *e->why = *why;
    e->verdict = VERDICT_REJECTED;
    return true;
}

size_t submission_bytes(const struct submission *s) {
    return sizeof *s + s->cap_events * sizeof *s->events + s->arena.total_bytes;
}

void submission_free(struct submission *s) {
    if (s == NULL) {
        return;
    }
    const struct mem_heap *heap = s->arena.heap;
    arena_free(&s->arena);
    heap_free(heap, s->events);
    heap_free(heap, s);
}
