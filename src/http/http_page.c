// SPDX-License-Identifier: MIT
// The dashboard's files, embedded as gzip, and /openapi.json. Each has its answers made once:
// packed, and "304 Not Modified"; the few clients without gzip get it unpacked on demand.
//
// The page may load nothing from elsewhere and run no inline script: whatever text an order
// carries, it cannot become code in the viewer's browser.
#include "http/http_internal.h"

#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "http/http_header.h"
#include "live/openapi.h"
#include "live/web_asset.h"
#include <stdio.h>
#include <stdlib.h>

enum { UNPACKED_MAX_BYTES = 64 * 1024 * 1024 };

// Charts set style attributes on their tool tips; style elements and scripts must be the page's
// own.
#define POLICY                                                                                     \
    "default-src 'none'; script-src 'self'; style-src 'self'; style-src-attr 'unsafe-inline'; "    \
    "img-src 'self' data:; font-src 'self'; connect-src 'self'; manifest-src 'self'; "             \
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

struct page {
    struct MHD_Response *packed, *not_modified;
};
struct pages {
    struct page *of_asset;
    struct MHD_Response *openapi, *openapi_not_modified;
    char openapi_etag[24];
};

static void add(struct MHD_Response *response, const char *name, const char *value) {
    if (MHD_add_response_header(response, name, value) != MHD_YES) {
        log_warn("dashboard", "out of memory: an answer goes without its %s header", name);
    }
}

static struct MHD_Response *make(size_t n, const void *at, const char *type, const char *etag) {
    struct MHD_Response *response =
        MHD_create_response_from_buffer(n, (void *)(uintptr_t)at, MHD_RESPMEM_PERSISTENT);
    if (response == NULL) {
        return NULL;
    }
    if (type != NULL) {
        add(response, "Content-Type", type);
    }
    add(response, "ETag", etag);
    add(response, "Cache-Control", "no-cache"); // ask each time; the answer is mostly 304
    add(response, "Vary", "Accept-Encoding");
    add(response, "X-Content-Type-Options", "nosniff");
    add(response, "Content-Security-Policy", POLICY);
    add(response, "Referrer-Policy", "no-referrer");
    add(response, "X-Frame-Options", "DENY");
    add(response, "Cross-Origin-Resource-Policy", "same-origin");
    add(response, "Cross-Origin-Opener-Policy", "same-origin");
    return response;
}

bool http_pages_new(struct http_server *s, struct error *err) {
    struct pages *p = mem_zalloc(1, sizeof *p);
    s->pages = p;
    p->of_asset = mem_zalloc(web_assets_count, sizeof *p->of_asset);
    bool ok = true;
    for (size_t i = 0; i < web_assets_count; i++) {
        const struct web_asset *a = &web_assets[i];
        p->of_asset[i].packed = make(a->gzip_len, a->gzip, a->content_type, a->etag);
        p->of_asset[i].not_modified = make(0, "", NULL, a->etag);
        ok = ok && p->of_asset[i].packed != NULL && p->of_asset[i].not_modified != NULL;
        if (ok) {
            add(p->of_asset[i].packed, "Content-Encoding", "gzip");
        }
    }
    snprintf(p->openapi_etag, sizeof p->openapi_etag, "\"%016llx\"",
             (unsigned long long)hash_bytes(openapi_json, openapi_json_len, 0));
    p->openapi = make(openapi_json_len, openapi_json, "application/json", p->openapi_etag);
    p->openapi_not_modified = make(0, "", NULL, p->openapi_etag);
    ok = ok && p->openapi != NULL && p->openapi_not_modified != NULL;
    return ok || error_set(err, ERROR_FATAL, "out of memory while starting");
}

void http_pages_free(struct http_server *s) {
    struct pages *p = s->pages;
    if (p == NULL) {
        return;
    }
    for (size_t i = 0; i < web_assets_count; i++) {
        MHD_destroy_response(p->of_asset[i].packed);
        MHD_destroy_response(p->of_asset[i].not_modified);
    }
    MHD_destroy_response(p->openapi);
    MHD_destroy_response(p->openapi_not_modified);
    free(p->of_asset);
    free(p);
}

static const struct web_asset *find_asset(const char *url) {
    for (size_t i = 0; i < web_assets_count; i++) {
        if (strcmp(web_assets[i].path, url) == 0) {
            return &web_assets[i];
        }
    }
    return NULL;
}

bool http_page_exists(const char *url) {
    return strcmp(url, "/openapi.json") == 0 || find_asset(url) != NULL;
}

// A reference of its own for each use: http_reply_response gives one back.
static void reply_shared(struct request *r, unsigned status, struct MHD_Response *response) {
    r->server->stats.answers[status]++;
    http_arm(r->connection, DEADLINE_SEND);
    if (MHD_queue_response(r->mhd, status, response) != MHD_YES) {
        log_debug("dashboard", "an answer could not be sent");
    }
}

static void reply_unpacked(struct request *r, const struct web_asset *a) {
    struct text packed = {(const char *)a->gzip, a->gzip_len};
    struct http_server *s = r->server;
    if (body_gunzip(packed, UNPACKED_MAX_BYTES, &s->budget, &r->unpacked) != BODY_OK) {
        http_reply_problem(r, PROBLEM_MEMORY_FULL, "no memory to unpack this file");
        return;
    }
    // The request, and with it the bytes, lives until the answer is sent.
    struct MHD_Response *response = make(r->unpacked.len, r->unpacked.at, a->content_type, a->etag);
    http_reply_response(r, 200, response);
}

void http_page(struct request *r, const char *url) {
    struct pages *p = r->server->pages;
    const char *known = MHD_lookup_connection_value(r->mhd, MHD_HEADER_KIND, "If-None-Match");
    const struct web_asset *a = find_asset(url);
    if (a == NULL) {
        bool same = header_etag_matches(text_of(known), p->openapi_etag);
        reply_shared(r, same ? 304 : 200, same ? p->openapi_not_modified : p->openapi);
        return;
    }
    const struct page *page = &p->of_asset[a - web_assets];
    if (header_etag_matches(text_of(known), a->etag)) {
        reply_shared(r, 304, page->not_modified);
    } else if (r->accepts_gzip) {
        reply_shared(r, 200, page->packed);
    } else {
        reply_unpacked(r, a);
    }
}
