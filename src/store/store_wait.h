// SPDX-License-Identifier: MIT
// What a store's thread waits for just now (a lock, a server that does not answer), for those who
// must know meanwhile: the log gets a line, /readyz and /metrics ask. Begin, tick and end are the
// store's thread's; the rest is for any, between init and free.
#pragma once
#include "base/buf.h"
#include "base/must.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { STORE_WAIT_TOLD_MS = 5000, STORE_WAIT_TEXT_BYTES = 400 };

struct store_wait {
    const atomic_bool *stop; // true: nobody waits for the answer any more; NULL: never
    int depth;               // the store's thread's
    bool told;               // likewise: the log has its line
    pthread_mutex_t lock;    // of what follows
    int64_t since_ns;        // monotonic; 0: nobody waits
    int64_t tell_at_ns;      // from then on it is worth a word
    char what[STORE_WAIT_TEXT_BYTES];
};

// `stop`: as below; borrowed.
void store_wait_init(struct store_wait *w, const atomic_bool *stop);
void store_wait_free(struct store_wait *w);

// It waits since since_ns (monotonic) for `what`, a line without a time, and is to be told after
// told_ms. Within another wait only that one counts. `w` may be NULL here.
void store_wait_begin(struct store_wait *w, const char *what, int64_t since_ns, int64_t told_ms);
void store_wait_tick(struct store_wait *w); // still: once it is time to, writes the log's line
void store_wait_end(struct store_wait *w);
bool store_wait_is_stopped(const struct store_wait *w); // NULL is fine

// False: it has waited for so long that it is a problem: `problem` is one line.
MUST_CHECK bool store_wait_ok(struct store_wait *w, char *problem, size_t room);
void store_wait_metrics(struct store_wait *w, struct buf *out);
