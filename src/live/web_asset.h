// SPDX-License-Identifier: MIT
// The page's files, embedded in the binary at build time (generated from web/dist).
#pragma once
#include <stddef.h>

struct web_asset {
    const char *path; // "/", "/app.js", ...
    const char *content_type;
    const char *etag;          // quoted, from the content
    const unsigned char *gzip; // gzip-compressed content
    size_t gzip_len;
};
extern const struct web_asset web_assets[];
extern const size_t web_assets_count;
