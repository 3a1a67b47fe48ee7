// SPDX-License-Identifier: MIT
// A wait as others see it. The lock is held to copy its text, and for no longer.
#include "store/store_wait.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include <stdio.h>

void store_wait_init(struct store_wait *w, const atomic_bool *stop) {
    *w = (struct store_wait){.stop = stop};
    pthread_mutex_init(&w->lock, NULL);
}

void store_wait_free(struct store_wait *w) {
    pthread_mutex_destroy(&w->lock);
}

static void take(struct store_wait *w) {
    pthread_mutex_lock(&w->lock);
}

static void give(struct store_wait *w) {
    pthread_mutex_unlock(&w->lock);
}

static int64_t now_ns(void) {
    return clock_monotonic_ns(clock_system());
}

void store_wait_begin(struct store_wait *w, const char *what, int64_t since_ns, int64_t told_ms) {
    if (w == NULL || w->depth++ > 0) {
        return;
    }
    w->told = false;
    take(w);
    w->since_ns = since_ns > 0 ? since_ns : 1;
    w->tell_at_ns = since_ns + told_ms * INT64_C(1000000);
    snprintf(w->what, sizeof w->what, "%s", what);
    give(w);
}

// The seconds of a wait that is worth a word, with its text; -1: there is none.
static int64_t look(struct store_wait *w, char what[static STORE_WAIT_TEXT_BYTES]) {
    int64_t now = now_ns(), seconds = -1;
    take(w);
    if (w->since_ns > 0 && now >= w->tell_at_ns) {
        seconds = (now - w->since_ns) / INT64_C(1000000000);
        snprintf(what, STORE_WAIT_TEXT_BYTES, "%s", w->what);
    }
    give(w);
    return seconds;
}

void store_wait_tick(struct store_wait *w) {
    char what[STORE_WAIT_TEXT_BYTES];
    if (w == NULL || w->depth == 0 || w->told) {
        return;
    }
    int64_t seconds = look(w, what);
    if (seconds >= 0) {
        log_warn("store", "%s (for %lld s until now)", what, (long long)seconds);
        w->told = true;
    }
}

void store_wait_end(struct store_wait *w) {
    if (w == NULL || --w->depth > 0) {
        return;
    }
    if (w->told) {
        log_info("store", "the wait is over after %lld s",
                 (long long)((now_ns() - w->since_ns) / INT64_C(1000000000)));
    }
    take(w);
    w->since_ns = 0;
    give(w);
}

bool store_wait_is_stopped(const struct store_wait *w) {
    return w != NULL && w->stop != NULL && atomic_load(w->stop);
}

bool store_wait_ok(struct store_wait *w, char *problem, size_t room) {
    char what[STORE_WAIT_TEXT_BYTES];
    int64_t seconds = look(w, what);
    if (seconds >= 0) {
        snprintf(problem, room, "%s (for %lld s until now)", what, (long long)seconds);
    }
    return seconds < 0;
}

void store_wait_metrics(struct store_wait *w, struct buf *out) {
    take(w);
    int64_t since = w->since_ns;
    give(w);
    metric_head(out, "store_wait_seconds", "gauge",
                "How long the aggregates' server has not answered, or a lock there been held.");
    buf_printf(out, "salestide_store_wait_seconds %.3f\n",
               since > 0 ? (double)(now_ns() - since) / 1e9 : 0.0);
}
