// SPDX-License-Identifier: MIT
// The webhook's thread, on libcurl: waits until a message is due (alert_outbox.h), posts it without
// the lock, and notes how it went.
//
// What may pass: no connection, none in time, 408, 429, 5xx. Any other answer but 2xx is a refusal:
// the message would be refused again. Redirects are not followed: a secret address would be told to
// whoever they name.
#include "alerts/alert_webhook.h"

#include "alerts/alert_outbox.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include <curl/curl.h>
#include <pthread.h>
#include <stdlib.h>
#include <strings.h>
#include <time.h>

enum { CONNECT_TIMEOUT_MS = 5000, ATTEMPT_TIMEOUT_MS = 15000, HOST_BYTES = 256 };

struct alert_webhook {
    const struct clock_source *clock;
    char host[HOST_BYTES]; // all of the address that may be told
    CURL *easy;            // the thread's, as are the next three
    struct curl_slist *headers;
    struct buf body;
    bool trouble; // was told
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake; // on CLOCK_MONOTONIC
    bool stop;           // under the lock
    struct alert_outbox outbox;
};

static int64_t now_ns(const struct alert_webhook *w) {
    return clock_monotonic_ns(w->clock);
}

// --- One try

static size_t ignore_answer(char *at, size_t one, size_t n, void *user) {
    UNUSED(at);
    UNUSED(user);
    return one * n;
}

// Not 0 ends the transfer.
static int on_progress(void *user, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d) {
    struct alert_webhook *w = user;
    UNUSED(a);
    UNUSED(b);
    UNUSED(c);
    UNUSED(d);
    pthread_mutex_lock(&w->lock);
    bool stop = w->stop;
    pthread_mutex_unlock(&w->lock);
    return stop;
}

static enum outbox_result judge(CURLcode code, long status) {
    if (code == CURLE_OK && status >= 200 && status < 300) {
        return OUTBOX_SENT;
    }
    bool may_pass = code != CURLE_OK || status == 408 || status == 429 || status >= 500;
    return may_pass ? OUTBOX_RETRY : OUTBOX_REFUSED;
}

static void tell(struct alert_webhook *w, enum outbox_result result, CURLcode code, long status) {
    char answer[32];
    snprintf(answer, sizeof answer, "it answers %ld", status);
    // Not curl's longer text, which may have the address in it.
    const char *why = code == CURLE_OK ? answer : curl_easy_strerror(code);
    if (result == OUTBOX_REFUSED) {
        log_error("alerts", "the webhook at %s refuses a message: %s; is its address right?",
                  w->host, why);
    } else if (result == OUTBOX_RETRY && !w->trouble) {
        log_warn("alerts", "the webhook at %s cannot be told: %s; trying again", w->host, why);
    } else if (result == OUTBOX_SENT && w->trouble) {
        log_info("alerts", "the webhook at %s takes messages again", w->host);
    }
    w->trouble = result == OUTBOX_RETRY;
}

// Posts w->body. *retry_after_ms: as the receiver asks, or 0.
static enum outbox_result post(struct alert_webhook *w, int64_t *retry_after_ms) {
    long status = 0;
    curl_off_t asked_s = 0;
    *retry_after_ms = 0;
    CURLcode code = curl_easy_setopt(w->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)w->body.len);
    code = code == CURLE_OK ? curl_easy_setopt(w->easy, CURLOPT_POSTFIELDS, w->body.at) : code;
    code = code == CURLE_OK ? curl_easy_perform(w->easy) : code;
    if (code == CURLE_OK) {
        curl_easy_getinfo(w->easy, CURLINFO_RESPONSE_CODE, &status);
        curl_easy_getinfo(w->easy, CURLINFO_RETRY_AFTER, &asked_s);
        *retry_after_ms = asked_s > 0 && asked_s < 86400 ? (int64_t)asked_s * 1000 : 0;
    }
    enum outbox_result result = judge(code, status);
    if (code != CURLE_ABORTED_BY_CALLBACK) {
        tell(w, result, code, status);
    }
    return result;
}

// --- The thread

// Waits until a message is due, or to stop. Under the lock.
static void wait_for_due(struct alert_webhook *w) {
    int64_t due_ns = outbox_due_ns(&w->outbox);
    if (due_ns == INT64_MAX) {
        pthread_cond_wait(&w->wake, &w->lock);
        return;
    }
    int64_t left_ns = due_ns - now_ns(w);
    if (left_ns <= 0) {
        return;
    }
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    int64_t nsec = until.tv_nsec + left_ns % 1000000000;
    until.tv_sec += left_ns / 1000000000 + nsec / 1000000000;
    until.tv_nsec = nsec % 1000000000;
    int rc = pthread_cond_timedwait(&w->wake, &w->lock, &until);
    UNUSED(rc); // time-outs and wake-ups alike: look again
}

