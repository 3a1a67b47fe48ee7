// SPDX-License-Identifier: MIT
// Watches the servers that a process depends on: a thread asks each of them every few seconds, logs
// when one goes away or comes back, and tells /readyz and /metrics at once what it knows.
#pragma once
#include "base/buf.h"
#include "base/error.h"
#include "base/must.h"
#include <stddef.h>

enum { WATCHED_MAX = 4, WATCH_PROBLEM_BYTES = 512 };

struct watched {
    const char *name; // "mysql": static
    // Asks it something small. On the watch's thread; has a time-out.
    bool (*check)(void *user, struct error *err);
    void *user;
    bool later; // watch_start does not wait for the first answer: it is down until it comes
};

struct watch;
// Copies the items and asks each once before it returns, but for those of `later`.
MUST_CHECK struct watch *watch_start(const struct watched *items, size_t n, int64_t every_ms,
                                     struct error *err);
void watch_stop(struct watch *w); // joins; NULL is fine

// False: something is down; `problem` names it. Any thread.
MUST_CHECK bool watch_all_up(struct watch *w, char problem[static WATCH_PROBLEM_BYTES]);
void watch_metrics(struct watch *w, struct buf *out); // any thread
