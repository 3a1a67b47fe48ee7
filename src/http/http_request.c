// SPDX-License-Identifier: MIT
// A request from its head to the end of its body.
//
// 1. First call of the library: the head is complete. It is read once, and whether the request will
//    be served is decided now: path, method, other sites' pages, key, type and length of the body.
// 2. Calls with pieces of the body: collected within limits and budget, or thrown away when the
//    request was refused.
// 3. Last call: the body is complete; the route's file answers.
//
// A refused request's body is read to its end (up to DISCARD_MAX_BYTES) before the answer goes out,
// because closing with unread data would take the answer away from the client. A client that asked
// "Expect: 100-continue" is answered at once; one with more to send gets the answer past the
// library.
#include "http/http_head.h"
#include "http/http_internal.h"

#include "base/log.h"
#include "base/mem.h"
#include "http/http_header.h"
#include "http/http_library.h"
#include <stdio.h>
#include <stdlib.h>

enum {
    DISCARD_MAX_BYTES = 1024 * 1024,
    FREE_REQUESTS_MAX = 1024,
    PARKED_MAX = 1024,
};

void http_refuse(struct request *r, enum problem p, const char *detail) {
    if (r->refusal == PROBLEM_NONE) {
        r->refusal = p;
        snprintf(r->detail, sizeof r->detail, "%s", detail);
    }
}

static void check_body_headers(struct request *r, const struct http_head *h) {
    const struct http_limits *limits = &r->server->options.limits;
    if (!header_body_form(h->content_type, &r->form)) {
        http_refuse(
            r, PROBLEM_CONTENT_TYPE,
            "send application/json (one order, an array) or application/x-ndjson, in UTF-8");
    }
    enum header_coding coding = header_content_coding(h->content_encoding);
    r->gzipped = coding == CODING_GZIP;
    if (coding == CODING_OTHER) {
        http_refuse(r, PROBLEM_CONTENT_ENCODING, "only gzip is understood");
    }
    if (r->declared_bytes > limits->body_bytes) {
        char detail[160];
        snprintf(detail, sizeof detail,
                 "the body has %llu bytes, at most %zu are taken: send several requests",
                 (unsigned long long)r->declared_bytes, limits->body_bytes);
        http_refuse(r, PROBLEM_BODY_TOO_LARGE, detail);
    }
}

static void refuse_packed(struct request *r, const struct http_head *h) {
    if (header_content_coding(h->content_encoding) != CODING_NONE) {
        http_refuse(r, PROBLEM_CONTENT_ENCODING, "send it as it is");
    }
}

static void check_login_headers(struct request *r, const struct http_head *h) {
    if (!header_is_type(h->content_type, "application/json") &&
        !header_is_type(h->content_type, "application/x-www-form-urlencoded")) {
        http_refuse(r, PROBLEM_CONTENT_TYPE,
                    "send application/json or application/x-www-form-urlencoded");
    }
    refuse_packed(r, h);
}

static void check_rules_headers(struct request *r, const struct http_head *h) {
    if (!header_is_type(h->content_type, "text/plain")) {
        http_refuse(r, PROBLEM_CONTENT_TYPE, "send text/plain, a rule a line");
    }
    refuse_packed(r, h);
}

// How long the body may be.
static size_t body_limit(struct request *r) {
    size_t limit = r->server->options.limits.body_bytes;
    if (r->route == ROUTE_WEBHOOK) {
        size_t most = http_webhook_body_limit(r);
        return limit < most ? limit : most;
    }
    return r->route == ROUTE_LOGIN       ? LOGIN_BODY_MAX_BYTES
           : r->route == ROUTE_RULES_PUT ? RULES_BODY_MAX_BYTES
                                         : limit;
}

// Whatever type it says: its bytes are signed.
static void check_webhook_headers(struct request *r, const struct http_head *h, const char *url) {
    if (!http_webhook_path(url, &r->webhook.system)) {
        http_refuse(r, PROBLEM_NO_SUCH_PATH, "there is no such webhook");
    }
    if (header_content_coding(h->content_encoding) != CODING_NONE) {
        http_refuse(r, PROBLEM_CONTENT_ENCODING, "send it as it is");
    }
    if (r->declared_bytes > body_limit(r)) {
        char detail[160];
        snprintf(detail, sizeof detail, "the body has %llu bytes, a webhook has at most %zu",
                 (unsigned long long)r->declared_bytes, body_limit(r));
        http_refuse(r, PROBLEM_BODY_TOO_LARGE, detail);
    }
    if (r->refusal == PROBLEM_NONE) {
        http_webhook_check_signature(r);
    }
}