static void *webhook_thread(void *user) {
    struct alert_webhook *w = user;
    pthread_mutex_lock(&w->lock);
    while (!w->stop) {
        uint64_t number;
        if (!outbox_take(&w->outbox, now_ns(w), &w->body, &number)) {
            wait_for_due(w);
            continue;
        }
        pthread_mutex_unlock(&w->lock);
        int64_t retry_after_ms;
        enum outbox_result result = post(w, &retry_after_ms);
        pthread_mutex_lock(&w->lock);
        outbox_done(&w->outbox, number, result, retry_after_ms, now_ns(w));
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

// --- Start and stop

// The host alone, without the user, password, path and query that may be secret.
static bool read_host(const char *url, char host[static HOST_BYTES], struct error *err) {
    bool known = strncasecmp(url, "http://", 7) == 0 || strncasecmp(url, "https://", 8) == 0;
    CURLU *parsed = curl_url();
    char *found = NULL;
    bool ok = known && parsed != NULL && curl_url_set(parsed, CURLUPART_URL, url, 0) == CURLUE_OK &&
              curl_url_get(parsed, CURLUPART_HOST, &found, 0) == CURLUE_OK;
    if (ok) {
        snprintf(host, HOST_BYTES, "%s", found);
    }
    curl_free(found);
    curl_url_cleanup(parsed);
    return ok || error_set(err, ERROR_USAGE,
                           "--alert-webhook is no address such as "
                           "https://hooks.example.com/services/T0/B0/KEY");
}

static bool add_header(struct alert_webhook *w, const char *line) {
    struct curl_slist *more = curl_slist_append(w->headers, line);
    w->headers = more != NULL ? more : w->headers;
    return more != NULL;
}

static bool set_up(struct alert_webhook *w, const char *url) {
    w->easy = curl_easy_init();
    CURL *e = w->easy;
    return e != NULL && add_header(w, "Content-Type: application/json") &&
           add_header(w, "Expect:") && // no round trip before the body
           curl_easy_setopt(e, CURLOPT_URL, url) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_HTTPHEADER, w->headers) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_USERAGENT, "salestide") == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)ATTEMPT_TIMEOUT_MS) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, ignore_answer) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_NOPROGRESS, 0L) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_XFERINFOFUNCTION, on_progress) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_XFERINFODATA, w) == CURLE_OK;
}

static void webhook_free(struct alert_webhook *w) {
    curl_easy_cleanup(w->easy);
    curl_slist_free_all(w->headers);
    outbox_free(&w->outbox);
    buf_free(&w->body);
    pthread_cond_destroy(&w->wake);
    pthread_mutex_destroy(&w->lock);
    free(w);
    curl_global_cleanup();
}

static struct alert_webhook *webhook_new(const struct clock_source *clock) {
    struct alert_webhook *w = mem_zalloc(1, sizeof *w);
    pthread_condattr_t attributes;
    w->clock = clock;
    pthread_mutex_init(&w->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&w->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    return w;
}

bool alert_webhook_start(const char *url, const struct clock_source *clock,
                         struct alert_webhook **out, struct error *err) {
    *out = NULL;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        return error_set(err, ERROR_FATAL, "libcurl cannot be set up");
    }
    struct alert_webhook *w = webhook_new(clock);
    bool ok = read_host(url, w->host, err);
    if (ok && !set_up(w, url)) {
        ok = error_set(err, ERROR_FATAL, "libcurl cannot be set up: out of memory");
    }
    int code = ok ? pthread_create(&w->thread, NULL, webhook_thread, w) : 0;
    if (code != 0) {
        ok = error_set(err, ERROR_FATAL, "the webhook's thread cannot start: %s", strerror(code));
    }
    if (!ok) {
        webhook_free(w);
        return false;
    }
    pthread_setname_np(w->thread, "webhook");
    *out = w;
    return true;
}

void alert_webhook_stop(struct alert_webhook *w) {
    if (w == NULL) {
        return;
    }
    pthread_mutex_lock(&w->lock);
    w->stop = true;
    pthread_cond_signal(&w->wake);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
    if (outbox_waiting(&w->outbox) > 0) {
        log_warn("alerts", "%zu messages were not sent to the webhook at %s",
                 outbox_waiting(&w->outbox), w->host);
    }
    webhook_free(w);
}

// --- From other threads

void alert_webhook_put(struct alert_webhook *w, struct buf *body) {
    pthread_mutex_lock(&w->lock);
    outbox_put(&w->outbox, body, now_ns(w));
    pthread_cond_signal(&w->wake);
    pthread_mutex_unlock(&w->lock);
}

void alert_webhook_metrics(struct alert_webhook *w, struct buf *out) {
    pthread_mutex_lock(&w->lock);
    int64_t waiting = (int64_t)outbox_waiting(&w->outbox), sent = w->outbox.sent;
    int64_t failed = w->outbox.failed, dropped = w->outbox.dropped;
    pthread_mutex_unlock(&w->lock);
    metric_value(out, "alert_webhook_waiting", "gauge", "Messages that wait to be sent.", waiting);
    metric_value(out, "alert_webhook_sent_total", "counter", "Messages that were taken.", sent);
    metric_value(out, "alert_webhook_failed_total", "counter", "Tries that failed.", failed);
    metric_value(out, "alert_webhook_dropped_total", "counter",
                 "Messages given up: refused, older than a day, or without room.", dropped);
}
