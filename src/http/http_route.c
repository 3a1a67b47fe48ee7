// SPDX-License-Identifier: MIT
// Paths and methods.
#include "http/http_internal.h"

static bool asks_with_segment(const struct question_kind *kind, const char *url, const char *tail) {
    size_t path = strlen(kind->path), end = kind->tail != NULL ? strlen(kind->tail) : 0;
    size_t len = strlen(url);
    // A slash that the segment has in it was sent as %2F: then it is not where the tail begins.
    bool has_tail = kind->tail == NULL || strcmp(kind->tail, tail) == 0;
    return has_tail && strncmp(url, kind->path, path) == 0 && len > path + end;
}

// The question that `url` asks, of whose path this was sent as the last part; NULL: none.
static const struct question_kind *find_question(const struct http_server *s, const char *url,
                                                 const char *tail) {
    const struct http_questions *questions = s->options.questions;
    for (size_t i = 0; questions != NULL && i < questions->n; i++) {
        const struct question_kind *kind = &questions->kinds[i];
        bool has_segment = kind->path[strlen(kind->path) - 1] == '/';
        if (has_segment ? asks_with_segment(kind, url, tail) : strcmp(url, kind->path) == 0) {
            return kind;
        }
    }
    return NULL;
}

static bool is_there(const struct http_server *s, enum http_route route) {
    switch (route) {
    case ROUTE_STREAM:
    case ROUTE_LOGIN:
    case ROUTE_LOGOUT:
        return s->options.open_reader != NULL;
    case ROUTE_ALERTS:
        return s->options.alerts != NULL;
    case ROUTE_RULES:
        return s->options.rules_of_alerts.get != NULL;
    default:
        return true;
    }
}

// What needs a store, or somebody who takes orders, is not there without.
static enum http_route find_route(const struct http_server *s, const char *url, const char *tail,
                                  const struct question_kind **kind) {
    static const struct {
        const char *path;
        enum http_route route;
    } paths[] = {
        {"/v1/stream", ROUTE_STREAM},      {"/v1/alerts", ROUTE_ALERTS},
        {"/v1/alerts/rules", ROUTE_RULES}, {"/healthz", ROUTE_HEALTHZ},
        {"/readyz", ROUTE_READYZ},         {"/metrics", ROUTE_METRICS},
        {"/login", ROUTE_LOGIN},           {"/logout", ROUTE_LOGOUT},
    };
    *kind = NULL;
    if (strcmp(url, "/v1/orders") == 0) {
        return s->options.intake.ops != NULL ? ROUTE_ORDERS : ROUTE_NONE;
    }
    int64_t id;
    if (s->options.open_retries != NULL && http_retry_path(url, &id)) {
        return ROUTE_RETRY;
    }
    enum webhook_system system;
    if (s->options.intake.ops != NULL && http_webhook_path(url, &system)) {
        return ROUTE_WEBHOOK;
    }
    *kind = find_question(s, url, tail);
    if (*kind != NULL) {
        return ROUTE_QUESTION;
    }
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        if (strcmp(url, paths[i].path) == 0) {
            return is_there(s, paths[i].route) ? paths[i].route : ROUTE_NONE;
        }
    }
    const struct http_file *file = http_file_find(s, *url == '\0' ? "/" : url);
    if (file == NULL) {
        return ROUTE_NONE;
    }
    return *url == '\0' ? ROUTE_BASE : file->is_page ? ROUTE_PAGE : ROUTE_FILE;
}

bool http_route_takes_events(enum http_route route) {
    return route == ROUTE_ORDERS || route == ROUTE_RETRY;
}

bool http_route_takes_body(enum http_route route) {
    return http_route_takes_events(route) || route == ROUTE_WEBHOOK || route == ROUTE_LOGIN ||
           route == ROUTE_RULES_PUT;
}

bool http_route_posts(enum http_route route) {
    return http_route_takes_events(route) || route == ROUTE_WEBHOOK || route == ROUTE_LOGIN ||
           route == ROUTE_LOGOUT;
}

bool http_route_is_open(enum http_route route) {
    switch (route) {
    case ROUTE_WEBHOOK: // its signature is looked at once its body is there
    case ROUTE_LOGIN:
    case ROUTE_LOGOUT:
    case ROUTE_PAGE:
    case ROUTE_BASE:
    case ROUTE_HEALTHZ:
        return true;
    default:
        return false;
    }
}

enum http_route http_route(const struct http_server *s, const char *url, const char *method,
                           const char *tail, const struct question_kind **kind,
                           const char **allow) {
    enum http_route route =
        find_route(s, public_urls_path(&s->options.public_urls, url), tail, kind);
    if (route == ROUTE_RULES && strcmp(method, "PUT") == 0) {
        *allow = NULL;
        return ROUTE_RULES_PUT;
    }
    bool posts = http_route_posts(route);
    bool fits = posts ? strcmp(method, "POST") == 0
                      : strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
    *allow = fits || route == ROUTE_NONE ? NULL
             : posts                     ? "POST"
             : route == ROUTE_RULES      ? "GET, HEAD, PUT"
                                         : "GET, HEAD";
    return route;
}

enum key_scope http_route_scope(enum http_route route) {
    return http_route_takes_events(route) || route == ROUTE_RULES_PUT ? KEY_INGEST : KEY_READ;
}