// Everything that can be said from the head alone.
static void decide(struct request *r, const struct http_head *h, const char *url,
                   const char *method) {
    struct http_server *s = r->server;
    r->route = http_route(s, url, method, r->connection->target_tail, &r->question_kind, &r->allow);
    if (r->connection->target_has_nul) {
        http_refuse(r, PROBLEM_BAD_REQUEST, "the path has a zero character in it");
    }
    if (h->guard.host.at == NULL && h->guard.origin.at != NULL) {
        http_refuse(r, PROBLEM_BAD_REQUEST, "the Host header is missing");
    }
    r->head = strcmp(method, "HEAD") == 0;
    bool safe = r->head || strcmp(method, "GET") == 0;
    const struct guard_place here = {s->loopback, text_of(s->listen_host), &s->options.public_urls};
    const char *foreign = guard_check(&h->guard, &here, safe);
    if (foreign != NULL) {
        http_refuse(r, PROBLEM_FOREIGN_PAGE, foreign);
    }
    if (r->route == ROUTE_NONE) {
        http_refuse(
            r, PROBLEM_NO_SUCH_PATH,
            s->options.questions == NULL
                ? "this server only takes orders (POST /v1/orders): ask the one that has the "
                  "store"
            : s->options.intake.ops == NULL
                ? "see /openapi.json for the calls there are; this server shows sales and takes "
                  "no orders: send them to the one that does (serve, ingest)"
                : "see /openapi.json for the calls there are");
    }
    if (r->allow != NULL) {
        http_refuse(r, PROBLEM_METHOD,
                    http_route_posts(r->route) ? "use POST"
                    : r->route == ROUTE_RULES  ? "use GET or PUT"
                                               : "use GET");
    }
    http_key_check(r, h->authorization, h->cookies);
    if (r->route != ROUTE_QUESTION && h->first_param.at != NULL) {
        char detail[160];
        size_t len = h->first_param.len < 40 ? h->first_param.len : 40;
        snprintf(detail, sizeof detail, "%.*s: is not a parameter of this call: it takes none",
                 (int)len, h->first_param.at);
        http_refuse(r, PROBLEM_BAD_PARAMETER, detail);
    }
    if (s->stopping) {
        http_refuse(r, PROBLEM_STOPPING, "try again in a moment");
    }
    if (http_route_takes_events(r->route)) {
        check_body_headers(r, h);
    } else if (r->route == ROUTE_LOGIN) {
        check_login_headers(r, h);
    } else if (r->route == ROUTE_RULES_PUT) {
        check_rules_headers(r, h);
    } else if (r->route == ROUTE_WEBHOOK) {
        check_webhook_headers(r, h, url);
    }
    r->accepts_gzip = header_accepts_gzip(h->accept_encoding);
}

static struct request *request_new(struct http_server *s) {
    struct request *r = s->free_requests;
    if (r != NULL) {
        s->free_requests = r->next;
        s->n_free_requests--;
    } else {
        r = try_alloc(sizeof *r);
        if (r == NULL) {
            return NULL;
        }
        // All but the bodies' inline memory starts at zero, also when it comes from the freelist.
        *r = (struct request){0};
    }
    s->n_requests++;
    r->next = NULL;
    r->server = s;
    return r; // still REQUEST_FREE
}

static void request_free(struct request *r) {
    struct http_server *s = r->server;
    http_upload_end(r);
    body_clear(&r->body, &s->budget);
    body_clear(&r->unpacked, &s->budget);
    http_submission_recycle(s, r->submission);
    buf_free(&r->answer.body);
    r->answer = (struct question_answer){0};
    free(r->question);
    budget_give(&s->budget, r->charged_bytes);
    s->n_requests--;
    r->connection = NULL;
    r->mhd = NULL;
    r->submission = NULL;
    r->question = NULL;
    r->charged_bytes = 0;
    http_request_move(r, REQUEST_FREE);
    if (s->n_free_requests >= FREE_REQUESTS_MAX) {
        free(r);
        return;
    }
    // Everything but the two bodies, which are empty now and hold 2 KiB each of what need not be
    // cleared.
    r->on_loop = NULL;
    r->route = ROUTE_NONE;
    r->head = r->gzipped = r->accepts_gzip = false;
    r->declared_bytes = r->discarded_bytes = 0;
    r->refusal = r->problem = PROBLEM_NONE;
    r->allow = NULL;
    r->detail[0] = '\0';
    r->key_id[0] = r->session[0] = '\0';
    r->reason_hidden = false;
    r->status = 0;
    r->question_kind = NULL;
    r->next = s->free_requests;
    s->free_requests = r;
    s->n_free_requests++;
}

