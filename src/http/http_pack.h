// SPDX-License-Identifier: MIT
// Events of the stream packed for viewers that take gzip: each once, however many viewers get it.
// One thread, the loop's.
//
// A stream of gzip (RFC 1952) is a head and then deflate blocks (RFC 1951). An event is packed by
// itself and ends with a full flush: on a whole byte, and nothing after it refers to what is
// before. So any event may follow any other, which is what makes them the same for all viewers.
#pragma once
#include "http/http_ports.h"

struct packed {
    const struct stream_event *event; // held
    unsigned references;
    size_t len;
    const char *bytes;
};

struct packs;
MUST_CHECK struct packs *packs_new(void); // dies when out of memory
// Lets go of what it keeps: before the stream ends.
void packs_clear(struct packs *p, const struct http_stream_ops *ops);
void packs_free(struct packs *p); // is clear; NULL is fine

// The packed form of `event`, whose reference it takes over; to be given back by packed_release.
MUST_CHECK struct packed *packs_get(struct packs *p, const struct stream_event *event,
                                    const struct http_stream_ops *ops);
void packed_release(struct packed *packed, const struct http_stream_ops *ops);

// How a packed stream begins, and what can be sent between two events so that something is.
extern const struct text packed_head, packed_heartbeat;
