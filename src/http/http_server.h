// SPDX-License-Identifier: MIT
// The HTTP door: orders in, questions and the live page out. One thread runs the loop; orders go to
// the intake, large bodies and questions to a small pool of threads.
//
// Life: http_new (binds the address) ... http_run (until stopped: no request is left, or ten
// seconds went by) ... the caller closes the intake and waits until every submission is settled
// ... http_free.
#pragma once
#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/must.h"
#include "engine/intake.h"
#include "http/http_ports.h"
#include "http/public_urls.h"
#include "store/rejected_retries.h"
#include "store/sales_reader.h"
#include <signal.h>

struct http_limits {
    size_t body_bytes;         // of one request as sent
    size_t decompressed_bytes; // of one request after gzip
    size_t inflight_bytes;     // of all requests being read or judged
    int64_t events;            // of one request
    int64_t rows;              // of one answer
    int64_t headers_ms, body_ms, idle_ms;
    unsigned connections, viewers;
};

struct http_options {
    const char *listen;             // "127.0.0.1:8080", "[::1]:8080", port 0: any free one
    const char *directory;          // the data directory: API keys are there
    struct public_urls public_urls; // a proxy stands there: others than this machine's users come
    bool require_keys;              // on loopback too
    bool insecure;                  // no keys beyond loopback and behind a proxy either
    struct http_limits limits;
    const struct order_rules *rules;
    const char *timezone; // its name
    struct intake intake; // where orders go; ops NULL: none are taken, POST is not there
    const struct clock_source *clock;
    // False: orders cannot be taken just now; `problem` is one line.
    bool (*ready)(void *user, char problem[static INTAKE_PROBLEM_BYTES]);
    // Appends the metrics of the parts behind the door.
    void (*metrics)(void *user, struct buf *out);
    const struct http_files *files;         // NULL: none are served
    const struct http_questions *questions; // NULL: none are answered
    // A reader of the store for one worker thread, for questions. NULL: there is no store to ask:
    // neither questions nor the stream are there.
    bool (*open_reader)(void *user, struct sales_reader **out, struct error *err);
    // Where it is noted what becomes of rejected events that are submitted again, for one thread.
    // NULL: they cannot be, here. Wants an intake and a reader.
    bool (*open_retries)(void *user, struct rejected_retries **out, struct error *err);
    // Appends the rules of alerts as a JSON object, for /v1/alerts. Loop's thread, so at once.
    // NULL: it is not there.
    void (*alerts)(void *user, struct buf *json);
    struct http_rules rules_of_alerts; // as a text to read and to change; get NULL: it is not there
    // SIGHUP: have files read again. On the loop's thread: elsewhere, and at once. NULL: there are
    // none.
    void (*reload)(void *user);
    void *user;
};

struct http_server;
// All that `options` points to is borrowed until http_free.
MUST_CHECK bool http_new(const struct http_options *options, struct http_server **out,
                         struct error *err);
// "http://127.0.0.1:8080/", with the port that was taken. Valid as long as the server.
const char *http_url(const struct http_server *s);
bool http_keys_required(const struct http_server *s); // any thread
// The page's stream: before http_run, and none (ops NULL) after it. Until then /v1/stream is
// answered 503.
void http_set_stream(struct http_server *s, struct http_stream stream);
// Runs the loop until SIGTERM or SIGINT; `signals` (blocked in all threads) are taken by the loop.
void http_run(struct http_server *s, const sigset_t *signals);
void http_free(struct http_server *s); // NULL is fine

// For whoever makes the stream: there is something new in it. Wakes the loop. Any thread.
void http_stream_changed(void *server);
