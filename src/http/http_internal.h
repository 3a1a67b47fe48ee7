// SPDX-License-Identifier: MIT
// What the files of the HTTP door share. Everything here belongs to the loop's thread, but for what
// is marked otherwise.
//
// A request's way: http_request.c decides from its head (http_head.c) and collects the body;
// http_orders.c, http_question.c, http_file.c, http_health.c and http_viewer.c answer; http_reply.c
// sends. While the engine or a worker has a request, its connection is suspended; who has it gives
// it back by http_complete, and the loop goes on with r->on_loop.
#pragma once
#include "base/buf.h"
#include "http/http_body.h"
#include "http/http_deadline.h"
#include "http/http_guard.h"
#include "http/http_request_state.h"
#include "http/http_server.h"
#include "http/http_worker.h"
#include "http/keys.h"
#include "http/problem.h"
#include "http/session.h"
#include "store/rejected_retries.h"
#include "webhook/webhook_map.h"
#include "webhook/webhook_secrets.h"
#include <microhttpd.h>
#include <stdatomic.h>

struct lingering; // http_linger.c
struct viewers;   // http_viewer.c
struct files;     // http_file.c
struct login_limit;

enum http_route {
    ROUTE_ORDERS,  // POST /v1/orders
    ROUTE_RETRY,   // POST /v1/rejected/{id}/retry
    ROUTE_WEBHOOK, // POST /v1/webhooks/{system}
    ROUTE_LOGIN,   // POST /login
    ROUTE_LOGOUT,  // POST /logout
    ROUTE_QUESTION,
    ROUTE_STREAM,
    ROUTE_ALERTS,
    ROUTE_RULES,     // GET /v1/alerts/rules
    ROUTE_RULES_PUT, // PUT
    ROUTE_HEALTHZ,
    ROUTE_READYZ,
    ROUTE_METRICS,
    ROUTE_BASE, // a public URL's base path without its slash: the page is below it
    ROUTE_PAGE, // a file of the page
    ROUTE_FILE, // another of options.files
    ROUTE_NONE,
};

enum { DETAIL_BYTES = 600 };

// One TCP connection. Made and freed by the library's notice of start and end.
struct connection {
    struct deadline deadline; // first: an expired deadline is cast back
    struct connection *prev, *next;
    struct http_server *server;
    struct request *request; // NULL between two requests
    int fd;
    bool had_request; // at least one
    bool goes_on;     // the request may be followed by another
    bool whole;       // it came in to its end
    bool served;      // it is over, and the connection waits for another
    bool answered;    // past the library, and our direction ended: http_refuse_head
    bool lingers;     // http_linger was called
    // Of the target of the request whose head comes in: it has a zero in its path, written as %00;
    // or it is no text that a target can be.
    bool target_has_nul, target_is_bad;
    char target_tail[16]; // its path from the last slash on, as it was sent; empty: longer
};

// A body that comes in and is charged to the budget (http_upload.c): in a list, the one that has
// moved last at its end.
struct upload {
    struct request *prev, *next;
    int64_t begun_ms, moved_ms;
    bool listed;
};

// What a webhook came to: first those of enum webhook_outcome.
enum webhook_result {
    WEBHOOK_RESULT_MAPPED = WEBHOOK_MAPPED,
    WEBHOOK_RESULT_REFUSED = WEBHOOK_NO_MEMORY + 1, // its signature
    WEBHOOK_RESULT_PING,
    WEBHOOK_RESULTS,
};
struct webhook_request {
    enum webhook_system system;
    enum webhook_outcome outcome;
    char topic[64]; // cut
};

