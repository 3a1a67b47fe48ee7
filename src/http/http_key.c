// SPDX-License-Identifier: MIT
// Keys of requests, or the sessions that browsers have of them, and those of streams while they are
// open: a stream outlives the check of its request, so it keeps its key's id, and ends when that is
// revoked.
#include "http/http_internal.h"

#include "base/log.h"
#include "http/http_header.h"
#include "http/session.h"
#include <stdio.h>

static void look_at_keys(struct http_server *s) {
    struct error err = {0};
    if (s->now_ms - s->keys_looked_ms < KEYS_LOOK_EVERY_MS) {
        return;
    }
    s->keys_looked_ms = s->now_ms;
    if (!keys_refresh(s->keys, &err)) {
        log_error("http", "%s; all keys are refused until it can be read", err.text);
    }
}

const struct api_key *http_keys_find(struct http_server *s, struct text key, enum key_scope scope) {
    look_at_keys(s);
    return keys_find(s->keys, key, scope);
}

static void keep_ids(struct request *r, const char *key_id, const char *session) {
    snprintf(r->key_id, sizeof r->key_id, "%s", key_id);
    snprintf(r->session, sizeof r->session, "%s", session);
}

static void check_key(struct request *r, struct text key) {
    struct http_server *s = r->server;
    enum key_scope scope = http_route_scope(r->route);
    switch (keys_check(s->keys, key, scope)) {
    case KEY_OK:
        if (r->route == ROUTE_STREAM) {
            keep_ids(r, keys_find(s->keys, key, scope)->id, "");
        }
        break;
    case KEY_UNKNOWN:
        http_refuse(r, PROBLEM_KEY_NEEDED, "this key is not known here");
        break;
    case KEY_WRONG_SCOPE:
        http_refuse(r, PROBLEM_KEY_SCOPE,
                    r->route == ROUTE_RULES_PUT ? "changing alerts needs a key of scope ingest"
                    : scope == KEY_INGEST       ? "sending orders needs a key of scope ingest"
                                                : "reading needs a key of scope read");
        break;
    }
}

// A cookie is for reading alone: true when it lets this request in, or says why not.
static bool check_session(struct request *r, struct text cookies) {
    struct http_server *s = r->server;
    struct session session;
    bool sent;
    if (http_route_scope(r->route) != KEY_READ) {
        return false;
    }
    if (session_read(s->keys, cookies, clock_now_ms(s->options.clock), &session, &sent)) {
        keep_ids(r, session.key_id, session.nonce);
    } else if (sent) {
        http_refuse(r, PROBLEM_KEY_NEEDED, "the session is over: sign in again, on the page");
    }
    return sent;
}

void http_key_check(struct request *r, struct text authorization, struct text cookies) {
    struct http_server *s = r->server;
    if (!s->keys_needed || http_route_is_open(r->route)) {
        return;
    }
    look_at_keys(s);
    if (keys_problem(s->keys) != NULL) {
        http_refuse(r, r->route == ROUTE_READYZ ? PROBLEM_NOT_READY : PROBLEM_KEY_NEEDED,
                    "keys: the file of API keys cannot be read, so all keys are refused; the "
                    "server's log says why");
        return;
    }
    char bytes[256];
    struct text key = {bytes, 0};
    if (header_api_key(authorization, bytes, sizeof bytes, &key.len)) {
        check_key(r, key);
    } else if (authorization.at == NULL && check_session(r, cookies)) {
        return;
    } else if (authorization.at == NULL && r->route == ROUTE_READYZ) {
        r->reason_hidden = true; // load balancers and health checks of containers have no key
    } else {
        http_refuse(
            r, PROBLEM_KEY_NEEDED,
            "send the key as \"Authorization: Bearer KEY\", or as the password of HTTP Basic; "
            "people sign in on the page");
    }
}

void http_keys_watch(struct http_server *s) {
    if (!s->keys_needed || http_viewers_count(s) == 0) {
        return;
    }
    look_at_keys(s);
    if (s->keys_seen != keys_version(s->keys)) {
        s->keys_seen = keys_version(s->keys);
        http_viewers_check_keys(s);
    }
}
