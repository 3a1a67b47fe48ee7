// SPDX-License-Identifier: MIT
// The thread of alerts. A turn, once a second while there is a rule:
//   1. what the rules need is noted, under the lock;
//   2. it is read from the store, without the lock, by a reader of its own;
//   3. every rule is moved by its value; what people see is rendered when a rule has moved, or ten
//      seconds later, so that a value that ticks does not send an event to every page each second;
//   4. starts and ends that were not told (alert_news.h) are noted in alerts.told, then handed to
//      the webhook.
//
// When the store cannot be read values are not known, rules stay as they are (alert_board.h), one
// log line says so, and a new reader is opened when the old one is of no use.
#include "alerts/alerts.h"

#include "alerts/alert_news.h"
#include "alerts/alert_webhook.h"
#include "base/log.h"
#include "base/mem.h"
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#define SHOWN_EVERY_NS INT64_C(10000000000)
enum { TURN_S = 1 };

struct alerts {
    struct alerts_options options;
    struct alert_webhook *webhook;
    pthread_t thread;
    bool runs;

    pthread_mutex_t file_lock; // taken before the other one
    struct alert_file file;    // under it

    pthread_mutex_t lock;
    pthread_cond_t wake; // on CLOCK_MONOTONIC
    // Under the lock.
    bool stop;
    bool changed; // the rules, since the last turn
    struct alert_board board;
    struct buf shown;
    int64_t shown_ns;

    // The thread's own.
    struct sales_reader *reader; // NULL: not open
    struct alert_measures *measures;
    struct alert_told told;
    bool failed;                                   // the newest read
    struct alert_message messages[ALERT_NEWS_MAX]; // of this turn
};

static struct alert_now now_of(const struct alerts *a) {
    return (struct alert_now){clock_now_ms(a->options.clock), clock_monotonic_ns(a->options.clock)};
}

// Under the lock.
static void show(struct alerts *a) {
    buf_clear(&a->shown);
    alert_board_json(&a->board, &a->shown);
    a->shown_ns = clock_monotonic_ns(a->options.clock);
}

// --- Reading

static bool open_reader(struct alerts *a, struct error *err) {
    if (a->reader == NULL && !a->options.open_reader(a->options.user, &a->reader, err)) {
        a->reader = NULL;
        return false;
    }
    return true;
}

static bool read_store(struct alerts *a, const struct alert_needs *needs, int64_t now_ms,
                       struct error *err) {
    if (!open_reader(a, err)) {
        alert_measures_forget(a->measures);
        return false;
    }
    if (alert_measures_read(a->measures, a->reader, needs, now_ms, err)) {
        return true;
    }
    if (err->cls == ERROR_FATAL) {
        a->reader->ops->close(a->reader);
        a->reader = NULL;
    }
    return false;
}

static void measure(struct alerts *a, const struct alert_needs *needs, int64_t now_ms) {
    struct error err = {0};
    int64_t lag = -1;
    bool ask = needs->minutes > 0 || needs->newest || needs->counts;
    bool ok = !ask || read_store(a, needs, now_ms, &err);
    if (!ok && !a->failed) {
        log_warn("alerts", "alerts cannot be judged now: %s", err.text);
    } else if (ok && a->failed) {
        log_info("alerts", "alerts are judged again");
    }
    a->failed = !ok;
    if (a->options.lag == NULL || !a->options.lag(a->options.user, &lag)) {
        lag = -1;
    }
    alert_measures_set_lag(a->measures, lag);
}

// --- Telling

static void send_messages(struct alerts *a, size_t n) {
    if (n > 0) {
        alert_told_save(&a->told); // before: what is told twice is worse than what is in the log
    }
    for (size_t i = 0; i < n; i++) {
        const struct alert_message *m = &a->messages[i];
        struct buf body = {0};
        alert_message_put(m, &body);
        log_line(m->start ? LOG_WARN : LOG_INFO, "alerts", "%s %s%s%s", m->name,
                 m->start ? "fires: " : "is over", m->start || m->removed ? "" : ": ",
                 m->removed ? ": its rule was removed" : m->value);
        if (a->webhook != NULL) {
            alert_webhook_put(a->webhook, &body);
        }
        buf_free(&body);
    }
}

// --- A turn

// Under the lock, which is released in between.
static void alerts_turn(struct alerts *a) {
    struct alert_needs needs = {0};
    for (size_t i = 0; i < a->board.n; i++) {
        alert_needs_add(&needs, &a->board.at[i].rule);
    }
    struct alert_now now = now_of(a);
    a->changed = false;
    pthread_mutex_unlock(&a->lock);

    measure(a, &needs, now.utc_ms);

    pthread_mutex_lock(&a->lock);
    bool moved = false;
    bool tells = alert_news_begin(&a->board, &a->told, now);
    for (size_t i = 0; i < a->board.n; i++) {
        struct alert_value value;
        alert_measures_value(a->measures, &a->board.at[i].rule, &value);
        moved |= alert_step(&a->board.at[i], &value, now);
    }
    size_t n = tells ? alert_news_take(&a->board, &a->told, now, a->messages) : 0;
    if (moved || now.monotonic_ns - a->shown_ns >= SHOWN_EVERY_NS) {
        show(a);
    }
    pthread_mutex_unlock(&a->lock);
    send_messages(a, n);
    pthread_mutex_lock(&a->lock);
}

// --- Rules

static void use_rules(struct alerts *a, const struct alert_rules *rules) {
    pthread_mutex_lock(&a->lock);
    alert_board_set(&a->board, rules);
    show(a);
    a->changed = true; // of what was told there may be no rule any more
    pthread_cond_signal(&a->wake);
    pthread_mutex_unlock(&a->lock);
}