// One request. From a freelist; lives from the end of its head until its answer is sent.
struct request {
    struct request *next; // in the freelist or the list of completed ones
    struct http_server *server;
    struct connection *connection;
    struct MHD_Connection *mhd;
    void (*on_loop)(struct request *r); // where to go on when it is complete
    enum http_route route;
    struct state state; // http_request_state.h
    bool head;          // HEAD: no body is sent
    bool gzipped;       // its body
    bool accepts_gzip;
    enum body_form form;
    bool reason_hidden;          // of /readyz without a key: what is down is not for everybody
    char key_id[KEY_ID_LEN + 1]; // of a stream that needs a key
    char session[SESSION_NONCE_LEN + 1];
    uint64_t declared_bytes; // Content-Length
    uint64_t discarded_bytes;
    enum problem refusal; // decided before the body: answer this once the body is thrown away
    const char *allow;    // for PROBLEM_METHOD
    char detail[DETAIL_BYTES];
    struct http_body body, unpacked;
    struct upload upload;
    int64_t asked_ms;              // monotonic: when a question was handed to the workers
    struct submission *submission; // ours unless the engine has it
    enum settle_result settled;
    size_t charged_bytes; // for the submission and the answer
    struct http_job job;
    enum problem problem; // how a worker's part ended; PROBLEM_NONE: `answer` is ready
    unsigned status;
    struct question_facts facts;               // of a question
    struct question_answer answer;             // to it; of other calls the body alone
    const struct question_kind *question_kind; // NULL: this is no question
    void *question;                            // what its parse filled; the call of http_rules.c
    struct rejected_claim retry;               // of ROUTE_RETRY; now_ms: what its try goes by
    struct webhook_request webhook;            // of ROUTE_WEBHOOK
};

enum cached_answer { ANSWER_ACCEPTED_ONE, ANSWER_DUPLICATE_ONE, ANSWER_HEALTHY, ANSWERS_CACHED };

enum { STATUS_MAX = 600 };
struct http_stats {
    int64_t answers[STATUS_MAX]; // by status
    int64_t timed_out;           // connections closed for slowness
    int64_t body_bytes;
    int64_t webhooks[WEBHOOK_SYSTEMS][WEBHOOK_RESULTS];
};

struct http_server {
    struct http_options options;
    struct MHD_Daemon *daemon;
    int epoll_fd, mhd_fd, wake_fd;
    char url[128], listen_host[64];
    bool loopback, keys_needed;
    bool stopping;
    int64_t started_ms; // UTC
    int64_t now_ms;     // monotonic, of this turn of the loop
    struct keys *keys;
    int64_t keys_looked_ms;
    uint64_t keys_seen;              // keys_version when the viewers' keys were last looked at
    struct login_limit *login_limit; // NULL: no keys are needed
    struct webhook_keyring *webhook_keyring;
    int64_t webhook_looked_ms, webhook_told_ms; // monotonic; 0: never
    struct deadlines deadlines;
    struct connection *connections;
    int64_t n_connections, n_closed;
    struct request *uploads, *last_upload;
    struct request *free_requests;
    size_t n_free_requests, n_requests, n_parked;
    uint64_t n_events, n_events_seen; // progress of the library, and when it was last looked at
    struct submission *free_submissions;
    size_t n_free_submissions, low_free_submissions;
    struct order_json *parser;
    struct MHD_Response *cached[ANSWERS_CACHED];
    struct http_stats stats;
    struct http_stream stream;
    struct viewers *viewers;
    struct lingering *lingering;
    size_t n_lingering;
    struct files *files;
    struct http_workers *workers;
    // Any thread:
    struct http_budget budget;
    _Atomic(struct request *) done; // completed requests, newest first
    atomic_bool asleep;             // the loop waits: completing must wake it
    atomic_bool stream_changed;
};

// --- http_server.c
// Gives `r` back to the loop. Any thread; the caller does not touch r afterwards.
void http_complete(struct request *r);
void http_wake(struct http_server *s); // any thread

// --- http_connection.c
void http_connection_notice(void *cls, struct MHD_Connection *mhd, void **socket_context,
                            enum MHD_ConnectionNotificationCode code);
void http_deadlines_run(struct http_server *s); // acts on what has expired
void http_connections_close_idle(struct http_server *s);
void http_connections_close_all(struct http_server *s);
// Answers what is not a request at all, past the library, and ends our direction of the socket.
void http_refuse_head(struct connection *c, enum problem p, const char *detail);
static inline void http_arm(struct connection *c, enum deadline_kind kind) {
    deadline_arm(&c->server->deadlines, &c->deadline, kind, c->server->now_ms);
}

