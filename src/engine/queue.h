// SPDX-License-Identifier: MIT
// The bounded queue between the doors and the engine: the embedded pipeline's intake and source.
// Any thread may offer; one engine thread takes. When it is full a door is told so and answers 503.
#pragma once
#include "engine/intake.h"
#include "engine/source.h"

struct queue;
// Holds at most max_events events, but always at least one submission.
MUST_CHECK struct queue *queue_new(size_t max_events);
void queue_free(struct queue *q); // must be drained

// Both borrowed. An offer waits or fails for want of room only; closing ends the source once what
// is inside has been taken.
struct intake queue_intake(struct queue *q);
struct source queue_source(struct queue *q);
