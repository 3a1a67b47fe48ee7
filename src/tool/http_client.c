// SPDX-License-Identifier: MIT
// Posting, on libcurl's multi interface.
//
// A request lives in a slot: FREE, then SENDING; when it has failed in a way that may pass, WAITING
// until its next try, with back-off (0.1 s doubling to 5 s, or what Retry-After asks, to 30 s); at
// last `done` is called once and the slot is FREE again.
//
// What may pass: no connection, a connection lost or timed out, 408, 429, 502, 503, 504. Anything
// else is handed to `done` at once, and so is what has not passed after give_up_ms.
#include "tool/http_client.h"

#include "base/clock.h"
#include "base/mem.h"
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

enum {
    IN_FLIGHT_MAX = 64,
    REPLY_MAX_BYTES = 64 * 1024 * 1024,
    CONNECT_TIMEOUT_MS = 5000,
    BACK_OFF_FIRST_MS = 100,
    BACK_OFF_LONGEST_MS = 5000,
    RETRY_AFTER_LONGEST_MS = 30 * 1000,
    DRIVE_STEP_MS = 250,
};

enum slot_state { SLOT_FREE, SLOT_SENDING, SLOT_WAITING };

struct slot {
    enum slot_state state;
    CURL *easy;
    struct buf request, reply;
    struct curl_slist *lines; // the headers of all, and those of this request
    int64_t tag;
    int64_t first_failure_ms; // monotonic; 0: none yet
    int64_t retry_at_ms;      // monotonic
    int64_t back_off_ms;
    char curl_error[CURL_ERROR_SIZE];
};

struct http_client {
    struct http_client_options options;
    char *url;
    CURLM *multi;
    struct curl_slist *headers;
    struct slot *slots;
    int in_flight;   // slots that are not free
    bool told;       // of the trouble that goes on
    bool reached;    // the server has answered once
    uint64_t jitter; // state of a small random sequence
    char problem[1024];
};

static int64_t now_ms(void) {
    return clock_monotonic_ns(clock_system()) / 1000000;
}

// --- Set-up

// http://host:port/ and http://host:port/v1/orders are both understood.
static char *orders_url(const char *base, const char *path) {
    struct text t = text_of(base);
    while (t.len > 0 && t.at[t.len - 1] == '/') {
        t.len--;
    }
    size_t n = strlen(path);
    bool whole = t.len > n && memcmp(t.at + t.len - n, path, n) == 0;
    struct buf url = {0};
    buf_put_text(&url, t);
    buf_put(&url, path, whole ? 0 : n);
    char *copy = mem_strndup(url.at, url.len);
    buf_free(&url);
    return copy;
}

static bool check_url(const char *url, struct error *err) {
    bool http = strncasecmp(url, "http://", 7) == 0 && url[7] != '\0';
    bool https = strncasecmp(url, "https://", 8) == 0 && url[8] != '\0';
    CURLU *parsed = curl_url();
    bool ok = (http || https) && parsed != NULL &&
              curl_url_set(parsed, CURLUPART_URL, url, 0) == CURLUE_OK;
    curl_url_cleanup(parsed);
    return ok || error_set(err, ERROR_USAGE,
                           "'%.200s' is not a server's address such as http://127.0.0.1:8080", url);
}

static bool check_key(const char *key, struct error *err) {
    for (const char *c = key; c != NULL && *c != '\0'; c++) {
        if (*c <= ' ' || *c > '~') {
            return error_set(err, ERROR_USAGE, "the API key has characters that no key has");
        }
    }
    return true;
}

static bool add_line(struct curl_slist **all, const char *line) {
    struct curl_slist *more = curl_slist_append(*all, line);
    *all = more != NULL ? more : *all;
    return more != NULL;
}

