// SPDX-License-Identifier: MIT
// The bounded queue: a linked list under one mutex. Doors append, the engine takes all that fits
// into one batch at once; so while the engine commits, the next batch gathers here (group commit),
// and nobody waits for a timer. Full: offer says no (503), offer_wait waits for the engine.
#include "engine/queue.h"

#include "base/mem.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct queue {
    pthread_mutex_t lock;
    pthread_cond_t not_empty, not_full;
    struct submission *head, **tail;
    size_t n_events, max_events;
    bool closed;
    bool taker_waits; // spares the doors a wake-up call when the engine is busy anyway
    int offers_waiting;
};

struct queue *queue_new(size_t max_events) {
    struct queue *q = mem_zalloc(1, sizeof *q);
    pthread_mutex_init(&q->lock, NULL);
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&q->not_empty, &attr);
    pthread_cond_init(&q->not_full, &attr);
    pthread_condattr_destroy(&attr);
    q->max_events = max_events;
    q->tail = &q->head;
    return q;
}

void queue_free(struct queue *q) {
    if (q == NULL) {
        return;
    }
    pthread_cond_destroy(&q->not_empty);
    pthread_cond_destroy(&q->not_full);
    pthread_mutex_destroy(&q->lock);
    free(q);
}

// An event counts at least one, so that empty submissions cannot pile up either.
static size_t weight(const struct submission *s) {
    return s->n_events > 0 ? s->n_events : 1;
}

static bool has_room(const struct queue *q, const struct submission *s) {
    return q->head == NULL || q->n_events + weight(s) <= q->max_events;
}

static void queue_append(struct queue *q, struct submission *s) {
    s->next = NULL;
    *q->tail = s;
    q->tail = &s->next;
    q->n_events += weight(s);
    if (q->taker_waits) {
        q->taker_waits = false;
        pthread_cond_signal(&q->not_empty);
    }
}

static bool queue_offer(void *self, struct submission *s) {
    struct queue *q = self;
    pthread_mutex_lock(&q->lock);
    bool taken = !q->closed && has_room(q, s);
    if (taken) {
        queue_append(q, s);
    }
    pthread_mutex_unlock(&q->lock);
    return taken;
}

static bool queue_offer_wait(void *self, struct submission *s) {
    struct queue *q = self;
    pthread_mutex_lock(&q->lock);
    q->offers_waiting++;
    while (!q->closed && !has_room(q, s)) {
        pthread_cond_wait(&q->not_full, &q->lock);
    }
    q->offers_waiting--;
    bool taken = !q->closed;
    if (taken) {
        queue_append(q, s);
    }
    pthread_mutex_unlock(&q->lock);
    return taken;
}

static void queue_close(void *self) {
    struct queue *q = self;
    pthread_mutex_lock(&q->lock);
    q->closed = true;
    pthread_cond_broadcast(&q->not_empty);
    pthread_cond_broadcast(&q->not_full);
    pthread_mutex_unlock(&q->lock);
}

static size_t queue_events(void *self) {
    struct queue *q = self;
    pthread_mutex_lock(&q->lock);
    size_t n = q->n_events;
    pthread_mutex_unlock(&q->lock);
    return n;
}

static size_t queue_capacity(void *self) {
    const struct queue *q = self;
    return q->max_events;
}

static bool queue_ready(void *self, char problem[static INTAKE_PROBLEM_BYTES]) {
    size_t n = queue_events(self);
    if (n < queue_capacity(self)) {
        return true;
    }
    snprintf(problem, INTAKE_PROBLEM_BYTES, "queue: %zu events wait, it is full (--queue-events)",
             n);
    return false;
}

struct intake queue_intake(struct queue *q) {
    static const struct intake_ops ops = {
        .name = "queue",
        .try_later = "nothing of this request was stored",
        .offer = queue_offer,
        .offer_wait = queue_offer_wait,
        .close = queue_close,
        .events = queue_events,
        .capacity = queue_capacity,
        .ready = queue_ready,
    };
    return (struct intake){&ops, q};
}

static void wait_for_input(struct queue *q, int timeout_ms) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += timeout_ms / 1000;
    until.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    while (q->head == NULL && !q->closed) {
        q->taker_waits = true;
        if (pthread_cond_timedwait(&q->not_empty, &q->lock, &until) != 0) {
            break;
        }
    }
    q->taker_waits = false;
}

// Unlinks whole submissions from the head until max_events are reached.
static struct submission *unlink_batch(struct queue *q, size_t max_events) {
    struct submission *list = q->head;
    struct submission *last = NULL;
    size_t n = 0;
    while (q->head != NULL && (last == NULL || n + weight(q->head) <= max_events)) {
        last = q->head;
        n += weight(last);
        q->head = last->next;
    }
    if (last != NULL) {
        last->next = NULL;
        q->n_events -= n;
    }
    if (q->head == NULL) {
        q->tail = &q->head;
    }
    return list;
}

static enum source_result queue_take(void *self, size_t max_events, int timeout_ms,
                                     struct submission **list) {
    struct queue *q = self;
    pthread_mutex_lock(&q->lock);
    wait_for_input(q, timeout_ms);
    *list = unlink_batch(q, max_events);
    bool ended = *list == NULL && q->closed;
    if (*list != NULL && q->offers_waiting > 0) {
        pthread_cond_broadcast(&q->not_full);
    }
    pthread_mutex_unlock(&q->lock);
    return ended ? SOURCE_END : SOURCE_OK;
}

struct source queue_source(struct queue *q) {
    static const struct source_ops ops = {
        .name = "queue", .take = queue_take, .waits = queue_events};
    return (struct source){&ops, q};
}
