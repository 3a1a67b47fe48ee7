// SPDX-License-Identifier: MIT
// The addresses under which others reach this server (--public-url): at each stands a proxy that
// sends the requests on. A browser names them in Host, Origin and the path. Pure, any thread.
#pragma once
#include "base/error.h"
#include "base/must.h"
#include <stddef.h>

enum {
    PUBLIC_URLS_MAX = 16,
    PUBLIC_HOST_MAX_BYTES = 255, // DNS: RFC 1035, section 2.3.4
    PUBLIC_BASE_MAX_BYTES = 127,
};

// "https://sales.example.com:8443/sales"
struct public_url {
    char scheme[8];                       // "http", "https"
    char host[PUBLIC_HOST_MAX_BYTES + 1]; // as in a Host header: an IPv6 address in its brackets
    char port[6];                         // the scheme's when none was given
    char base[PUBLIC_BASE_MAX_BYTES + 1]; // "/sales", without a slash at its end; "" when none
};
struct public_urls {
    struct public_url at[PUBLIC_URLS_MAX];
    size_t n;
};

// Adds the address in `text`, or the several that are separated by commas. ERROR_USAGE says what is
// wrong and shows a right one.
MUST_CHECK bool public_urls_add(struct public_urls *urls, const char *text, struct error *err);

// What follows the base in a request's path, since a proxy may hand it on with the base or without:
// "/sales/v1/orders" -> "/v1/orders". "": the base itself, without a slash. A path that is below no
// base stays as it is. Points into `path`.
const char *public_urls_path(const struct public_urls *urls, const char *path);