void http_requests_free(struct http_server *s) {
    while (s->free_requests != NULL) {
        struct request *r = s->free_requests;
        s->free_requests = r->next;
        free(r);
    }
    s->n_free_requests = 0;
}

static enum MHD_Result first_call(struct http_server *s, struct MHD_Connection *mhd,
                                  const char *target, const char *method, const char *version,
                                  void **context) {
    struct request *r = request_new(s);
    s->n_events++;
    if (r == NULL) {
        return MHD_NO; // no memory even for this: the connection closes
    }
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    r->connection = info->socket_context;
    r->connection->request = r;
    r->connection->had_request = true;
    r->connection->served = r->connection->whole = false;
    r->mhd = mhd;
    *context = r;
    http_request_move(r, REQUEST_READING);
    struct http_head h;
    struct text authority;
    const char *url = http_target_path(target, &authority);
    if (!http_head_read(mhd, method, version, authority, &h) || r->connection->target_is_bad) {
        http_reply_raw(r, PROBLEM_BAD_REQUEST,
                       h.problem != NULL ? h.problem : "the request line is malformed");
        return MHD_YES; // what follows the head is thrown away, and then it closes
    }
    r->declared_bytes = h.content_bytes;
    r->connection->goes_on = h.goes_on;
    decide(r, &h, url, method);
    if (!h.has_body) {
        deadline_disarm(&s->deadlines, &r->connection->deadline);
        return MHD_YES;
    }
    http_arm(r->connection, DEADLINE_BODY);
    if (r->refusal != PROBLEM_NONE && h.expects_continue) {
        http_reply_problem(r, r->refusal, r->detail);
    } else if (r->refusal != PROBLEM_NONE && r->declared_bytes > DISCARD_MAX_BYTES) {
        http_reply_raw(r, r->refusal, r->detail);
    }
    return MHD_YES;
}

static void discard(struct request *r, size_t n_bytes) {
    r->discarded_bytes += n_bytes;
    if (r->discarded_bytes > DISCARD_MAX_BYTES) {
        http_reply_raw(r, r->refusal, r->detail);
    }
}

// Appends to the body. False: no memory, and nobody slower to take it from.
static bool keep_piece(struct request *r, const char *at, size_t n_bytes) {
    struct http_server *s = r->server;
    enum body_result result;
    do {
        result = body_append(&r->body, &s->budget, at, n_bytes, (size_t)r->declared_bytes);
    } while (result != BODY_OK && http_upload_shed(s, r));
    http_upload_moves(r);
    return result == BODY_OK;
}

static void take_body(struct request *r, const char *at, size_t n_bytes) {
    struct http_server *s = r->server;
    s->n_events++;
    if (r->state.now == REQUEST_DRAINING) {
        return;
    }
    if (r->refusal == PROBLEM_NONE && !http_route_takes_body(r->route)) {
        http_refuse(r, PROBLEM_BAD_REQUEST, "this call takes no body");
    }
    if (r->refusal == PROBLEM_NONE &&
        n_bytes > body_limit(r) - r->body.len) { // chunked: length unknown before
        char detail[160];
        snprintf(detail, sizeof detail, "the body has more than %zu bytes: send several requests",
                 body_limit(r));
        http_refuse(r, PROBLEM_BODY_TOO_LARGE, detail);
    }
    if (r->refusal == PROBLEM_NONE && !keep_piece(r, at, n_bytes)) {
        http_refuse(r, PROBLEM_MEMORY_FULL,
                    "memory for requests in flight (--max-inflight) is used up");
    }
    if (r->refusal != PROBLEM_NONE) {
        http_upload_end(r);
        body_clear(&r->body, &s->budget);
        discard(r, n_bytes);
    }
}

static enum MHD_Result last_call(struct request *r, const char *url) {
    const char *path = public_urls_path(&r->server->options.public_urls, url);
    r->server->n_events++;
    if (r->state.now == REQUEST_DRAINING) {
        http_linger(r->connection);
        return MHD_NO; // the answer is out; close
    }
    http_upload_end(r);
    deadline_disarm(&r->server->deadlines, &r->connection->deadline);
    r->server->stats.body_bytes += (int64_t)r->body.len;
    if (r->refusal != PROBLEM_NONE) {
        http_reply_problem(r, r->refusal, r->detail);
        return MHD_YES;
    }
    switch (r->route) {
    case ROUTE_ORDERS:
        http_orders(r);
        break;
    case ROUTE_RETRY:
        http_retry(r, path);
        break;
    case ROUTE_WEBHOOK:
        http_webhook(r);
        break;
    case ROUTE_LOGIN:
        http_login(r);
        break;
    case ROUTE_LOGOUT:
        http_logout(r);
        break;
    case ROUTE_QUESTION:
        http_question(r, path);
        break;
    case ROUTE_STREAM:
        return http_stream(r) ? MHD_YES : MHD_NO;
    case ROUTE_ALERTS:
        http_alerts(r);
        break;
    case ROUTE_RULES:
    case ROUTE_RULES_PUT:
        http_rules(r);
        break;
    case ROUTE_HEALTHZ:
        http_healthz(r);
        break;
    case ROUTE_READYZ:
        http_readyz(r);
        break;
    case ROUTE_METRICS:
        http_metrics(r);
        break;
    case ROUTE_BASE:
        http_file_base(r, url);
        break;
    case ROUTE_PAGE:
    case ROUTE_FILE:
    case ROUTE_NONE:
        http_file(r, path);
        break;
    }
    return MHD_YES;
}

