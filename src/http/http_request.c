// SPDX-License-Identifier: MIT
// A request from its head to the end of its body.
//
// 1. First call of the library: the head is complete. It is read once, and whether the request will
// be
//    served is decided now: path, method, other sites' pages, key, type and length of the body.
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
#include <stdio.h>
#include <stdlib.h>

enum {
    DISCARD_MAX_BYTES = 1024 * 1024,
    FREE_REQUESTS_MAX = 1024,
    KEYS_LOOK_EVERY_MS = 1000,
    PARKED_MAX = 1024,
};

static void refuse(struct request *r, enum problem p, const char *detail) {
    if (r->refusal == PROBLEM_NONE) {
        r->refusal = p;
        snprintf(r->detail, sizeof r->detail, "%s", detail);
    }
}

// False: no key can be checked, and the request is refused for it.
static bool look_at_keys(struct request *r) {
    struct http_server *s = r->server;
    if (s->now_ms - s->keys_looked_ms >= KEYS_LOOK_EVERY_MS) {
        struct error err = {0};
        s->keys_looked_ms = s->now_ms;
        if (!keys_refresh(s->keys, &err)) {
            log_error("ingest", "%s; all keys are refused until it can be read", err.text);
        }
    }
    if (keys_problem(s->keys) == NULL) {
        return true;
    }
    refuse(r, r->route == ROUTE_READYZ ? PROBLEM_NOT_READY : PROBLEM_KEY_NEEDED,
           "keys: the file of API keys cannot be read, so all keys are refused; the server's log "
           "says why");
    return false;
}

static void check_key(struct request *r, const struct http_head *h) {
    struct http_server *s = r->server;
    if (!s->keys_needed || r->route == ROUTE_HEALTHZ || !look_at_keys(r)) {
        return;
    }
    char key[256];
    size_t len = 0;
    if (!header_api_key(h->authorization, key, sizeof key, &len)) {
        refuse(r, PROBLEM_KEY_NEEDED,
               "send the key as \"Authorization: Bearer KEY\", or as the password of HTTP Basic");
        return;
    }
    enum key_scope scope = http_route_scope(r->route);
    switch (keys_check(s->keys, (struct text){key, len}, scope)) {
    case KEY_OK:
        break;
    case KEY_UNKNOWN:
        refuse(r, PROBLEM_KEY_NEEDED, "this key is not known here");
        break;
    case KEY_WRONG_SCOPE:
        refuse(r, PROBLEM_KEY_SCOPE,
               scope == KEY_INGEST ? "sending orders needs a key of scope ingest"
                                   : "reading needs a key of scope read");
        break;
    }
}

static void check_body_headers(struct request *r, const struct http_head *h) {
    const struct http_limits *limits = &r->server->options.limits;
    if (!header_body_form(h->content_type, &r->form)) {
        refuse(r, PROBLEM_CONTENT_TYPE,
               "send application/json (one order, an array) or application/x-ndjson, in UTF-8");
    }
    enum header_coding coding = header_content_coding(h->content_encoding);
    r->gzipped = coding == CODING_GZIP;
    if (coding == CODING_OTHER) {
        refuse(r, PROBLEM_CONTENT_ENCODING, "only gzip is understood");
    }
    if (r->declared_bytes > limits->body_bytes) {
        char detail[160];
        snprintf(detail, sizeof detail,
                 "the body has %llu bytes, at most %zu are taken: send several requests",
                 (unsigned long long)r->declared_bytes, limits->body_bytes);
        refuse(r, PROBLEM_BODY_TOO_LARGE, detail);
    }
}

