// SPDX-License-Identifier: MIT
// Paths and methods.
#include "http/http_internal.h"

static enum http_route find_route(const char *url) {
    static const struct {
        const char *path;
        enum http_route route;
    } paths[] = {
        {"/v1/orders", ROUTE_ORDERS}, {"/v1/sales", ROUTE_SALES},  {"/v1/rejected", ROUTE_REJECTED},
        {"/v1/stream", ROUTE_STREAM}, {"/healthz", ROUTE_HEALTHZ}, {"/readyz", ROUTE_READYZ},
        {"/metrics", ROUTE_METRICS},
    };
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        if (strcmp(url, paths[i].path) == 0) {
            return paths[i].route;
        }
    }
    if (strncmp(url, "/v1/orders/", 11) == 0 && url[11] != '\0') {
        return ROUTE_ORDER;
    }
    return http_page_exists(url) ? ROUTE_PAGE : ROUTE_NONE;
}

// What needs a store, or somebody who takes orders, is not there without.
static bool is_there(const struct http_server *s, enum http_route route, const char *url) {
    switch (route) {
    case ROUTE_ORDERS:
        return s->options.intake.ops != NULL;
    case ROUTE_ORDER:
    case ROUTE_SALES:
    case ROUTE_REJECTED:
    case ROUTE_STREAM:
        return s->options.open_reader != NULL;
    case ROUTE_PAGE:
        return s->options.open_reader != NULL || strcmp(url, "/openapi.json") == 0;
    default:
        return true;
    }
}

enum http_route http_route(const struct http_server *s, const char *url, const char *method,
                           const char **allow) {
    enum http_route route = find_route(url);
    if (!is_there(s, route, url)) {
        route = ROUTE_NONE;
    }
    bool fits = route == ROUTE_ORDERS ? strcmp(method, "POST") == 0
                                      : strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
    *allow = fits || route == ROUTE_NONE ? NULL : route == ROUTE_ORDERS ? "POST" : "GET, HEAD";
    return route;
}

enum key_scope http_route_scope(enum http_route route) {
    return route == ROUTE_ORDERS ? KEY_INGEST : KEY_READ;
}