static void keep_tail(struct connection *c, const char *target) {
    size_t len = strcspn(target, "?");
    const char *slash = memrchr(target, '/', len);
    size_t n = slash != NULL ? len - (size_t)(slash - target) : 0;
    n = n < sizeof c->target_tail ? n : 0;
    memcpy(c->target_tail, n > 0 ? slash : "", n);
    c->target_tail[n] = '\0';
}

void *http_on_target(void *cls, const char *target, struct MHD_Connection *mhd) {
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct connection *c = info->socket_context;
    const char *at = target;
    bool good = true, nul = false, in_path = true;
    for (; *at != '\0'; at++) {
        const unsigned char ch = (unsigned char)*at;
        if (ch > '%' && ch != '?' && ch != 0x7F) {
            continue; // nearly all
        }
        good &= ch > ' ' && ch != 0x7F;
        in_path &= ch != '?';
        nul |= ch == '%' && in_path && at[1] == '0' && at[2] == '0';
    }
    UNUSED(cls);
    http_library_at(c->fd);
    keep_tail(c, target);
    c->target_has_nul = nul;
    // The version follows one zero later, unless the target has zeros in it.
    c->target_is_bad = !good || strncmp(at + 1, "HTTP/", 5) != 0;
    return NULL; // the request's context: first_call makes it
}

enum MHD_Result http_on_request(void *cls, struct MHD_Connection *mhd, const char *url,
                                const char *method, const char *version, const char *upload,
                                size_t *upload_bytes, void **context) {
    struct request *r = *context;
    struct text authority;
    if (r == NULL) {
        return first_call(cls, mhd, url, method, version, context);
    }
    http_library_at(r->connection->fd);
    if (r->state.now == REQUEST_PARKED) {
        return MHD_YES; // the library will ask again
    }
    if (r->state.now == REQUEST_RETURNED) {
        r->on_loop(r);
        return MHD_YES;
    }
    if (*upload_bytes > 0) {
        take_body(r, upload, *upload_bytes);
        *upload_bytes = 0;
        return MHD_YES;
    }
    r->connection->whole = true;
    return last_call(r, http_target_path(url, &authority));
}

void http_on_completed(void *cls, struct MHD_Connection *mhd, void **context,
                       enum MHD_RequestTerminationCode code) {
    struct http_server *s = cls;
    struct request *r = *context;
    UNUSED(mhd);
    if (r == NULL) {
        return;
    }
    struct connection *c = r->connection;
    c->served = code == MHD_REQUEST_TERMINATED_COMPLETED_OK && c->goes_on && c->whole &&
                r->state.now == REQUEST_ANSWERED;
    http_library_at(c->fd);
    c->request = NULL;
    *context = NULL;
    s->n_events++;
    if (r->state.now == REQUEST_PARKED) { // the intake has it; it is freed when it comes back
        r->connection = NULL;
        r->mhd = NULL;
        http_request_move(r, REQUEST_ORPHANED);
    } else {
        request_free(r);
    }
    if (s->stopping) {
        shutdown(c->fd, SHUT_RDWR);
    } else {
        http_arm(c, DEADLINE_IDLE);
    }
}

void http_park(struct request *r) {
    if (r->server->n_parked < PARKED_MAX) {
        http_request_move(r, REQUEST_PARKED);
    } else {
        http_suspend(r);
    }
}

void http_returned(struct request *r) {
    r->server->n_events++;
    if (r->state.now == REQUEST_ORPHANED) {
        request_free(r);
    } else if (r->state.now == REQUEST_PARKED) {
        http_request_move(r, REQUEST_RETURNED);
    } else {
        r->on_loop(r);
    }
}

void http_suspend(struct request *r) {
    http_request_move(r, REQUEST_SUSPENDED);
    MHD_suspend_connection(r->mhd);
}