// Everything that can be said from the head alone.
static void decide(struct request *r, const struct http_head *h, const char *url,
                   const char *method) {
    struct http_server *s = r->server;
    r->route = http_route(s, url, method, &r->allow);
    if (h->guard.host.at == NULL && h->guard.origin.at != NULL) {
        refuse(r, PROBLEM_BAD_REQUEST, "the Host header is missing");
    }
    r->head = strcmp(method, "HEAD") == 0;
    bool safe = r->head || strcmp(method, "GET") == 0;
    const char *foreign = guard_check(&h->guard, s->loopback, text_of(s->listen_host), safe);
    if (foreign != NULL) {
        refuse(r, PROBLEM_FOREIGN_PAGE, foreign);
    }
    if (r->route == ROUTE_NONE) {
        refuse(r, PROBLEM_NO_SUCH_PATH,
               s->options.open_reader == NULL
                   ? "this server only takes orders (POST /v1/orders): ask the one that has the "
                     "store"
               : s->options.intake.ops == NULL
                   ? "see /openapi.json for the calls there are; this server shows sales and takes "
                     "no orders: send them to the one that does (serve, ingest)"
                   : "see /openapi.json for the calls there are");
    }
    if (r->allow != NULL) {
        refuse(r, PROBLEM_METHOD, r->route == ROUTE_ORDERS ? "use POST" : "use GET");
    }
    check_key(r, h);
    if (s->stopping) {
        refuse(r, PROBLEM_STOPPING, "try again in a moment");
    }
    if (r->route == ROUTE_ORDERS) {
        check_body_headers(r, h);
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
    return r;
}

static void request_free(struct request *r) {
    struct http_server *s = r->server;
    body_clear(&r->body, &s->budget);
    body_clear(&r->unpacked, &s->budget);
    http_submission_recycle(s, r->submission);
    buf_free(&r->answer);
    http_question_free(r->question);
    budget_give(&s->budget, r->charged_bytes);
    s->n_requests--;
    if (s->n_free_requests >= FREE_REQUESTS_MAX) {
        free(r);
        return;
    }
    // Everything but the two bodies, which are empty now and hold 2 KiB each of what need not be
    // cleared.
    r->connection = NULL;
    r->mhd = NULL;
    r->on_loop = NULL;
    r->route = ROUTE_NONE;
    r->suspended = r->parked = r->returned = r->orphaned = r->head = r->answered_raw = r->has_body =
        r->gzipped = r->accepts_gzip = false;
    r->declared_bytes = r->discarded_bytes = 0;
    r->refusal = r->problem = PROBLEM_NONE;
    r->allow = NULL;
    r->detail[0] = '\0';
    r->submission = NULL;
    r->charged_bytes = 0;
    r->status = 0;
    r->question = NULL;
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
                                  const char *url, const char *method, void **context) {
    struct request *r = request_new(s);
    s->n_events++;
    if (r == NULL) {
        return MHD_NO; // no memory even for this: the connection closes
    }
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    r->connection = info->socket_context;
    r->connection->request = r;
    r->mhd = mhd;
    *context = r;
    struct http_head h;
    if (!http_head_read(mhd, &h)) {
        http_arm(r->connection, DEADLINE_SEND);
        http_reply_problem(r, PROBLEM_BAD_REQUEST,
                           "the body's length is ambiguous: send either Content-Length or "
                           "Transfer-Encoding: chunked");
        return MHD_YES; // a reply before the body closes the connection
    }
    r->has_body = h.has_body;
    r->declared_bytes = h.content_bytes;
    decide(r, &h, url, method);
    if (!r->has_body) {
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
    if (!r->answered_raw && r->discarded_bytes > DISCARD_MAX_BYTES) {
        http_reply_raw(r, r->refusal, r->detail);
    }
}

static void take_body(struct request *r, const char *at, size_t n_bytes) {
    struct http_server *s = r->server;
    s->n_events++;
    if (r->refusal == PROBLEM_NONE && r->route != ROUTE_ORDERS) {
        refuse(r, PROBLEM_BAD_REQUEST, "this call takes no body");
    }
    if (r->refusal == PROBLEM_NONE &&
        n_bytes > s->options.limits.body_bytes - r->body.len) { // chunked: length unknown before
        char detail[160];
        snprintf(detail, sizeof detail, "the body has more than %zu bytes: send several requests",
                 s->options.limits.body_bytes);
        refuse(r, PROBLEM_BODY_TOO_LARGE, detail);
    }
    if (r->refusal == PROBLEM_NONE &&
        body_append(&r->body, &s->budget, at, n_bytes, (size_t)r->declared_bytes) != BODY_OK) {
        refuse(r, PROBLEM_MEMORY_FULL, "memory for requests in flight (--max-inflight) is used up");
    }
    if (r->refusal != PROBLEM_NONE) {
        body_clear(&r->body, &s->budget);
        discard(r, n_bytes);
    }
}

static enum MHD_Result last_call(struct request *r, const char *url) {
    r->server->n_events++;
    if (r->answered_raw) {
        return MHD_NO; // the answer is out; close
    }
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
    case ROUTE_ORDER:
    case ROUTE_SALES:
    case ROUTE_REJECTED:
        http_question(r, url);
        break;
    case ROUTE_STREAM:
        return http_stream(r) ? MHD_YES : MHD_NO;
    case ROUTE_HEALTHZ:
        http_healthz(r);
        break;
    case ROUTE_READYZ:
        http_readyz(r);
        break;
    case ROUTE_METRICS:
        http_metrics(r);
        break;
    case ROUTE_PAGE:
    case ROUTE_NONE:
        http_page(r, url);
        break;
    }
    return MHD_YES;
}

// The library asks again.
static void still_parked(struct request *r) {
    if (r->returned) {
        r->parked = r->returned = false;
        r->server->n_parked--;
        r->on_loop(r);
    }
}

enum MHD_Result http_on_request(void *cls, struct MHD_Connection *mhd, const char *url,
                                const char *method, const char *version, const char *upload,
                                size_t *upload_bytes, void **context) {
    UNUSED(version);
    struct request *r = *context;
    if (r == NULL) {
        return first_call(cls, mhd, url, method, context);
    }
    if (r->parked) {
        still_parked(r);
        return MHD_YES;
    }
    if (*upload_bytes > 0) {
        take_body(r, upload, *upload_bytes);
        *upload_bytes = 0;
        return MHD_YES;
    }
    return last_call(r, url);
}

void http_on_completed(void *cls, struct MHD_Connection *mhd, void **context,
                       enum MHD_RequestTerminationCode code) {
    struct http_server *s = cls;
    struct request *r = *context;
    UNUSED(mhd);
    UNUSED(code);
    if (r == NULL) {
        return;
    }
    struct connection *c = r->connection;
    c->request = NULL;
    *context = NULL;
    s->n_events++;
    if (r->parked && !r->returned) {
        r->orphaned = true; // the engine has it; it is freed when it comes back
    } else {
        s->n_parked -= r->parked;
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
        r->parked = true;
        r->server->n_parked++;
    } else {
        http_suspend(r);
    }
}

void http_returned(struct request *r) {
    r->server->n_events++;
    if (r->orphaned) {
        r->server->n_parked--;
        request_free(r);
    } else if (r->parked) {
        r->returned = true;
    } else {
        r->on_loop(r);
    }
}

void http_suspend(struct request *r) {
    r->suspended = true;
    MHD_suspend_connection(r->mhd);
}