static bool add_headers(struct http_client *c) {
    const char *type = c->options.content_type;
    struct buf content = {0};
    buf_printf(&content, "Content-Type: %s", type != NULL ? type : "application/x-ndjson");
    bool ok = !content.failed && add_line(&c->headers, content.at) &&
              add_line(&c->headers, "Accept: application/json, application/problem+json") &&
              add_line(&c->headers, "Expect:"); // no round trip before the body
    buf_free(&content);
    if (ok && c->options.key != NULL && c->options.key[0] != '\0') {
        struct buf line = {0};
        buf_printf(&line, "Authorization: Bearer %s", c->options.key);
        ok = !line.failed && add_line(&c->headers, line.at);
        buf_free(&line);
    }
    return ok;
}

static size_t take_reply(char *at, size_t one, size_t n, void *user) {
    struct slot *s = user;
    if (s->reply.len + one * n > REPLY_MAX_BYTES) {
        return 0; // curl ends the transfer
    }
    buf_put(&s->reply, at, one * n);
    return s->reply.failed ? 0 : one * n;
}

static bool set_up_slot(struct http_client *c, struct slot *s) {
    s->easy = curl_easy_init();
    if (s->easy == NULL) {
        return false;
    }
    CURL *e = s->easy;
    return curl_easy_setopt(e, CURLOPT_URL, c->url) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_PROXY, "") == CURLE_OK && // the shop's own server
           curl_easy_setopt(e, CURLOPT_HTTPHEADER, c->headers) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_USERAGENT, "salestide") == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)c->options.attempt_timeout_ms) ==
               CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_ERRORBUFFER, s->curl_error) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, take_reply) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_WRITEDATA, s) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_PRIVATE, s) == CURLE_OK;
}

static bool http_client_set_up(struct http_client *c) {
    c->multi = curl_multi_init();
    bool ok = c->multi != NULL && add_headers(c) &&
              curl_multi_setopt(c->multi, CURLMOPT_MAXCONNECTS, (long)c->options.max_in_flight) ==
                  CURLM_OK;
    for (int i = 0; ok && i < c->options.max_in_flight; i++) {
        ok = set_up_slot(c, &c->slots[i]);
    }
    return ok;
}

bool http_client_new(const struct http_client_options *options, struct http_client **out,
                     struct error *err) {
    *out = NULL;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        return error_set(err, ERROR_FATAL, "libcurl cannot be set up");
    }
    if (!check_url(options->url, err) || !check_key(options->key, err)) {
        curl_global_cleanup();
        return false;
    }
    struct http_client *c = mem_zalloc(1, sizeof *c);
    c->options = *options;
    if (c->options.max_in_flight < 1 || c->options.max_in_flight > IN_FLIGHT_MAX) {
        c->options.max_in_flight = c->options.max_in_flight < 1 ? 1 : IN_FLIGHT_MAX;
    }
    c->url = orders_url(options->url, options->path != NULL ? options->path : "/v1/orders");
    c->slots = mem_zalloc((size_t)c->options.max_in_flight, sizeof *c->slots);
    c->jitter = (uint64_t)clock_monotonic_ns(clock_system());
    if (!http_client_set_up(c)) {
        http_client_free(c);
        return error_set(err, ERROR_FATAL, "libcurl cannot be set up: out of memory");
    }
    *out = c;
    return true;
}

void http_client_free(struct http_client *c) {
    if (c == NULL) {
        return;
    }
    for (int i = 0; i < c->options.max_in_flight; i++) {
        struct slot *s = &c->slots[i];
        if (s->state == SLOT_SENDING) {
            curl_multi_remove_handle(c->multi, s->easy);
        }
        if (s->easy != NULL) {
            curl_easy_cleanup(s->easy);
        }
        buf_free(&s->request);
        buf_free(&s->reply);
        curl_slist_free_all(s->lines);
    }
    curl_multi_cleanup(c->multi);
    curl_slist_free_all(c->headers);
    free(c->slots);
    free(c->url);
    free(c);
    curl_global_cleanup();
}

// --- One request

