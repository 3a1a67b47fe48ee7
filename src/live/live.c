// SPDX-License-Identifier: MIT
// The live page's thread.
//
// The happy path: a commit is announced (live_notify, from the engine's thread); the thread wakes,
// reads what changed in one snapshot of the store (live_state), renders it once for all viewers
// (live_render), keeps it in the ring (live_ring) and calls `changed`, upon which the HTTP loop
// asks live_next for each of its viewers.
//
// Reads are at least 5 ms apart, further with many viewers or with none. The next one waits until
// the viewers have been sent the event before, and a quarter as long again: so commits are merged,
// and events do not pile up, however many viewers there are and whatever else the machine does. An
// order waits for the next event and for its turn in sending it: twice the time of one sending at
// most. The HTTP loop takes orders between any few viewers of a sending, too (http_viewer.c).
// Once a second (poll_ms: more often) it looks at the store even when nothing was announced: rates
// fade, minutes and days begin, and another process may have written; every five seconds as long as
// nobody looks, and at once for the first who comes. An event goes out only when
// something differs, or after 15 seconds of silence, so that a page can tell a quiet shop from a
// broken line.
//
// When the store cannot be read: one log line, the page says so and keeps its figures, and it is
// tried again four times a second.
//
// Ids of events start at the start time in ms, shifted by 20 bits: they grow from run to run (a run
// would have to send a million events a millisecond to catch up), so an id of an earlier run is
// never taken for one of this run; its holder gets a snapshot.
#include "live/live.h"

#include "base/log.h"
#include "base/mem.h"
#include "live/live_aside.h"
#include "live/live_rate.h"
#include "live/live_render.h"
#include "live/live_ring.h"
#include "live/live_state.h"
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#define MS_NS INT64_C(1000000)
#define TICK_NS (1000 * MS_NS)
#define SILENCE_NS (15000 * MS_NS)
#define FAILED_GAP_NS (250 * MS_NS)
// With nobody to look: a read of all panels may take a database milliseconds of its time, and
// whoever comes gets a read of his own (wait_for_fresh). Half of what rates are told over
// (live_rate.h).
#define IDLE_GAP_NS (5000 * MS_NS)
#define SERVING_MAX_NS (500 * MS_NS) // for both together
enum { GAP_MIN_MS = 5, GAP_MAX_MS = 100, VIEWERS_A_MS = 50 };
// A snapshot this young is new enough for a new viewer, when commits came since; when none did, by
// this it tells the time.
#define FRESH_NS (20 * MS_NS)
#define TIME_FRESH_NS (1000 * MS_NS)

static const struct live_touched untouched = {.minute_min = INT32_MAX, .minute_max = INT32_MIN};

struct live {
    struct live_options options;
    char *products_path; // NULL: none
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake; // on CLOCK_MONOTONIC

    // Under the lock.
    bool stop, refresh_wanted;
    bool answered;                // live_aside has something
    struct products *fresh_names; // read again; NULL: not
    struct live_touched touched;  // announced since the last read; a batch: there is something
    int64_t viewers;
    bool failed;                      // the newest read of the store
    bool serving;                     // viewers are still being sent the newest event
    int64_t serving_ns;               // since when; once they all have it: how long that took
    uint64_t reads_begun, reads_done; // of the store
    int64_t last_read_ns, shown_ns;   // begin of the newest read; of the newest that is done
    int64_t rest_ns;                  // what the newest read asks for
    int64_t snapshot_ns;              // when the ring's snapshot was rendered
    struct live_ring ring;

    // The thread's own.
    struct live_state *state;
    struct live_render *render;
    struct live_rate rate, received;
    struct products *products;
    struct live_aside *aside; // or NULL
    struct buf health, alerts, event;
    struct error error; // of the newest read
    uint64_t id;        // of the newest event
    int64_t last_event_ns;
};

static int64_t now_ns(const struct live *l) {
    return clock_monotonic_ns(l->options.clock);
}

// --- When to read

static int64_t at_least(int64_t a, int64_t b) {
    return a > b ? a : b;
}

static int64_t gap_ns(const struct live *l) {
    if (l->failed) {
        return FAILED_GAP_NS;
    }
    if (l->viewers == 0) {
        return IDLE_GAP_NS;
    }
    int64_t gap_ms = l->viewers / VIEWERS_A_MS;
    gap_ms = gap_ms < GAP_MIN_MS ? GAP_MIN_MS : gap_ms > GAP_MAX_MS ? GAP_MAX_MS : gap_ms;
    int64_t busy_ns = l->serving ? SERVING_MAX_NS : l->serving_ns + l->serving_ns / 4;
    busy_ns = busy_ns > SERVING_MAX_NS ? SERVING_MAX_NS : busy_ns;
    return at_least(at_least(gap_ms * MS_NS, busy_ns), l->rest_ns);
}

