// SPDX-License-Identifier: MIT
// Files of the page and the API's description. Each has its answers made once: as it is (mostly
// packed), and "304 Not Modified"; the few clients without gzip get it unpacked on demand.
//
// The page may load nothing from elsewhere and run no script and use no style but those that its
// policy names by their hash: whatever text an order carries, it cannot become code, or a look of
// its own, in the viewer's browser.
#include "http/http_internal.h"

#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "http/http_header.h"
#include <stdio.h>
#include <stdlib.h>

enum { UNPACKED_MAX_BYTES = 64 * 1024 * 1024 };

// The page's scripts set single properties (element.style), which no policy forbids; there are no
// style attributes.
#define POLICY                                                                                     \
    "default-src 'none'; script-src %s; style-src %s; "                                            \
    "img-src 'self' data:; connect-src 'self'; manifest-src 'self'; base-uri 'none'; "             \
    "form-action 'none'; frame-ancestors 'none'"
enum { POLICY_BYTES = 1024 };

struct served_file {
    struct http_file file;
    struct MHD_Response *plain, *not_modified; // plain: as it is, packed or not
};
struct files {
    size_t n;
    struct served_file at[];
};

static void add(struct MHD_Response *response, const char *name, const char *value) {
    if (MHD_add_response_header(response, name, value) != MHD_YES) {
        log_warn("http", "out of memory: an answer goes without its %s header", name);
    }
}

static void add_policy(struct MHD_Response *response, const struct http_file *file) {
    char policy[POLICY_BYTES];
    snprintf(policy, sizeof policy, POLICY, file->scripts != NULL ? file->scripts : "'none'",
             file->styles != NULL ? file->styles : "'none'");
    add(response, "Content-Security-Policy", policy);
}

static struct MHD_Response *make(size_t n, const void *at, const char *type,
                                 const struct http_file *file) {
    struct MHD_Response *response =
        MHD_create_response_from_buffer(n, (void *)(uintptr_t)at, MHD_RESPMEM_PERSISTENT);
    if (response == NULL) {
        return NULL;
    }
    if (type != NULL) {
        add(response, "Content-Type", type);
    }
    add(response, "ETag", file->etag);
    add(response, "Cache-Control", "no-cache"); // ask each time; the answer is mostly 304
    add(response, "Vary", "Accept-Encoding");
    add(response, "X-Content-Type-Options", "nosniff");
    add_policy(response, file);
    add(response, "Referrer-Policy", "no-referrer");
    add(response, "X-Frame-Options", "DENY");
    add(response, "Cross-Origin-Resource-Policy", "same-origin");
    add(response, "Cross-Origin-Opener-Policy", "same-origin");
    return response;
}

bool http_files_new(struct http_server *s, struct error *err) {
    const struct http_files *all = s->options.files;
    size_t n = all != NULL ? all->count() : 0;
    struct files *files = mem_zalloc(1, sizeof *files + n * sizeof files->at[0]);
    s->files = files;
    for (size_t i = 0; i < n; i++) {
        struct served_file *f = &files->at[files->n++];
        f->file = all->at(i);
        f->plain = make(f->file.len, f->file.bytes, f->file.content_type, &f->file);
        f->not_modified = make(0, "", NULL, &f->file);
        if (f->plain == NULL || f->not_modified == NULL) {
            return error_set(err, ERROR_FATAL, "out of memory while starting");
        }
        if (f->file.gzip) {
            add(f->plain, "Content-Encoding", "gzip");
        }
    }
    return true;
}

void http_files_free(struct http_server *s) {
    for (size_t i = 0; s->files != NULL && i < s->files->n; i++) {
        struct served_file *f = &s->files->at[i];
        if (f->plain != NULL) {
            MHD_destroy_response(f->plain);
        }
        if (f->not_modified != NULL) {
            MHD_destroy_response(f->not_modified);
        }
    }
    free(s->files);
    s->files = NULL;
}

static struct served_file *find_file(const struct http_server *s, const char *url) {
    for (size_t i = 0; i < s->files->n; i++) {
        if (strcmp(s->files->at[i].file.path, url) == 0) {
            return &s->files->at[i];
        }
    }
    return NULL;
}

const struct http_file *http_file_find(const struct http_server *s, const char *url) {
    const struct served_file *f = find_file(s, url);
    return f != NULL ? &f->file : NULL;
}

static void reply_unpacked(struct request *r, const struct http_file *file) {
    struct text packed = {(const char *)file->bytes, file->len};
    struct http_server *s = r->server;
    if (body_gunzip(packed, UNPACKED_MAX_BYTES, &s->budget, &r->unpacked) != BODY_OK) {
        http_reply_problem(r, PROBLEM_MEMORY_FULL, "no memory to unpack this file");
        return;
    }
    // The request, and with it the bytes, lives until the answer is sent.
    http_reply_response(r, 200, make(r->unpacked.len, r->unpacked.at, file->content_type, file));
}

void http_file(struct request *r, const char *url) {
    const char *known = MHD_lookup_connection_value(r->mhd, MHD_HEADER_KIND, "If-None-Match");
    const struct served_file *f = find_file(r->server, url);
    if (header_etag_matches(text_of(known), f->file.etag)) {
        http_reply_shared(r, 304, f->not_modified);
    } else if (r->accepts_gzip || !f->file.gzip) {
        http_reply_shared(r, 200, f->plain);
    } else {
        reply_unpacked(r, &f->file);
    }
}

// The page's own links begin where it is, so it has to be found with the slash.
void http_file_base(struct request *r, const char *base) {
    char location[PUBLIC_BASE_MAX_BYTES + 2];
    struct MHD_Response *response =
        MHD_create_response_from_buffer(0, (void *)(uintptr_t) "", MHD_RESPMEM_PERSISTENT);
    if (response != NULL) {
        snprintf(location, sizeof location, "%s/", base);
        add(response, "Location", location);
        add(response, "Cache-Control", "no-store");
    }
    http_reply_response(r, 307, response);
}