void alerts_reload(struct alerts *a) {
    struct error err = {0};
    struct alert_rules *rules = mem_zalloc(1, sizeof *rules); // large for a stack
    pthread_mutex_lock(&a->file_lock);
    if (alert_file_rules(&a->file, rules, &err)) {
        log_info("alerts", "SIGHUP: %zu rules read from %s", rules->n, a->file.path);
        use_rules(a, rules);
    } else {
        log_warn("alerts", "SIGHUP: %s; the rules known before stay in force", err.text);
    }
    pthread_mutex_unlock(&a->file_lock);
    free(rules);
}

bool alerts_rules_text(struct alerts *a, struct buf *out, char tag[static ALERT_TAG_BYTES],
                       struct error *err) {
    pthread_mutex_lock(&a->file_lock);
    bool ok = alert_file_text(&a->file, out, err);
    pthread_mutex_unlock(&a->file_lock);
    alert_file_tag(buf_text(out), tag);
    return ok;
}

enum alerts_put alerts_rules_put(struct alerts *a, struct text lines, struct text known,
                                 char tag[static ALERT_TAG_BYTES], struct alert_mistake *mistake,
                                 struct error *err) {
    struct alert_rules *rules = mem_zalloc(1, sizeof *rules); // large for a stack
    if (!alert_rules_read(lines, a->file.knows_lag, rules, mistake)) {
        free(rules);
        return ALERTS_PUT_WRONG;
    }
    pthread_mutex_lock(&a->file_lock);
    enum alert_replaced replaced = alert_file_replace(&a->file, known, lines, err);
    if (replaced == ALERT_REPLACED) {
        log_info("alerts", "%zu rules written to %s: they are in force", rules->n, a->file.path);
        alert_file_tag(lines, tag);
        use_rules(a, rules);
    }
    pthread_mutex_unlock(&a->file_lock);
    free(rules);
    return replaced == ALERT_REPLACED       ? ALERTS_PUT
           : replaced == ALERT_NOT_THE_SAME ? ALERTS_PUT_OTHERS
                                            : ALERTS_PUT_FAILED;
}

// --- The thread

// Under the lock. Without rules there is nothing to look at until some are made.
static void wait_for_turn(struct alerts *a) {
    struct timespec until;
    while (!a->stop && !a->changed && a->board.n == 0) {
        pthread_cond_wait(&a->wake, &a->lock);
    }
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += TURN_S;
    int rc = 0;
    while (!a->stop && !a->changed && rc == 0) { // not 0: the time is over
        rc = pthread_cond_timedwait(&a->wake, &a->lock, &until);
    }
}

static void *alerts_thread(void *user) {
    struct alerts *a = user;
    pthread_mutex_lock(&a->lock);
    for (; !a->stop; wait_for_turn(a)) {
        if (a->board.n > 0 || a->changed) {
            alerts_turn(a);
        }
    }
    pthread_mutex_unlock(&a->lock);
    return NULL;
}

// --- Start and stop

static struct alerts *alerts_new(const struct alerts_options *options) {
    struct alerts *a = mem_zalloc(1, sizeof *a);
    pthread_condattr_t attributes;
    a->options = *options;
    a->file = (struct alert_file){.path = options->path,
                                  .optional = options->path_is_optional,
                                  .knows_lag = options->lag != NULL};
    a->measures = alert_measures_new(options->zone, options->currency);
    alert_told_init(&a->told, options->directory);
    pthread_mutex_init(&a->file_lock, NULL);
    pthread_mutex_init(&a->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&a->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    return a;
}

static bool run(struct alerts *a, struct error *err) {
    int code = pthread_create(&a->thread, NULL, alerts_thread, a);
    if (code != 0) {
        return error_set(err, ERROR_FATAL, "the thread of alerts cannot start: %s", strerror(code));
    }
    pthread_setname_np(a->thread, "alerts");
    a->runs = true;
    return true;
}

bool alerts_start(const struct alerts_options *options, struct alerts **out, struct error *err) {
    struct alerts *a = alerts_new(options);
    const char *url = options->webhook_url;
    struct alert_rules *rules = mem_zalloc(1, sizeof *rules); // large for a stack
    bool ok = alert_file_rules(&a->file, rules, err) &&
              (url == NULL || alert_webhook_start(url, options->clock, &a->webhook, err));
    if (ok) {
        use_rules(a, rules);
        ok = run(a, err);
    }
    free(rules);
    if (!ok) {
        alerts_stop(a);
        return false;
    }
    *out = a;
    return true;
}

void alerts_stop(struct alerts *a) {
    if (a == NULL) {
        return;
    }
    if (a->runs) {
        pthread_mutex_lock(&a->lock);
        a->stop = true;
        pthread_cond_signal(&a->wake);
        pthread_mutex_unlock(&a->lock);
        pthread_join(a->thread, NULL);
    }
    alert_webhook_stop(a->webhook);
    if (a->reader != NULL) {
        a->reader->ops->close(a->reader);
    }
    alert_measures_free(a->measures);
    alert_told_free(&a->told);
    buf_free(&a->shown);
    pthread_cond_destroy(&a->wake);
    pthread_mutex_destroy(&a->lock);
    pthread_mutex_destroy(&a->file_lock);
    free(a);
}

// --- Asked from outside

void alerts_json(struct alerts *a, struct buf *out) {
    pthread_mutex_lock(&a->lock);
    buf_put_text(out, buf_text(&a->shown));
    out->failed |= a->shown.failed;
    pthread_mutex_unlock(&a->lock);
}

void alerts_metrics(struct alerts *a, struct buf *out) {
    pthread_mutex_lock(&a->lock);
    alert_board_metrics(&a->board, out);
    pthread_mutex_unlock(&a->lock);
    if (a->webhook != NULL) {
        alert_webhook_metrics(a->webhook, out);
    }
}