static void finish_slot(struct http_client *c, struct slot *s, long status, const char *problem) {
    struct http_reply reply = {.tag = s->tag,
                               .request = buf_text(&s->request),
                               .status = status,
                               .body = buf_text(&s->reply),
                               .problem = problem};
    if (c->options.done != NULL) {
        c->options.done(c->options.user, &reply);
    }
    s->state = SLOT_FREE;
    c->in_flight--;
    buf_free(&s->request);
    buf_clear(&s->reply);
    curl_slist_free_all(s->lines);
    s->lines = NULL;
}

static void send_slot(struct http_client *c, struct slot *s) {
    buf_clear(&s->reply);
    s->curl_error[0] = '\0';
    s->state = SLOT_SENDING;
    if (curl_easy_setopt(s->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)s->request.len) !=
            CURLE_OK ||
        curl_easy_setopt(s->easy, CURLOPT_POSTFIELDS, s->request.at) != CURLE_OK ||
        curl_multi_add_handle(c->multi, s->easy) != CURLM_OK) {
        finish_slot(c, s, 0, "libcurl refused the request");
    }
}

static bool may_pass(CURLcode code, long status) {
    switch (code) {
    case CURLE_OK:
        return status == 408 || status == 429 || (status >= 502 && status <= 504);
    case CURLE_COULDNT_CONNECT:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
    case CURLE_OPERATION_TIMEDOUT:
        return true;
    default:
        return false;
    }
}

// What is wrong, in one line.
static const char *describe(struct http_client *c, const struct slot *s, CURLcode code,
                            long status) {
    if (code != CURLE_OK) {
        snprintf(c->problem, sizeof c->problem, "%.500s: %.300s", c->url,
                 s->curl_error[0] != '\0' ? s->curl_error : curl_easy_strerror(code));
    } else {
        snprintf(c->problem, sizeof c->problem, "%.500s: the server answers %ld%s", c->url, status,
                 status == 401 && c->options.path != NULL
                     ? " (the signature: is --secret-file the secret that it knows?)"
                 : status == 401 ? " (it asks for an API key: --key)"
                 : status == 403 ? " (the API key does not allow it: it needs the scope ingest)"
                 : status == 404 ? " (is it a Salestide server?)"
                                 : "");
    }
    return c->problem;
}

static int64_t wait_before_retry(struct http_client *c, struct slot *s) {
    s->back_off_ms = s->back_off_ms == 0 ? BACK_OFF_FIRST_MS : s->back_off_ms * 2;
    if (s->back_off_ms > BACK_OFF_LONGEST_MS) {
        s->back_off_ms = BACK_OFF_LONGEST_MS;
    }
    curl_off_t asked_s = 0;
    if (curl_easy_getinfo(s->easy, CURLINFO_RETRY_AFTER, &asked_s) == CURLE_OK && asked_s > 0) {
        int64_t asked_ms = asked_s > RETRY_AFTER_LONGEST_MS / 1000 ? RETRY_AFTER_LONGEST_MS
                                                                   : (int64_t)asked_s * 1000;
        return asked_ms;
    }
    // Up to half of it at random, so that requests do not come back all at once.
    c->jitter = c->jitter * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return s->back_off_ms - (int64_t)(c->jitter >> 33) % (s->back_off_ms / 2);
}

static bool is_stopping(const struct http_client *c) {
    return c->options.stopping != NULL && c->options.stopping(c->options.user);
}

static void tell_trouble(struct http_client *c, long status, int64_t limit_ms) {
    char text[160];
    if (c->told || c->options.trouble == NULL) {
        return;
    }
    c->told = true;
    if (status != 0) {
        snprintf(text, sizeof text, "the server answers %ld; trying again for up to %d s", status,
                 (int)(limit_ms / 1000));
    } else {
        snprintf(text, sizeof text, "the server cannot be reached; trying again for up to %d s",
                 (int)(limit_ms / 1000));
    }
    c->options.trouble(c->options.user, text);
}

