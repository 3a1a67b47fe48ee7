// SPDX-License-Identifier: MIT
#include "live/page_files.h"

#include "base/hash.h"
#include "live/openapi.h"
#include "live/web_asset.h"
#include <stdio.h>

static size_t one_file(void) {
    return 1;
}

static struct http_file description(size_t i) {
    struct http_file f = {
        .path = "/openapi.json",
        .content_type = "application/json",
        .bytes = (const unsigned char *)openapi_json,
        .len = openapi_json_len,
    };
    UNUSED(i);
    snprintf(f.etag, sizeof f.etag, "\"%016llx\"",
             (unsigned long long)hash_bytes(openapi_json, openapi_json_len, 0));
    return f;
}

static size_t all_files(void) {
    return web_assets_count + 1;
}

static struct http_file page_file(size_t i) {
    if (i == web_assets_count) {
        return description(0);
    }
    const struct web_asset *a = &web_assets[i];
    struct http_file f = {
        .path = a->path,
        .content_type = a->content_type,
        .bytes = a->gzip,
        .len = a->gzip_len,
        .scripts = a->scripts,
        .styles = a->styles,
        .gzip = true,
        .is_page = true,
    };
    snprintf(f.etag, sizeof f.etag, "%s", a->etag);
    return f;
}

const struct http_files page_files = {all_files, page_file};
const struct http_files api_files = {one_file, description};
