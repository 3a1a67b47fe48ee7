// SPDX-License-Identifier: MIT
// The thread sleeps until it is asked; opens its reader, if it has none; reads the ranking in a
// snapshot of its own; keeps it until it is taken; tells; and rests for a hundred times of what
// that cost, a second at least, but does not for the first question of another day.
//
// How it fails: a question that fails is logged once and asked again after that rest, a minute at
// most. The page keeps the products that it has, of the same day.
#include "live/live_aside.h"

#include "base/log.h"
#include "base/mem.h"
#include "live/live_read.h"
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#define REST_MIN_NS INT64_C(1000000000)
#define REST_FAILED_NS INT64_C(60000000000)
enum { REST_TIMES_COST = 100 };

struct live_aside {
    struct live_aside_options options;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake, told; // on CLOCK_MONOTONIC
    // Under the lock.
    bool stop, wanted, answered;
    int32_t day; // asked for
    char currency[4];
    int32_t answered_day;
    struct live_ranking answer;
    int64_t due_ns;
    // The thread's own.
    struct sales_reader *reader; // NULL: not opened yet
    struct live_figures *figures;
    bool failed; // the newest question
};

// Under the lock. False: the time is over.
static bool sleep_on(struct live_aside *a, pthread_cond_t *cond, int64_t longest_ns) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    int64_t nsec = until.tv_nsec + longest_ns % 1000000000;
    until.tv_sec += longest_ns / 1000000000 + nsec / 1000000000;
    until.tv_nsec = nsec % 1000000000;
    return pthread_cond_timedwait(cond, &a->lock, &until) == 0;
}

// Under the lock. False: stop.
static bool wait_for_question(struct live_aside *a) {
    while (!a->stop) {
        int64_t left_ns = a->due_ns - clock_monotonic_ns(a->options.clock);
        if (a->wanted && left_ns <= 0) {
            return true;
        }
        bool woken = a->wanted && sleep_on(a, &a->wake, left_ns);
        UNUSED(woken); // or it is due: look again
        if (!a->wanted) {
            pthread_cond_wait(&a->wake, &a->lock);
        }
    }
    return false;
}

static bool read_products(struct live_aside *a, struct error *err) {
    if (a->reader == NULL && !a->options.open(a->options.open_user, &a->reader, err)) {
        a->reader = NULL; // it may have been closed again
        return false;
    }
    struct sales_reader *r = a->reader;
    if (!r->ops->begin(r, err)) {
        return false;
    }
    bool ok = live_read_products(r, a->options.zone, a->figures, err);
    r->ops->end(r);
    return ok;
}

static int64_t rest_of(int64_t cost_ns, bool ok) {
    int64_t rest_ns = cost_ns * REST_TIMES_COST;
    rest_ns = !ok && rest_ns > REST_FAILED_NS ? REST_FAILED_NS : rest_ns;
    return rest_ns > REST_MIN_NS ? rest_ns : REST_MIN_NS;
}

// Under the lock, which is released in between.
static void answer_one(struct live_aside *a) {
    struct error err;
    a->wanted = false;
    a->figures->day = a->day;
    memcpy(a->figures->shop.code, a->currency, sizeof a->currency);
    pthread_mutex_unlock(&a->lock);
    int64_t start_ns = clock_monotonic_ns(a->options.clock);
    bool ok = read_products(a, &err);
    int64_t end_ns = clock_monotonic_ns(a->options.clock);
    if (!ok && !a->failed) {
        log_warn("live", "the live page shows old products: %s", err.text);
    }
    a->failed = !ok;
    pthread_mutex_lock(&a->lock);
    a->due_ns = a->day == a->figures->day ? end_ns + rest_of(end_ns - start_ns, ok) : 0;
    if (!ok) {
        a->wanted = true;
        return;
    }
    a->answer = a->figures->products;
    a->answered_day = a->figures->day;
    a->answered = true;
    pthread_cond_signal(&a->told);
    pthread_mutex_unlock(&a->lock);
    a->options.answered(a->options.user);
    pthread_mutex_lock(&a->lock);
}

static void *aside_thread(void *user) {
    struct live_aside *a = user;
    pthread_mutex_lock(&a->lock);
    while (wait_for_question(a)) {
        answer_one(a);
    }
    pthread_mutex_unlock(&a->lock);
    return NULL;
}

static void aside_free(struct live_aside *a) {
    if (a->reader != NULL) {
        a->reader->ops->close(a->reader);
    }
    pthread_cond_destroy(&a->wake);
    pthread_cond_destroy(&a->told);
    pthread_mutex_destroy(&a->lock);
    free(a->figures);
    free(a);
}

struct live_aside *live_aside_start(const struct live_aside_options *options, struct error *err) {
    struct live_aside *a = mem_zalloc(1, sizeof *a);
    a->options = *options;
    a->figures = mem_zalloc(1, sizeof *a->figures);
    pthread_mutex_init(&a->lock, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&a->wake, &attributes);
    pthread_cond_init(&a->told, &attributes);
    pthread_condattr_destroy(&attributes);
    int rc = pthread_create(&a->thread, NULL, aside_thread, a);
    if (rc != 0) {
        error_set(err, ERROR_FATAL, "the thread for products cannot start: %s", strerror(rc));
        aside_free(a);
        return NULL;
    }
    pthread_setname_np(a->thread, "products");
    return a;
}

void live_aside_stop(struct live_aside *a) {
    if (a == NULL) {
        return;
    }
    pthread_mutex_lock(&a->lock);
    a->stop = true;
    pthread_cond_signal(&a->wake);
    pthread_mutex_unlock(&a->lock);
    pthread_join(a->thread, NULL);
    aside_free(a);
}

// --- From the page's thread

void live_aside_ask(struct live_aside *a, int32_t day, const char currency[static 4]) {
    pthread_mutex_lock(&a->lock);
    a->wanted = true;
    a->due_ns = day != a->day ? 0 : a->due_ns; // of a new day at once
    a->day = day;
    memcpy(a->currency, currency, sizeof a->currency);
    pthread_cond_signal(&a->wake);
    pthread_mutex_unlock(&a->lock);
}

void live_aside_wait(struct live_aside *a, int64_t longest_ms) {
    pthread_mutex_lock(&a->lock);
    while (!a->answered && sleep_on(a, &a->told, longest_ms * 1000000)) {
    }
    pthread_mutex_unlock(&a->lock);
}

bool live_aside_has(struct live_aside *a) {
    pthread_mutex_lock(&a->lock);
    bool has = a->answered;
    pthread_mutex_unlock(&a->lock);
    return has;
}

bool live_aside_take(struct live_aside *a, int32_t day, struct live_ranking *out) {
    pthread_mutex_lock(&a->lock);
    bool fits = a->answered && a->answered_day == day;
    a->answered = false;
    if (fits) {
        *out = a->answer;
    }
    pthread_mutex_unlock(&a->lock);
    return fits;
}
