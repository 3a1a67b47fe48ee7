// SPDX-License-Identifier: MIT
// Keys of requests, and of streams while they are open: a stream outlives the check of its request,
// so it keeps its key's id, and ends when that is revoked.
#include "http/http_internal.h"

#include "base/log.h"
#include "http/http_header.h"

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

void http_key_check(struct request *r, struct text authorization) {
    struct http_server *s = r->server;
    if (!s->keys_needed || r->route == ROUTE_HEALTHZ) {
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
    if (!header_api_key(authorization, bytes, sizeof bytes, &key.len)) {
        http_refuse(
            r, PROBLEM_KEY_NEEDED,
            "send the key as \"Authorization: Bearer KEY\", or as the password of HTTP Basic");
        return;
    }
    enum key_scope scope = http_route_scope(r->route);
    switch (keys_check(s->keys, key, scope)) {
    case KEY_OK:
        if (r->route == ROUTE_STREAM) {
            keys_id_of(s->keys, key, r->key_id);
        }
        break;
    case KEY_UNKNOWN:
        http_refuse(r, PROBLEM_KEY_NEEDED, "this key is not known here");
        break;
    case KEY_WRONG_SCOPE:
        http_refuse(r, PROBLEM_KEY_SCOPE,
                    scope == KEY_INGEST ? "sending orders needs a key of scope ingest"
                                        : "reading needs a key of scope read");
        break;
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
