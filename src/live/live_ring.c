// SPDX-License-Identifier: MIT
// The ring of events.
//
// A viewer names the last event it has seen. When the next one is still here it gets that one; when
// it is too far behind (or comes from another run of the server, or is new) it gets the snapshot,
// which is never wrong. A viewer that is behind by more bytes than the snapshot has gets the
// snapshot too: it is the shorter way to the same figures.
#include "live/live_ring.h"

#include "base/mem.h"
#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>

struct counted_event {
    struct stream_event event; // first: the two pointers are the same
    atomic_uint references;
    char bytes[];
};

const struct stream_event *live_event_new(uint64_t id, struct text bytes) {
    struct counted_event *e = mem_alloc(sizeof *e + bytes.len);
    memcpy(e->bytes, bytes.at, bytes.len);
    e->event = (struct stream_event){.id = id, .len = bytes.len, .bytes = e->bytes};
    atomic_init(&e->references, 1);
    return &e->event;
}

static const struct stream_event *retain(const struct stream_event *event) {
    struct counted_event *e = (struct counted_event *)event;
    atomic_fetch_add_explicit(&e->references, 1, memory_order_relaxed);
    return event;
}

void live_release(const struct stream_event *event) {
    struct counted_event *e = (struct counted_event *)event;
    if (e != NULL && atomic_fetch_sub_explicit(&e->references, 1, memory_order_acq_rel) == 1) {
        free(e);
    }
}

static const struct stream_event **slot(struct live_ring *ring, uint64_t id) {
    return &ring->events[id % LIVE_RING_EVENTS];
}

static void drop_oldest(struct live_ring *ring) {
    const struct stream_event **oldest = slot(ring, ring->newest - ring->n + 1);
    ring->n--;
    live_release(*oldest);
    *oldest = NULL;
}

void live_ring_start(struct live_ring *ring, uint64_t id) {
    *ring = (struct live_ring){.newest = id};
}

void live_ring_put(struct live_ring *ring, const struct stream_event *change,
                   const struct stream_event *snapshot) {
    live_release(ring->snapshot);
    ring->snapshot = snapshot;
    if (change == NULL) {
        while (ring->n > 0) {
            drop_oldest(ring);
        }
        ring->newest = snapshot->id;
        return;
    }
    if (ring->n == LIVE_RING_EVENTS) {
        drop_oldest(ring);
    }
    ring->newest = change->id;
    *slot(ring, change->id) = change;
    ring->n++;
}

void live_ring_renew(struct live_ring *ring, const struct stream_event *snapshot) {
    assert(ring->snapshot != NULL && ring->snapshot->id == snapshot->id);
    live_release(ring->snapshot);
    ring->snapshot = snapshot;
}

const struct stream_event *live_ring_next(struct live_ring *ring, uint64_t last_id,
                                          bool *snapshot) {
    *snapshot = false;
    if (ring->snapshot == NULL || last_id == ring->newest) {
        return NULL;
    }
    uint64_t oldest = ring->newest - ring->n + 1;
    bool kept = last_id < ring->newest && last_id + 1 >= oldest;
    if (kept) {
        size_t missed_bytes = 0;
        for (uint64_t id = last_id + 1; id <= ring->newest; id++) {
            missed_bytes += (*slot(ring, id))->len;
            if (missed_bytes > ring->snapshot->len && id > last_id + 1) {
                kept = false; // the loop ends here: bounded by the snapshot's length
                break;
            }
        }
    }
    if (kept) {
        return retain(*slot(ring, last_id + 1));
    }
    *snapshot = true;
    return retain(ring->snapshot);
}

void live_ring_free(struct live_ring *ring) {
    while (ring->n > 0) {
        drop_oldest(ring);
    }
    live_release(ring->snapshot);
    ring->snapshot = NULL;
}
