// SPDX-License-Identifier: MIT
// Posts bodies of orders to a Salestide server, some at a time over kept connections, and tries
// again when the server cannot be reached or is busy (429, 503, honouring Retry-After). Trying
// again is safe: the server knows duplicates.
//
// One thread: calls and the `done` callbacks run on the caller's thread; every wait is bounded.
#pragma once
#include "base/buf.h"
#include "base/error.h"
#include <stdint.h>

struct http_client;

// How a request ended, after all tries.
struct http_reply {
    int64_t tag;         // the caller's
    struct text request; // the body that was sent
    long status;         // 0: no answer, see problem
    struct text body;    // of the answer
    const char *problem; // one line when status is not 2xx or 422; else NULL
};

struct http_client_options {
    const char *url;          // http://host:port; the path is added
    const char *path;         // NULL: /v1/orders
    const char *content_type; // NULL: NDJSON
    const char *key;          // API key, or NULL
    int max_in_flight;        // requests, each on a connection of its own
    int64_t attempt_timeout_ms;
    int64_t first_contact_ms; // as give_up_ms, as long as the server has never answered
    int64_t give_up_ms;       // after so long without success a request has failed
    void (*done)(void *user, const struct http_reply *reply); // borrows all of the reply
    void *user;
    // True when no more is to be sent: what fails then is not tried again. May be NULL.
    bool (*stopping)(void *user);
    // One line for people when it begins to try again, once until something has passed. May be
    // NULL.
    void (*trouble)(void *user, const char *text);
};

// Copies the texts of options.
MUST_CHECK bool http_client_new(const struct http_client_options *options, struct http_client **out,
                                struct error *err);
// Drops what is under way; NULL is fine.
void http_client_free(struct http_client *c);

// Sends one body of NDJSON. Takes its memory (*body is empty afterwards). Waits while max_in_flight
// requests are under way.
void http_client_post(struct http_client *c, struct buf *body, int64_t tag);
// As http_client_post, with header lines of this request alone (copied, each "Name: value").
enum { HTTP_CLIENT_LINES_MAX = 2 };
void http_client_post_with(struct http_client *c, struct buf *body, int64_t tag,
                           const char *const *lines, size_t n_lines);
// Moves requests along for up to timeout_ms, less when something has ended.
void http_client_drive(struct http_client *c, int timeout_ms);
// Until nothing is under way.
void http_client_finish(struct http_client *c);
