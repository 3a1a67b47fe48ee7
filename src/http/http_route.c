// SPDX-License-Identifier: MIT
// Paths and methods.
#include "http/http_internal.h"

// The question that `url` asks; NULL: none.
static const struct question_kind *find_question(const struct http_server *s, const char *url) {
    const struct http_questions *questions = s->options.questions;
    for (size_t i = 0; questions != NULL && i < questions->n; i++) {
        const char *path = questions->kinds[i].path;
        size_t len = strlen(path);
        bool has_segment = path[len - 1] == '/';
        if (has_segment ? strncmp(url, path, len) == 0 && url[len] != '\0'
                        : strcmp(url, path) == 0) {
            return &questions->kinds[i];
        }
    }
    return NULL;
}

// What needs a store, or somebody who takes orders, is not there without.
static enum http_route find_route(const struct http_server *s, const char *url,
                                  const struct question_kind **kind) {
    static const struct {
        const char *path;
        enum http_route route;
    } paths[] = {
        {"/v1/stream", ROUTE_STREAM},
        {"/healthz", ROUTE_HEALTHZ},
        {"/readyz", ROUTE_READYZ},
        {"/metrics", ROUTE_METRICS},
    };
    *kind = NULL;
    if (strcmp(url, "/v1/orders") == 0) {
        return s->options.intake.ops != NULL ? ROUTE_ORDERS : ROUTE_NONE;
    }
    *kind = find_question(s, url);
    if (*kind != NULL) {
        return ROUTE_QUESTION;
    }
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        if (strcmp(url, paths[i].path) == 0) {
            bool is_there = paths[i].route != ROUTE_STREAM || s->options.open_reader != NULL;
            return is_there ? paths[i].route : ROUTE_NONE;
        }
    }
    return http_file_exists(s, url) ? ROUTE_FILE : ROUTE_NONE;
}

enum http_route http_route(const struct http_server *s, const char *url, const char *method,
                           const struct question_kind **kind, const char **allow) {
    enum http_route route = find_route(s, url, kind);
    bool fits = route == ROUTE_ORDERS ? strcmp(method, "POST") == 0
                                      : strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
    *allow = fits || route == ROUTE_NONE ? NULL : route == ROUTE_ORDERS ? "POST" : "GET, HEAD";
    return route;
}

enum key_scope http_route_scope(enum http_route route) {
    return route == ROUTE_ORDERS ? KEY_INGEST : KEY_READ;
}
