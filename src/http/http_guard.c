// SPDX-License-Identifier: MIT
// Host, Origin and Sec-Fetch-Site. A browser sends them truthfully and a page cannot forge them;
// other clients send no Origin and no Sec-Fetch-Site, and nothing is asked of them but a sane Host.
//
// Why Host: a foreign name that resolves to 127.0.0.1 (DNS rebinding) makes a foreign page
// same-origin with this server; only the name in Host gives it away.
#include "http/http_guard.h"

#include <ctype.h>
#include <strings.h>

static bool equal_caseless(struct text a, struct text b) {
    return a.len == b.len && (a.len == 0 || strncasecmp(a.at, b.at, a.len) == 0);
}

static bool is_digits(struct text t) {
    for (size_t i = 0; i < t.len; i++) {
        if (!isdigit((unsigned char)t.at[i])) {
            return false;
        }
    }
    return true;
}

bool guard_split_host(struct text authority, struct text *host, struct text *port) {
    const char *end = authority.at + authority.len;
    const char *colon = NULL;
    if (authority.len == 0) {
        return false;
    }
    if (authority.at[0] == '[') {
        const char *close = memchr(authority.at, ']', authority.len);
        if (close == NULL || (close + 1 < end && close[1] != ':')) {
            return false;
        }
        colon = close + 1 < end ? close + 1 : NULL;
    } else {
        colon = memchr(authority.at, ':', authority.len);
    }
    *host = (struct text){authority.at, (size_t)((colon ? colon : end) - authority.at)};
    *port = colon ? (struct text){colon + 1, (size_t)(end - colon - 1)} : TEXT_LIT("");
    return host->len > 0 && port->len <= 5 && is_digits(*port);
}

// 127.x.y.z with decimal numbers: inet_aton's odd spellings (0x7f.1) are no loopback name here.
static bool is_ipv4_loopback(struct text host) {
    unsigned part = 0, digits = 0, parts = 1;
    for (size_t i = 0; i < host.len; i++) {
        if (host.at[i] == '.') {
            if (digits == 0) {
                return false;
            }
            parts++;
            part = digits = 0;
        } else if (isdigit((unsigned char)host.at[i]) && digits < 3) {
            part = part * 10 + (unsigned)(host.at[i] - '0');
            digits++;
            if (part > 255) {
                return false;
            }
        } else {
            return false;
        }
    }
    return parts == 4 && digits > 0 && host.len > 4 && memcmp(host.at, "127.", 4) == 0;
}

bool guard_is_loopback_name(struct text host) {
    if (host.len > 0 && host.at[host.len - 1] == '.') {
        host.len--; // a name's root dot
    }
    const struct text suffix = TEXT_LIT(".localhost");
    if (host.len > suffix.len &&
        equal_caseless((struct text){host.at + host.len - suffix.len, suffix.len}, suffix)) {
        return true;
    }
    return equal_caseless(host, TEXT_LIT("localhost")) || text_equal(host, TEXT_LIT("[::1]")) ||
           is_ipv4_loopback(host);
}

bool guard_origin_matches(struct text origin, struct text host_header) {
    struct text fallback;
    if (origin.len > 7 && strncasecmp(origin.at, "http://", 7) == 0) {
        origin = (struct text){origin.at + 7, origin.len - 7};
        fallback = TEXT_LIT("80");
    } else if (origin.len > 8 && strncasecmp(origin.at, "https://", 8) == 0) {
        origin = (struct text){origin.at + 8, origin.len - 8};
        fallback = TEXT_LIT("443");
    } else {
        return false;
    }
    struct text origin_host, origin_port, host, port;
    if (!guard_split_host(origin, &origin_host, &origin_port) ||
        !guard_split_host(host_header, &host, &port)) {
        return false;
    }
    origin_port = origin_port.len ? origin_port : fallback;
    port = port.len ? port : fallback;
    return equal_caseless(origin_host, host) && text_equal(origin_port, port);
}

const char *guard_check(const struct guard_headers *h, bool loopback, struct text listen_host,
                        bool safe) {
    if (loopback) {
        struct text host, port;
        if (h->host.at == NULL || !guard_split_host(h->host, &host, &port)) {
            return "the Host header is missing or malformed";
        }
        if (!guard_is_loopback_name(host) && !equal_caseless(host, listen_host)) {
            return "this server listens on loopback only: Host must be localhost, 127.0.0.1, [::1] "
                   "or the address given with --listen";
        }
    }
    if (h->origin.at != NULL && !guard_origin_matches(h->origin, h->host)) {
        return "the Origin header names another site than Host";
    }
    if (h->sec_fetch_site.at != NULL && equal_caseless(h->sec_fetch_site, TEXT_LIT("cross-site"))) {
        bool followed_a_link = safe && equal_caseless(h->sec_fetch_mode, TEXT_LIT("navigate"));
        if (!followed_a_link) {
            return "a page of another site made this request";
        }
    }
    return NULL;
}
