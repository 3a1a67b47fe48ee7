// SPDX-License-Identifier: MIT
// The bounded queue between the doors and the engine; the embedded pipeline's source. Any thread
// may offer; one engine thread takes. When it is full a door is told so and answers 503.
#pragma once
#include "engine/source.h"

struct queue;
// Holds at most max_events events, but always at least one submission.
MUST_CHECK struct queue *queue_new(size_t max_events);
void queue_free(struct queue *q); // must be drained

// Gives the submission away. False when it is full or closed: the caller still owns it.
MUST_CHECK bool queue_offer(struct queue *q, struct submission *s);
// As queue_offer, but waits for room; false only when the queue is closed.
MUST_CHECK bool queue_offer_wait(struct queue *q, struct submission *s);
void queue_close(struct queue *q); // no more offers; what is inside is still taken
size_t queue_events(struct queue *q);
size_t queue_capacity(const struct queue *q);
struct source queue_source(struct queue *q); // borrowed
