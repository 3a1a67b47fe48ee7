// SPDX-License-Identifier: MIT
// The newest rendered events, so that a viewer who was away for a moment gets what it missed, and
// the full snapshot for everyone else. Not thread-safe: live.c calls it under its lock. Events
// themselves are reference-counted and may be released by any thread.
#pragma once
#include "base/must.h"
#include "base/text.h"
#include "live/live.h"
#include <stdint.h>

enum { LIVE_RING_EVENTS = 512 };

struct live_ring {
    const struct stream_event *snapshot; // as of `newest`; NULL before the first
    uint64_t newest;                     // id of the newest event; ids are consecutive
    size_t n;                            // events kept, at most LIVE_RING_EVENTS
    const struct stream_event *events[LIVE_RING_EVENTS]; // id at id % LIVE_RING_EVENTS
};

// Copies `bytes`; the caller holds the one reference.
MUST_CHECK const struct stream_event *live_event_new(uint64_t id, struct text bytes);

// Empty, and every id from now on is above `id`.
void live_ring_start(struct live_ring *ring, uint64_t id);
// Puts in the snapshot as of `snapshot->id`, and the change that led there (NULL: nobody can follow
// from before; everyone gets the snapshot). Takes over both references.
void live_ring_put(struct live_ring *ring, const struct stream_event *change,
                   const struct stream_event *snapshot);
// Puts another text of the same snapshot in its place. Takes over the reference.
void live_ring_renew(struct live_ring *ring, const struct stream_event *snapshot);
// See live_next in live.h. *snapshot tells that a full snapshot is what the viewer needs.
MUST_CHECK const struct stream_event *live_ring_next(struct live_ring *ring, uint64_t last_id,
                                                     bool *snapshot);
void live_ring_free(struct live_ring *ring); // releases what it keeps