// How long to wait for an announcement.
static int64_t tick_ns(const struct live *l) {
    int64_t poll_ns = l->options.poll_ms * MS_NS;
    bool often = poll_ns > 0 && poll_ns < TICK_NS;
    return at_least(often ? poll_ns : l->viewers > 0 ? TICK_NS : 0, gap_ns(l));
}

// The moment of the next read. Under the lock.
static int64_t next_read_ns(const struct live *l) {
    if (l->refresh_wanted || l->answered || l->fresh_names != NULL) {
        return l->last_read_ns;
    }
    int64_t gap = gap_ns(l);
    if (l->touched.last_batch_id > 0 || l->failed) {
        return l->last_read_ns + gap;
    }
    int64_t at_ns = l->last_read_ns + tick_ns(l);
    int64_t due_ns = live_state_due_ns(l->state); // only this thread changes it
    if (due_ns < at_ns) {
        at_ns = at_least(due_ns, l->last_read_ns + gap);
    }
    return at_ns;
}

// Waits until it is time to read or to stop. Under the lock.
static void wait_for_work(struct live *l) {
    while (!l->stop) {
        int64_t left_ns = next_read_ns(l) - now_ns(l);
        if (left_ns <= 0) {
            return;
        }
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        int64_t nsec = until.tv_nsec + left_ns % 1000000000;
        until.tv_sec += left_ns / 1000000000 + nsec / 1000000000;
        until.tv_nsec = nsec % 1000000000;
        int rc = pthread_cond_timedwait(&l->wake, &l->lock, &until);
        UNUSED(rc); // time-outs and wake-ups alike: look again
    }
}

// --- One round

static void use_names(struct live *l, struct products *fresh) {
    products_free(l->products);
    l->products = fresh;
    live_render_forget(l->render);
    log_info("live", "%zu products read from %s", products_count(fresh), l->products_path);
}

static bool read_store(struct live *l, struct live_touched touched, bool failed_before) {
    bool ok = live_state_refresh(l->state, touched, &l->error);
    if (!ok && !failed_before) {
        log_warn("live", "the live page shows old figures: %s", l->error.text);
    } else if (ok && failed_before) {
        log_info("live", "the live page is up to date again");
    }
    return ok;
}

static bool render(struct live *l, bool ok, int64_t viewers) {
    const struct live_figures *figures = live_state_figures(l->state);
    if (figures != NULL) {
        live_rate_sample(&l->rate, now_ns(l), figures->counts.accepted);
        live_rate_sample(&l->received, now_ns(l), figures->counts.received);
    }
    buf_clear(&l->health);
    if (l->options.health != NULL) {
        int64_t last_commit_ms = figures != NULL ? figures->last_commit_ms : 0;
        l->options.health(l->options.health_user, last_commit_ms, &l->health);
    }
    buf_clear(&l->alerts);
    if (l->options.alerts != NULL) {
        l->options.alerts(l->options.alerts_user, &l->alerts);
    }
    struct live_facts facts = {
        .figures = figures,
        .book = live_state_book(l->state),
        .products = l->products,
        .zone = l->options.zone,
        .currency = l->options.currency,
        .locale = l->options.locale,
        .now_ms = clock_now_ms(l->options.clock),
        .tenths_per_second = live_rate_tenths(&l->rate, now_ns(l)),
        .received_tenths_per_second = live_rate_tenths(&l->received, now_ns(l)),
        .store_ok = ok,
        .problem = l->error.text,
        .viewers = viewers,
        .health = l->health.failed ? TEXT_NONE : buf_text(&l->health),
        .alerts = l->alerts.failed ? TEXT_NONE : buf_text(&l->alerts),
    };
    return live_render_update(l->render, &facts);
}