static void ended(struct http_client *c, struct slot *s, CURLcode code) {
    long status = 0;
    curl_multi_remove_handle(c->multi, s->easy);
    if (code == CURLE_OK) {
        curl_easy_getinfo(s->easy, CURLINFO_RESPONSE_CODE, &status);
        c->reached = true;
        if ((status >= 200 && status < 300) || status == 422) {
            s->first_failure_ms = s->back_off_ms = 0;
            c->told = false;
            finish_slot(c, s, status, NULL);
            return;
        }
    }
    const char *problem = describe(c, s, code, status);
    int64_t now = now_ms();
    int64_t limit_ms = c->reached ? c->options.give_up_ms : c->options.first_contact_ms;
    if (s->first_failure_ms == 0) {
        s->first_failure_ms = now;
    }
    if (!may_pass(code, status) || now - s->first_failure_ms >= limit_ms || is_stopping(c)) {
        s->first_failure_ms = s->back_off_ms = 0;
        finish_slot(c, s, status, problem);
        return;
    }
    tell_trouble(c, status, limit_ms);
    s->state = SLOT_WAITING;
    s->retry_at_ms = now + wait_before_retry(c, s);
}

// --- All requests

static void collect(struct http_client *c) {
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(c->multi, &left)) != NULL) {
        struct slot *s = NULL;
        if (message->msg == CURLMSG_DONE &&
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &s) == CURLE_OK) {
            ended(c, s, message->data.result);
        }
    }
}

// Sends what has waited long enough. Returns how long the next one must wait, at most timeout_ms.
static int resend(struct http_client *c, int timeout_ms) {
    int64_t now = now_ms();
    for (int i = 0; i < c->options.max_in_flight; i++) {
        struct slot *s = &c->slots[i];
        if (s->state != SLOT_WAITING) {
            continue;
        }
        if (s->retry_at_ms <= now || is_stopping(c)) {
            send_slot(c, s);
        } else if (s->retry_at_ms - now < timeout_ms) {
            timeout_ms = (int)(s->retry_at_ms - now);
        }
    }
    return timeout_ms;
}

void http_client_drive(struct http_client *c, int timeout_ms) {
    int before = c->in_flight;
    int64_t until = now_ms() + timeout_ms;
    for (;;) {
        int64_t left = until - now_ms();
        int wait_ms = resend(c, left > 0 ? (int)left : 0);
        int running = 0;
        CURLMcode code = curl_multi_perform(c->multi, &running);
        collect(c);
        if (code != CURLM_OK || c->in_flight < before || left <= 0) {
            return;
        }
        if (curl_multi_poll(c->multi, NULL, 0, wait_ms, NULL) != CURLM_OK) {
            return;
        }
    }
}

// What was added when one fails goes with the slot.
static bool set_lines(struct http_client *c, struct slot *s, const char *const *lines, size_t n) {
    bool ok = true;
    for (const struct curl_slist *h = c->headers; ok && n > 0 && h != NULL; h = h->next) {
        ok = add_line(&s->lines, h->data);
    }
    for (size_t i = 0; ok && i < n; i++) {
        ok = add_line(&s->lines, lines[i]);
    }
    return ok && curl_easy_setopt(s->easy, CURLOPT_HTTPHEADER,
                                  s->lines != NULL ? s->lines : c->headers) == CURLE_OK;
}

void http_client_post(struct http_client *c, struct buf *body, int64_t tag) {
    http_client_post_with(c, body, tag, NULL, 0);
}

void http_client_post_with(struct http_client *c, struct buf *body, int64_t tag,
                           const char *const *lines, size_t n_lines) {
    while (c->in_flight == c->options.max_in_flight) {
        http_client_drive(c, DRIVE_STEP_MS);
    }
    struct slot *s = c->slots;
    while (s->state != SLOT_FREE) {
        s++;
    }
    s->request = *body;
    *body = (struct buf){0};
    s->tag = tag;
    c->in_flight++;
    if (!set_lines(c, s, lines, n_lines)) {
        finish_slot(c, s, 0, "libcurl refused the request's headers");
        return;
    }
    send_slot(c, s);
    http_client_drive(c, 0); // on its way before the caller makes the next one
}

void http_client_finish(struct http_client *c) {
    while (c->in_flight > 0) {
        http_client_drive(c, DRIVE_STEP_MS);
    }
}
