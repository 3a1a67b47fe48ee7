// SPDX-License-Identifier: MIT
// Sending answers. The commonest ones are made once and shared by all requests; others are rendered
// into a buffer whose memory goes to the library with the response.
//
// While a body comes in the library can send nothing. An answer that must go out then (408, 413 to
// somebody who goes on sending) is written to the socket directly, followed by the end of our
// direction; what the client still sends is thrown away for a while, so that it can read the
// answer.
#include "http/http_internal.h"

#include "base/log.h"
#include "base/mem.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#define JSON "application/json"
#define PROBLEM_JSON "application/problem+json"

static void add_header(struct MHD_Response *response, const char *name, const char *value) {
    if (MHD_add_response_header(response, name, value) != MHD_YES) {
        log_warn("http", "out of memory: an answer goes without its %s header", name);
    }
}

static struct MHD_Response *fixed_json(const char *body) {
    struct MHD_Response *response = MHD_create_response_from_buffer(
        strlen(body), (void *)(uintptr_t)body, MHD_RESPMEM_PERSISTENT);
    if (response == NULL) {
        log_error("http", "out of memory while starting");
        abort();
    }
    add_header(response, "Content-Type", JSON);
    return response;
}

void http_replies_new(struct http_server *s) {
    s->cached[ANSWER_ACCEPTED_ONE] =
        fixed_json("{\"accepted\":1,\"duplicate\":0,\"rejected\":0,\"errors\":[]}");
    s->cached[ANSWER_DUPLICATE_ONE] =
        fixed_json("{\"accepted\":0,\"duplicate\":1,\"rejected\":0,\"errors\":[]}");
    s->cached[ANSWER_HEALTHY] = fixed_json("{\"status\":\"ok\"}");
}

void http_replies_free(struct http_server *s) {
    for (int i = 0; i < ANSWERS_CACHED; i++) {
        if (s->cached[i] != NULL) {
            MHD_destroy_response(s->cached[i]);
        }
    }
}

void http_reply_shared(struct request *r, unsigned status, struct MHD_Response *response) {
    struct http_server *s = r->server;
    s->stats.answers[status < STATUS_MAX ? status : 0]++;
    http_arm(r->connection, DEADLINE_SEND);
    if (response == NULL || MHD_queue_response(r->mhd, status, response) != MHD_YES) {
        shutdown(r->connection->fd, SHUT_RDWR); // no memory for an answer: at least do not hang
    }
    bool suspended = r->state.now == REQUEST_SUSPENDED;
    http_request_move(r, REQUEST_ANSWERED);
    if (suspended) {
        MHD_resume_connection(r->mhd);
    }
}

void http_reply_cached(struct request *r, enum cached_answer which) {
    http_reply_shared(r, which == ANSWER_HEALTHY ? 200 : 202, r->server->cached[which]);
}

void http_reply_response(struct request *r, unsigned status, struct MHD_Response *response) {
    http_reply_shared(r, status, response);
    if (response != NULL) {
        MHD_destroy_response(response);
    }
}

static struct MHD_Response *response_of_buf(const char *content_type, struct buf *body) {
    if (body->failed) {
        buf_free(body);
        return NULL;
    }
    struct MHD_Response *response =
        MHD_create_response_from_buffer(body->len, body->at, MHD_RESPMEM_MUST_FREE);
    if (response == NULL) {
        buf_free(body);
        return NULL;
    }
    *body = (struct buf){0};
    add_header(response, "Content-Type", content_type);
    add_header(response, "Cache-Control", "no-store");
    add_header(response, "X-Content-Type-Options", "nosniff");
    return response;
}

void http_reply_buf(struct request *r, unsigned status, const char *content_type,
                    struct buf *body) {
    http_reply_response(r, status, response_of_buf(content_type, body));
}

void http_reply_answer(struct request *r, unsigned status, struct question_answer *answer) {
    const char *type = answer->content_type != NULL ? answer->content_type : JSON;
    if (status == 304) {
        buf_free(&answer->body); // empty
    }
    struct MHD_Response *response = response_of_buf(type, &answer->body);
    if (response != NULL && answer->etag[0] != '\0') {
        add_header(response, "ETag", answer->etag);
        add_header(response, "Vary", "Accept");
    }
    if (response != NULL && answer->disposition != NULL) {
        add_header(response, "Content-Disposition", answer->disposition);
    }
    http_reply_response(r, status, response);
}

// Headers that belong to a problem, one by one to `put`.
static void problem_headers(enum problem p, const char *allow,
                            void (*put)(void *to, const char *name, const char *value), void *to) {
    switch (problem_kind(p)->status) {
    case 401:
        // HTTP Basic is taken, too, but not asked for: browsers would ask instead of the page.
        put(to, "WWW-Authenticate", "Bearer realm=\"Salestide\"");
        break;
    case 405:
        put(to, "Allow", allow != NULL ? allow : "GET");
        break;
    case 415:
        put(to, "Accept-Encoding", "gzip");
        break;
    case 429:
        put(to, "Retry-After", "6"); // LOGIN_TRY_EVERY_MS
        break;
    case 503:
        put(to, "Retry-After", "1");
        break;
    default:
        break;
    }
}

static void put_response_header(void *to, const char *name, const char *value) {
    add_header(to, name, value);
}

// A 503 tells what a store or a system call said, but not where on this machine.
static void put_problem(struct http_server *s, struct buf *body, enum problem p,
                        const char *detail) {
    char told[DETAIL_BYTES];
    if (problem_kind(p)->status == 503 && detail != NULL) {
        snprintf(told, sizeof told, "%s", detail);
        problem_hide_paths(told, s->options.directory);
        detail = told;
    }
    problem_put(body, p, detail);
}

void http_reply_problem(struct request *r, enum problem p, const char *detail) {
    struct buf body = {0};
    put_problem(r->server, &body, p, detail);
    struct MHD_Response *response = response_of_buf(PROBLEM_JSON, &body);
    if (response != NULL) {
        problem_headers(p, r->allow, put_response_header, response);
    }
    http_reply_response(r, problem_kind(p)->status, response);
}

static void put_header_line(void *to, const char *name, const char *value) {
    buf_printf(to, "%s: %s\r\n", name, value);
}

void http_reply_to_connection(struct connection *c, enum problem p, const char *detail,
                              const char *allow) {
    const struct problem_kind *kind = problem_kind(p);
    struct buf body = {0}, out = {0};
    put_problem(c->server, &body, p, detail);
    buf_printf(&out,
               "HTTP/1.1 %u %s\r\nContent-Type: " PROBLEM_JSON "\r\nContent-Length: %zu\r\n"
               "Connection: close\r\n",
               kind->status, MHD_get_reason_phrase_for(kind->status), body.len);
    problem_headers(p, allow, put_header_line, &out);
    buf_put_str(&out, "\r\n");
    buf_put_text(&out, buf_text(&body));
    if (!out.failed && !body.failed) {
        // A few hundred bytes into an empty socket buffer; where that fails nobody is listening.
        ssize_t sent = send(c->fd, out.at, out.len, MSG_NOSIGNAL | MSG_DONTWAIT);
        UNUSED(sent);
    }
    shutdown(c->fd, SHUT_WR);
    buf_free(&body);
    buf_free(&out);
    c->server->stats.answers[kind->status]++;
}

void http_reply_raw(struct request *r, enum problem p, const char *detail) {
    http_reply_to_connection(r->connection, p, detail, r->allow);
    http_upload_end(r);
    body_clear(&r->body, &r->server->budget);
    http_request_move(r, REQUEST_DRAINING);
    http_arm(r->connection, DEADLINE_LINGER);
}