// The rendered update as a change (unless it is the first event) and a snapshot, into the ring.
static void publish(struct live *l) {
    uint64_t id = l->id + 1;
    const struct stream_event *change = NULL;
    if (l->last_event_ns != 0) {
        if (!live_render_change(l->render, id, &l->event)) {
            goto no_memory;
        }
        change = live_event_new(id, buf_text(&l->event));
    }
    if (!live_render_snapshot(l->render, id, &l->event)) {
        goto no_memory;
    }
    const struct stream_event *snapshot = live_event_new(id, buf_text(&l->event));
    pthread_mutex_lock(&l->lock);
    live_ring_put(&l->ring, change, snapshot);
    l->snapshot_ns = now_ns(l);
    pthread_mutex_unlock(&l->lock);
    l->id = id;
    l->last_event_ns = now_ns(l);
    return;
no_memory:
    live_release(change);
    live_render_forget(l->render); // the next event carries all of it
    log_warn("live", "no memory for an event of the live page; it is left out");
}

// Nothing differs but the time, which a new viewer sets its clock by: the same event's snapshot
// again.
static void renew_snapshot(struct live *l) {
    if (l->last_event_ns == 0 || !live_render_snapshot(l->render, l->id, &l->event)) {
        return; // the one before stays, which is as true
    }
    const struct stream_event *snapshot = live_event_new(l->id, buf_text(&l->event));
    pthread_mutex_lock(&l->lock);
    live_ring_renew(&l->ring, snapshot);
    l->snapshot_ns = now_ns(l);
    pthread_mutex_unlock(&l->lock);
}

// One round. Under the lock, which is released in between.
static void work(struct live *l) {
    struct live_touched touched = l->touched;
    struct products *names = l->fresh_names;
    bool asked = l->refresh_wanted;
    bool failed_before = l->failed;
    int64_t viewers = l->viewers;
    l->touched = untouched;
    l->fresh_names = NULL;
    l->answered = l->refresh_wanted = false;
    l->last_read_ns = now_ns(l);
    l->reads_begun++;
    pthread_mutex_unlock(&l->lock);

    if (names != NULL) {
        use_names(l, names);
    }
    bool ok = read_store(l, touched, failed_before);
    bool changed = render(l, ok, viewers);
    changed |= now_ns(l) - l->last_event_ns >= SILENCE_NS;
    if (changed) {
        publish(l);
    } else if (asked) {
        renew_snapshot(l);
    }

    pthread_mutex_lock(&l->lock);
    l->failed = !ok;
    l->reads_done++;
    l->shown_ns = l->last_read_ns;
    l->rest_ns = live_state_rest_ns(l->state);
    if (changed || asked) {
        l->serving = l->viewers > 0;
        l->serving_ns = l->serving ? now_ns(l) : 0;
        pthread_mutex_unlock(&l->lock);
        l->options.changed(l->options.changed_user);
        pthread_mutex_lock(&l->lock);
    }
}

static void *live_thread(void *user) {
    struct live *l = user;
    pthread_mutex_lock(&l->lock);
    for (wait_for_work(l); !l->stop; wait_for_work(l)) {
        work(l);
    }
    pthread_mutex_unlock(&l->lock);
    return NULL;
}

// --- Start and stop

static void live_free(struct live *l) {
    live_aside_stop(l->aside); // before what it wakes
    live_ring_free(&l->ring);
    live_state_free(l->state);
    live_render_free(l->render);
    products_free(l->products);
    products_free(l->fresh_names);
    buf_free(&l->health);
    buf_free(&l->alerts);
    buf_free(&l->event);
    pthread_cond_destroy(&l->wake);
    pthread_mutex_destroy(&l->lock);
    l->options.reader->ops->close(l->options.reader);
    free(l->products_path);
    free(l);
}

static void products_answered(void *user) {
    struct live *l = user;
    pthread_mutex_lock(&l->lock);
    l->answered = true;
    pthread_cond_signal(&l->wake);
    pthread_mutex_unlock(&l->lock);
}

static bool start_aside(struct live *l, struct error *err) {
    const struct live_aside_options options = {.open = l->options.open_products,
                                               .open_user = l->options.open_user,
                                               .zone = l->options.zone,
                                               .clock = l->options.clock,
                                               .answered = products_answered,
                                               .user = l};
    l->aside = options.open != NULL ? live_aside_start(&options, err) : NULL;
    return options.open == NULL || l->aside != NULL;
}

