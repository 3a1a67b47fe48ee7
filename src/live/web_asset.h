// SPDX-License-Identifier: MIT
// The page's files, embedded in the binary at build time (generated from web/dist).
#pragma once
#include <stddef.h>

struct web_asset {
    const char *path; // "/", "/favicon.svg"
    const char *content_type;
    const char *etag;          // quoted, from the content
    const unsigned char *gzip; // gzip-compressed content
    size_t gzip_len;
    const char *scripts, *styles; // what its policy allows: hashes, or 'none'
};
extern const struct web_asset web_assets[];
extern const size_t web_assets_count;