// Every change of a request's state.
static inline void http_request_move(struct request *r, enum request_state to) {
    r->server->n_parked +=
        (size_t)request_is_parked((struct state){to}) - (size_t)request_is_parked(r->state);
    state_move(&request_states, &r->state, to, r);
}

// --- http_key.c
// Refuses `r` unless its key or session (if one is needed) is good for its route.
void http_key_check(struct request *r, struct text authorization, struct text cookies);
// A key in use, from a look at the file that is at most KEYS_LOOK_EVERY_MS old; NULL: none such.
const struct api_key *http_keys_find(struct http_server *s, struct text key, enum key_scope scope);
// A turn of the loop: streams whose key was revoked end. Looks at the file once a second while
// somebody watches.
void http_keys_watch(struct http_server *s);
enum { KEYS_LOOK_EVERY_MS = 1000 };

// --- http_request.c
// Decides that `r` will be answered with this problem, unless that is decided already.
void http_refuse(struct request *r, enum problem p, const char *detail);
// Looks at a request's target before the library decodes it.
void *http_on_target(void *cls, const char *target, struct MHD_Connection *mhd);
enum MHD_Result http_on_request(void *cls, struct MHD_Connection *mhd, const char *url,
                                const char *method, const char *version, const char *upload,
                                size_t *upload_bytes, void **context);
void http_on_completed(void *cls, struct MHD_Connection *mhd, void **context,
                       enum MHD_RequestTerminationCode code);
void http_suspend(struct request *r);
// As http_suspend, but cheaper, for what comes back soon; see http_request.c.
void http_park(struct request *r);
void http_returned(struct request *r);          // the engine or a worker gave it back
void http_requests_free(struct http_server *s); // the freelist

// --- http_route.c
// Which call this is. NULL allow: the method fits; else the methods that do. `kind` is set for
// ROUTE_QUESTION.
enum http_route http_route(const struct http_server *s, const char *url, const char *method,
                           const char *tail, const struct question_kind **kind, const char **allow);
bool http_route_posts(enum http_route route); // POST, not GET
bool http_route_takes_body(enum http_route route);
bool http_route_takes_events(enum http_route route); // POST, with orders and a key to send them
bool http_route_is_open(enum http_route route);      // no key is asked for
enum key_scope http_route_scope(enum http_route route);

// --- http_reply.c: each sends the answer of a request, and resumes its connection if need be.
void http_replies_new(struct http_server *s);
void http_replies_free(struct http_server *s);
void http_reply_cached(struct request *r, enum cached_answer which);
// Takes the content of `body` over.
void http_reply_buf(struct request *r, unsigned status, const char *content_type, struct buf *body);
void http_reply_problem(struct request *r, enum problem p, const char *detail);
// To a question; takes the content of `answer` over. 304: its tag alone.
void http_reply_answer(struct request *r, unsigned status, struct question_answer *answer);
// An answer that is made once for many: the caller keeps its reference. NULL: no memory for it.
void http_reply_shared(struct request *r, unsigned status, struct MHD_Response *response);
// Takes over one reference of `response`, headers and all.
void http_reply_response(struct request *r, unsigned status, struct MHD_Response *response);
// Writes the problem to the socket past the library, which cannot answer while a body comes in; the
// rest of the body is thrown away until the client is done or DEADLINE_LINGER expires.
void http_reply_raw(struct request *r, enum problem p, const char *detail);

// As the answer of a connection that has no request: the bytes, then the end of our direction.
void http_reply_to_connection(struct connection *c, enum problem p, const char *detail,
                              const char *allow);

// --- http_upload.c
void http_upload_moves(struct request *r); // bytes of its body have come
void http_upload_end(struct request *r);   // its body is complete, or dropped
// Makes room in the budget by giving up an upload other than `for_whom`. False: none is slow.
MUST_CHECK bool http_upload_shed(struct http_server *s, const struct request *for_whom);

