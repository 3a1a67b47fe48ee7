// SPDX-License-Identifier: MIT
// Whether the place of the aggregates and that of raw orders answer, for a process that writes to
// neither and so would not notice; and the counts that it has read there last.
#include "host/site_internal.h"

#include "base/mem.h"
#include "engine/engine_metrics.h"
#include "live/watch.h"
#include <stdlib.h>

enum { WATCH_TIMEOUT_MS = 3000, WATCH_EVERY_MS = 2000 };

struct site_watch {
    const struct reader_place *place;
    struct watch *watch;
    // The watch's thread: what it asks.
    struct sales_reader *reader;
    struct raw_reader *raw; // NULL: not connected now
    pthread_mutex_t lock;
    struct store_counts counts; // under the lock
};

static bool check_aggregates(void *user, struct error *err) {
    struct site_watch *w = user;
    struct store_counts counts;
    int64_t last_batch_id;
    if (!w->reader->ops->counts(w->reader, &counts, &last_batch_id, err)) {
        return false;
    }
    pthread_mutex_lock(&w->lock);
    w->counts = counts;
    pthread_mutex_unlock(&w->lock);
    return true;
}

static bool enough(void *user, const struct stored_event *event) {
    UNUSED(user);
    UNUSED(event);
    return false;
}

// Any id will do: what counts is that there is an answer.
static bool check_raw(void *user, struct error *err) {
    struct site_watch *w = user;
    if (w->raw == NULL && !reader_place_open_raw(w->place, WATCH_TIMEOUT_MS, &w->raw, err)) {
        w->raw = NULL;
        return false;
    }
    struct ident any = {0, TEXT_NONE};
    if (w->raw->ops->order(w->raw, any, enough, NULL, err)) {
        return true;
    }
    w->raw->ops->close(w->raw);
    w->raw = NULL;
    return false;
}

static bool open_watch(struct site *s, struct error *err) {
    struct site_watch *w = s->watch = mem_zalloc(1, sizeof *w);
    struct store_settings settings;
    const char *raw = reader_place_raw_name(s->place);
    const struct watched items[] = {
        {reader_place_kind(s->place) == PLACE_MYSQL ? "mysql" : "sqlite", check_aggregates, w,
         false},
        {raw, check_raw, w, false},
    };
    w->place = s->place;
    pthread_mutex_init(&w->lock, NULL);
    if (!reader_place_open(w->place, WATCH_TIMEOUT_MS, &w->reader, &settings, err)) {
        return false;
    }
    w->watch = watch_start(items, raw != NULL ? 2 : 1, WATCH_EVERY_MS, err);
    return w->watch != NULL;
}

static void close_watch(struct site *s) {
    struct site_watch *w = s->watch;
    watch_stop(w->watch);
    if (w->reader != NULL) {
        w->reader->ops->close(w->reader);
    }
    if (w->raw != NULL) {
        w->raw->ops->close(w->raw);
    }
    pthread_mutex_destroy(&w->lock);
    free(w);
}

static bool watch_is_ready(struct site *s, char problem[static INTAKE_PROBLEM_BYTES]) {
    return watch_all_up(s->watch->watch, problem);
}

static void put_watch(struct site *s, struct buf *out) {
    struct site_watch *w = s->watch;
    pthread_mutex_lock(&w->lock);
    struct store_counts counts = w->counts;
    pthread_mutex_unlock(&w->lock);
    counts_metrics(out, &counts);
    watch_metrics(w->watch, out);
}

const struct site_part part_watch = {
    .name = "watch",
    .open = open_watch,
    .close = close_watch,
    .ready = watch_is_ready,
    .metrics = put_watch,
};
