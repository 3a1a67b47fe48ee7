// SPDX-License-Identifier: MIT
// Problems of the HTTP API (RFC 9457): every answer that is not a success is one of these. Pure
// functions, any thread.
#pragma once
#include "base/buf.h"

enum problem {
    PROBLEM_NONE = 0,
    PROBLEM_BAD_REQUEST,      // 400: framing or headers that cannot be
    PROBLEM_BODY_UNREADABLE,  // 400: the body as a whole is not what its type says
    PROBLEM_BAD_PARAMETER,    // 400: a query parameter; detail names it and what it takes
    PROBLEM_TOO_MANY_ROWS,    // 400: the answer would be too long; narrow the question
    PROBLEM_KEY_NEEDED,       // 401
    PROBLEM_WRONG_SIGNATURE,  // 401: of a webhook
    PROBLEM_KEY_SCOPE,        // 403: a known key of the other scope
    PROBLEM_FOREIGN_PAGE,     // 403: Host, Origin or Sec-Fetch-Site of another site
    PROBLEM_NO_SUCH_PATH,     // 404
    PROBLEM_NO_SUCH_ORDER,    // 404
    PROBLEM_NO_SUCH_EVENT,    // 404: a rejected event
    PROBLEM_METHOD,           // 405
    PROBLEM_BODY_TIMEOUT,     // 408
    PROBLEM_RETRY_UNDER_WAY,  // 409: somebody else is sending it again
    PROBLEM_RULES_CHANGED,    // 412: not the rules of alerts that were known
    PROBLEM_BODY_TOO_LARGE,   // 413
    PROBLEM_TOO_MANY_EVENTS,  // 413
    PROBLEM_TARGET_TOO_LONG,  // 414
    PROBLEM_TOO_MANY_TRIES,   // 429: to sign in
    PROBLEM_CONTENT_TYPE,     // 415
    PROBLEM_CONTENT_ENCODING, // 415
    PROBLEM_NOTHING_ACCEPTED, // 422: every event was rejected
    PROBLEM_RULES_WRONG,      // 422: a rule of alerts
    PROBLEM_HEAD_TOO_LARGE,   // 431
    PROBLEM_INTERNAL,         // 500
    PROBLEM_HTTP_VERSION,     // 505
    PROBLEM_QUEUE_FULL,       // 503, as all below
    PROBLEM_MEMORY_FULL,
    PROBLEM_STORE_UNAVAILABLE,
    PROBLEM_STOPPING,
    PROBLEM_TOO_MANY_VIEWERS,
    PROBLEM_QUERY_FAILED,
    PROBLEM_NOT_READY,
    PROBLEM_RULES_UNAVAILABLE, // the file of rules of alerts
    PROBLEM_COUNT,
};

struct problem_kind {
    const char *type; // stable relative URI: "/problems/body-too-large"
    const char *title;
    unsigned status;
};
const struct problem_kind *problem_kind(enum problem p); // static lifetime

// Takes what paths of this machine tell out of a text for clients, in place: of each only its last
// part stays ("/var/lib/shop/sales.db" -> "sales.db"). `directory`: the data directory as it was
// given, which may have spaces in it. Addresses (mysql://host/db) stay.
void problem_hide_paths(char *detail, const char *directory);

// {"type":...,"title":...,"status":...,"detail":... without the closing brace, so that the caller
// can add members. `detail` may be NULL.
void problem_open(struct buf *out, enum problem p, const char *detail);
// The whole object.
void problem_put(struct buf *out, enum problem p, const char *detail);