// --- http_linger.c
// Bits of an epoll event's data: it is of a lingering socket, or of a struct connection whose
// client has sent all that it will.
enum { EVENT_LINGERING = 1, EVENT_CLIENT_DONE = 2 };
// Before the library closes an answered connection early: the client gets time to read.
void http_linger(struct connection *c);
void http_linger_event(struct http_server *s, uint64_t tag);
// An epoll event with EVENT_CLIENT_DONE.
void http_client_done(uint64_t tag);
void http_linger_deadline(struct http_server *s, struct deadline *d);
void http_lingering_close(struct http_server *s); // all of them

// --- http_orders.c
void http_orders(struct request *r); // the body is complete
// The parts of it, for whoever submits in another way. The first three on the loop's or a worker's
// thread; PROBLEM_NONE, or r->detail tells.
MUST_CHECK enum problem http_orders_unpack(struct request *r, struct text *body);
// Fills r->submission by r->form.
MUST_CHECK enum problem http_orders_parse(struct request *r, struct order_json *parser,
                                          struct text body);
// PROBLEM_NONE: the intake has the submission, and with it the request.
MUST_CHECK enum problem http_orders_offer(struct request *r);
// Charges the submission to the budget. False: no room.
MUST_CHECK bool http_orders_charge(struct request *r);
void http_orders_answer(struct request *r); // by the verdicts; loop's thread
MUST_CHECK struct submission *http_submission_get(struct http_server *s); // NULL: no memory
void http_submission_recycle(struct http_server *s, struct submission *sub);
void http_submissions_trim(struct http_server *s, bool all);

// --- http_retry.c
void http_retry(struct request *r, const char *url); // the body is complete
void http_retry_settled(struct request *r);          // the intake has its verdict
bool http_retry_path(const char *url, int64_t *id);  // whether this is such a path

// --- http_rules.c
void http_rules(struct request *r);

// --- http_webhook.c
enum { WEBHOOK_BODY_MAX_BYTES = 2 * 1024 * 1024 };
void http_webhook_check_signature(struct request *r); // refuses a body that has none it can match
size_t http_webhook_body_limit(struct request *r);    // once that was called
void http_webhook(struct request *r);                 // the body is complete
void http_webhook_answer(struct request *r);          // the intake has its verdicts
bool http_webhook_path(const char *url, enum webhook_system *system); // whether this is such a path
const char *http_webhook_result_name(enum webhook_result result);

// --- http_login.c
enum { LOGIN_BODY_MAX_BYTES = 4096 };
void http_login(struct request *r); // the body is complete
void http_logout(struct request *r);

// --- http_question.c: questions to the store
void http_question(struct request *r, const char *url);

// --- http_file.c: the page's files and the API's description
MUST_CHECK bool http_files_new(struct http_server *s, struct error *err);
void http_files_free(struct http_server *s);
// NULL: none.
const struct http_file *http_file_find(const struct http_server *s, const char *url);
void http_file(struct request *r, const char *url);
void http_file_base(struct request *r, const char *base); // on to the page, at base and a slash

// --- http_health.c
void http_healthz(struct request *r);
void http_readyz(struct request *r);
void http_alerts(struct request *r);
void http_metrics(struct request *r);

// --- http_viewer.c
void http_viewers_new(struct http_server *s);
void http_viewers_close(struct http_server *s); // all of them
void http_viewers_free(struct http_server *s);
// Takes the connection's socket over; then false: the library is to close its own end.
MUST_CHECK bool http_stream(struct request *r);
void http_viewers_notify(struct http_server *s);          // something new to send
MUST_CHECK bool http_viewers_pump(struct http_server *s); // true: more to do at once
void http_viewer_event(struct http_server *s, void *viewer, uint32_t events);
void http_viewer_deadline(struct http_server *s, struct deadline *d, enum deadline_kind kind);
size_t http_viewers_count(const struct http_server *s);
void http_viewers_check_keys(struct http_server *s); // ends those whose key is there no more
void http_viewers_end_session(struct http_server *s, const char *nonce);
