// SPDX-License-Identifier: MIT
// The watch: one thread, one lock over what was found last. A check that takes long delays the
// others, but nobody who asks for what is known.
#include "live/watch.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct watch {
    size_t n;
    int64_t every_ms;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake; // on CLOCK_MONOTONIC
    bool stop;
    struct item {
        struct watched what;
        bool up;
        struct error problem;
    } items[WATCHED_MAX];
};

// The lock is not held while it is asked.
static void check(struct watch *w, struct item *item, bool first) {
    struct error err = {0};
    bool up = item->what.check(item->what.user, &err);
    if (!up && (first || item->up)) {
        log_warn("live", "%s is down: %s", item->what.name, err.text);
    } else if (up && !first && !item->up) {
        log_info("live", "%s is up again", item->what.name);
    }
    pthread_mutex_lock(&w->lock);
    item->up = up;
    item->problem = err;
    pthread_mutex_unlock(&w->lock);
}

static void wait_for_next(struct watch *w) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += w->every_ms / 1000;
    until.tv_nsec += w->every_ms % 1000 * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    int rc = 0;
    while (!w->stop && rc == 0) { // not 0: the time is over
        rc = pthread_cond_timedwait(&w->wake, &w->lock, &until);
    }
}

static void check_first(struct watch *w, bool later) {
    for (size_t i = 0; i < w->n; i++) {
        if (w->items[i].what.later == later) {
            check(w, &w->items[i], true);
        }
    }
}

static void *watch_thread(void *user) {
    struct watch *w = user;
    check_first(w, true);
    pthread_mutex_lock(&w->lock);
    for (wait_for_next(w); !w->stop; wait_for_next(w)) {
        pthread_mutex_unlock(&w->lock);
        for (size_t i = 0; i < w->n; i++) {
            check(w, &w->items[i], false);
        }
        pthread_mutex_lock(&w->lock);
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

static void watch_free(struct watch *w) {
    pthread_cond_destroy(&w->wake);
    pthread_mutex_destroy(&w->lock);
    free(w);
}

struct watch *watch_start(const struct watched *items, size_t n, int64_t every_ms,
                          struct error *err) {
    assert(n <= WATCHED_MAX);
    struct watch *w = mem_zalloc(1, sizeof *w);
    w->n = n;
    w->every_ms = every_ms;
    pthread_mutex_init(&w->lock, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&w->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    for (size_t i = 0; i < n; i++) {
        w->items[i].what = items[i];
    }
    check_first(w, false);
    int rc = pthread_create(&w->thread, NULL, watch_thread, w);
    if (rc != 0) {
        error_set(err, ERROR_FATAL, "the watch's thread cannot start: %s", strerror(rc));
        watch_free(w);
        return NULL;
    }
    pthread_setname_np(w->thread, "watch");
    return w;
}

void watch_stop(struct watch *w) {
    if (w == NULL) {
        return;
    }
    pthread_mutex_lock(&w->lock);
    w->stop = true;
    pthread_cond_signal(&w->wake);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
    watch_free(w);
}

bool watch_all_up(struct watch *w, char problem[static WATCH_PROBLEM_BYTES]) {
    bool all = true;
    pthread_mutex_lock(&w->lock);
    for (size_t i = 0; all && i < w->n; i++) {
        all = w->items[i].up;
        if (!all) {
            snprintf(problem, WATCH_PROBLEM_BYTES, "%s: %.480s", w->items[i].what.name,
                     w->items[i].problem.text);
        }
    }
    pthread_mutex_unlock(&w->lock);
    return all;
}

void watch_metrics(struct watch *w, struct buf *out) {
    metric_head(out, "dependency_up", "gauge", "1 when a server that this process needs answers.");
    pthread_mutex_lock(&w->lock);
    for (size_t i = 0; i < w->n; i++) {
        buf_printf(out, "salestide_dependency_up{dependency=\"%s\"} %d\n", w->items[i].what.name,
                   w->items[i].up);
    }
    pthread_mutex_unlock(&w->lock);
}