struct live *live_start(const struct live_options *options, struct error *err) {
    struct live *l = mem_zalloc(1, sizeof *l);
    l->options = *options;
    l->touched = untouched;
    l->render = live_render_new();
    l->id = (uint64_t)clock_now_ms(options->clock) << 20;
    live_ring_start(&l->ring, l->id);
    pthread_mutex_init(&l->lock, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&l->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    bool ok = start_aside(l, err);
    l->state =
        live_state_new(options->reader, options->zone, options->clock, options->currency, l->aside);
    if (!ok) {
        live_free(l);
        return NULL;
    }
    if (options->products_path != NULL) {
        l->products_path = mem_strndup(options->products_path, strlen(options->products_path));
        // At the start a file that cannot be read is the user's mistake; later it is only logged.
        if (!products_load(l->products_path, &l->products, err)) {
            live_free(l);
            return NULL;
        }
    }
    l->refresh_wanted = true;
    int rc = pthread_create(&l->thread, NULL, live_thread, l);
    if (rc != 0) {
        error_set(err, ERROR_FATAL, "the live page's thread cannot start: %s", strerror(rc));
        live_free(l);
        return NULL;
    }
    pthread_setname_np(l->thread, "live");
    return l;
}

void live_stop(struct live *l) {
    if (l == NULL) {
        return;
    }
    pthread_mutex_lock(&l->lock);
    l->stop = true;
    pthread_cond_signal(&l->wake);
    pthread_mutex_unlock(&l->lock);
    pthread_join(l->thread, NULL);
    live_free(l);
}

// --- From other threads

void live_notify(struct live *l, const struct batch_summary *batch) {
    pthread_mutex_lock(&l->lock);
    bool first = l->touched.last_batch_id == 0;
    live_touch(&l->touched, (struct live_touched){.last_batch_id = batch->batch_id,
                                                  .minute_min = batch->minute_min,
                                                  .minute_max = batch->minute_max});
    if (first) {
        pthread_cond_signal(&l->wake);
    }
    pthread_mutex_unlock(&l->lock);
}

void live_reload_products(struct live *l) {
    struct products *fresh;
    struct error err;
    if (l->products_path == NULL) {
        return;
    }
    if (!products_load(l->products_path, &fresh, &err)) {
        log_error("live", "%s; the products read before stay", err.text);
        return;
    }
    pthread_mutex_lock(&l->lock);
    struct products *unused = l->fresh_names;
    l->fresh_names = fresh;
    pthread_cond_signal(&l->wake);
    pthread_mutex_unlock(&l->lock);
    products_free(unused);
}

void live_set_viewers(struct live *l, int64_t viewers) {
    pthread_mutex_lock(&l->lock);
    bool first = l->viewers == 0 && viewers > 0;
    l->viewers = viewers;
    if (first) {
        pthread_cond_signal(&l->wake); // the pause between two reads has become shorter
    }
    pthread_mutex_unlock(&l->lock);
}

void live_served(struct live *l) {
    pthread_mutex_lock(&l->lock);
    if (l->serving) {
        l->serving = false;
        l->serving_ns = now_ns(l) - l->serving_ns;
        pthread_cond_signal(&l->wake);
    }
    pthread_mutex_unlock(&l->lock);
}

// While a viewer waits for a snapshot that is yet to be read, its *last_id is this bit (no event's
// id has it) and the number of the read it waits for.
#define WAITING (UINT64_C(1) << 63)

// True when the viewer has to wait: commits may be unread, since nobody was looking, or nothing was
// rendered for long, since nothing changed. Under the lock.
static bool wait_for_fresh(struct live *l, uint64_t *last_id) {
    uint64_t read = *last_id & ~WAITING;
    if ((*last_id & WAITING) != 0 && read <= l->reads_begun + 1) {
        return read > l->reads_done;
    }
    bool unread = l->touched.last_batch_id > 0 || l->reads_begun > l->reads_done;
    int64_t now = now_ns(l);
    // Where many look they have no newer one: who comes then makes no event for all of them.
    bool old = unread && now - l->shown_ns > at_least(FRESH_NS, l->viewers > 0 ? gap_ns(l) : 0);
    old |= now - l->snapshot_ns > at_least(TIME_FRESH_NS, l->rest_ns);
    if (!old || l->failed) {
        return false;
    }
    *last_id = WAITING | (l->reads_begun + 1);
    l->refresh_wanted = true;
    pthread_cond_signal(&l->wake);
    return true;
}

const struct stream_event *live_next(struct live *l, uint64_t *last_id) {
    pthread_mutex_lock(&l->lock);
    bool snapshot;
    const struct stream_event *event = live_ring_next(&l->ring, *last_id, &snapshot);
    if (snapshot && wait_for_fresh(l, last_id)) {
        live_release(event);
        event = NULL;
    }
    pthread_mutex_unlock(&l->lock);
    if (event != NULL) {
        *last_id = event->id;
    }
    return event;
}
