// SPDX-License-Identifier: MIT
// Public addresses, read from left to right: scheme, host, port, base. Whatever a browser would
// spell otherwise is refused (user names, letters beyond ASCII, escapes, dots as segments), so that
// what comes in can be compared as it stands.
#include "http/public_urls.h"

#include "http/http_guard.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

static bool has_scheme(struct text t, const char *scheme) {
    size_t n = strlen(scheme);
    return t.len > n && strncasecmp(t.at, scheme, n) == 0;
}

static bool is_public_host(struct text host) {
    bool bracketed = host.at[0] == '[' && host.at[host.len - 1] == ']';
    for (size_t i = 0; i < host.len; i++) {
        unsigned char c = (unsigned char)host.at[i];
        bool good = isalnum(c) || c == '.' || c == '-' || c == '_';
        if (!good && !(bracketed && strchr("[]:", c) != NULL)) {
            return false;
        }
    }
    return host.len <= PUBLIC_HOST_MAX_BYTES;
}

static const char *read_authority(struct text t, struct public_url *out) {
    struct text host, port;
    if (!guard_split_host(t, &host, &port) || !is_public_host(host)) {
        return "has no host that a browser would send (names beyond ASCII as xn--...)";
    }
    snprintf(out->host, sizeof out->host, "%.*s", TEXT_ARG(host));
    snprintf(out->port, sizeof out->port, "%.*s", TEXT_ARG(port));
    if (port.len == 0) {
        snprintf(out->port, sizeof out->port, "%s",
                 strcmp(out->scheme, "https") == 0 ? "443" : "80");
    }
    long number = strtol(out->port, NULL, 10);
    return out->port[0] == '0' || number > 65535 ? "has a port that is no number from 1 to 65535"
                                                 : NULL;
}

static const char *read_segment(struct text segment) {
    for (size_t i = 0; i < segment.len; i++) {
        unsigned char c = (unsigned char)segment.at[i];
        if (!isalnum(c) && (c == '\0' || strchr("-._~", c) == NULL)) {
            return "has a base with other characters than letters, digits and - . _ ~";
        }
    }
    bool dots = text_equal(segment, TEXT_LIT(".")) || text_equal(segment, TEXT_LIT(".."));
    return segment.len == 0 || dots ? "has an empty part in its base, or one of dots" : NULL;
}

// `t` begins with a slash.
static const char *read_base(struct text t, struct public_url *out) {
    if (t.at[t.len - 1] == '/') {
        t.len--;
    }
    if (t.len > PUBLIC_BASE_MAX_BYTES) {
        return "has a base of more than 127 characters";
    }
    for (size_t i = 0; i < t.len;) {
        const char *at = t.at + i + 1;
        const char *slash = memchr(at, '/', t.len - i - 1);
        struct text segment = {at, slash != NULL ? (size_t)(slash - at) : t.len - i - 1};
        const char *wrong = read_segment(segment);
        if (wrong != NULL) {
            return wrong;
        }
        if (i == 0 && text_equal(segment, TEXT_LIT("v1"))) {
            return "has a base that begins with /v1, as the calls themselves do";
        }
        i += segment.len + 1;
    }
    snprintf(out->base, sizeof out->base, "%.*s", TEXT_ARG(t));
    return NULL;
}

// Returns NULL, or what is wrong.
static const char *read_url(struct text t, struct public_url *out) {
    if (has_scheme(t, "https://")) {
        snprintf(out->scheme, sizeof out->scheme, "https");
    } else if (has_scheme(t, "http://")) {
        snprintf(out->scheme, sizeof out->scheme, "http");
    } else {
        return "is not such an address";
    }
    size_t scheme_len = strlen(out->scheme) + 3;
    t = (struct text){t.at + scheme_len, t.len - scheme_len};
    const char *slash = memchr(t.at, '/', t.len);
    size_t n = slash != NULL ? (size_t)(slash - t.at) : t.len;
    const char *wrong = read_authority((struct text){t.at, n}, out);
    if (wrong == NULL && n < t.len) {
        wrong = read_base((struct text){t.at + n, t.len - n}, out);
    }
    return wrong;
}

bool public_urls_add(struct public_urls *urls, const char *text, struct error *err) {
    for (const char *at = text;;) {
        struct text one = {at, strcspn(at, ",")};
        struct public_url url = {.base = ""};
        const char *wrong = urls->n == PUBLIC_URLS_MAX ? "is one too many: 16 may be given"
                                                       : read_url(text_trim(one), &url);
        if (wrong != NULL) {
            return error_set(err, ERROR_USAGE,
                             "--public-url: \"%.*s\" %s; want https://HOST[:PORT][/BASE]",
                             one.len > 200 ? 200 : (int)one.len, at, wrong);
        }
        urls->at[urls->n++] = url;
        at += one.len;
        if (*at == '\0') {
            return true;
        }
        at++;
    }
}

const char *public_urls_path(const struct public_urls *urls, const char *path) {
    size_t longest = 0;
    for (size_t i = 0; i < urls->n; i++) {
        const char *base = urls->at[i].base;
        size_t n = strlen(base);
        bool below = n > longest && strncmp(path, base, n) == 0;
        if (below && (path[n] == '/' || path[n] == '\0')) {
            longest = n;
        }
    }
    return path + longest;
}
