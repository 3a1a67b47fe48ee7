// SPDX-License-Identifier: MIT
// Addresses, read from left to right: scheme, user, hosts, path. Whatever is odd is refused with a
// line that shows the right form.
#include "base/url.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool url_has_scheme(const char *text, const char *scheme) {
    size_t n = strlen(scheme);
    return strncmp(text, scheme, n) == 0 && strncmp(text + n, "://", 3) == 0;
}

static bool url_refuse(struct error *err, const char *text, const char *scheme, const char *path_is,
                       const char *why) {
    return error_set(err, ERROR_USAGE, "\"%.200s\" %s; want %s://HOST[:PORT][,HOST...]/%s", text,
                     why, scheme, path_is);
}

// One host with its port, [..] around IPv6. Returns NULL, or what is wrong.
static const char *read_host(const char *at, size_t len, uint16_t default_port,
                             struct url_host *out) {
    const char *end = at + len, *name = at, *name_end;
    if (len > 0 && *at == '[') {
        name = at + 1;
        name_end = memchr(name, ']', (size_t)(end - name));
        if (name_end == NULL) {
            return "has a [ without its ]";
        }
        at = name_end + 1;
    } else {
        name_end = memchr(at, ':', len);
        name_end = name_end != NULL ? name_end : end;
        at = name_end;
    }
    size_t n = (size_t)(name_end - name);
    if (n == 0 || n > URL_HOST_MAX_BYTES) {
        return "has an empty or overlong host";
    }
    memcpy(out->name, name, n);
    out->name[n] = '\0';
    out->port = default_port;
    if (at == end) {
        return NULL;
    }
    long port = 0;
    bool digits = *at == ':' && end - at >= 2 && end - at <= 6;
    for (at++; digits && at < end; at++) {
        digits = *at >= '0' && *at <= '9';
        port = port * 10 + (*at - '0');
    }
    if (!digits || port < 1 || port > UINT16_MAX) {
        return "has a port that is no number from 1 to 65535";
    }
    out->port = (uint16_t)port;
    return NULL;
}

static const char *read_hosts(const char *at, size_t len, uint16_t default_port, struct url *out) {
    const char *end = at + len;
    for (;;) {
        const char *comma = memchr(at, ',', (size_t)(end - at));
        const char *host_end = comma != NULL ? comma : end;
        if (out->n_hosts == URL_HOSTS_MAX) {
            return "has more than 16 hosts";
        }
        const char *wrong =
            read_host(at, (size_t)(host_end - at), default_port, &out->hosts[out->n_hosts++]);
        if (wrong != NULL || comma == NULL) {
            return wrong;
        }
        at = comma + 1;
    }
}

bool url_read(const char *text, const char *scheme, uint16_t default_port, const char *path_is,
              struct url *out, struct error *err) {
    *out = (struct url){0};
    if (!url_has_scheme(text, scheme)) {
        return url_refuse(err, text, scheme, path_is, "is not such an address");
    }
    snprintf(out->scheme, sizeof out->scheme, "%s", scheme);
    const char *hosts = text + strlen(scheme) + 3;
    const char *slash = strchr(hosts, '/');
    if (slash == NULL || slash[1] == '\0' || strlen(slash + 1) > URL_PATH_MAX_BYTES ||
        strpbrk(slash + 1, "/?#") != NULL) {
        char why[64];
        snprintf(why, sizeof why, "does not end in /%s", path_is);
        return url_refuse(err, text, scheme, path_is, why);
    }
    memcpy(out->path, slash + 1, strlen(slash + 1) + 1);
    const char *user_end = memchr(hosts, '@', (size_t)(slash - hosts));
    if (user_end != NULL) {
        size_t n = (size_t)(user_end - hosts);
        if (memchr(hosts, ':', n) != NULL) { // without showing it again
            return error_set(err, ERROR_USAGE,
                             "a %s:// address with a password in it: others can see it; put the "
                             "password into the environment or a file",
                             scheme);
        }
        if (n == 0 || n > URL_USER_MAX_BYTES) {
            return url_refuse(err, text, scheme, path_is, "has an empty or overlong user");
        }
        memcpy(out->user, hosts, n);
        hosts = user_end + 1;
    }
    const char *wrong = read_hosts(hosts, (size_t)(slash - hosts), default_port, out);
    return wrong == NULL || url_refuse(err, text, scheme, path_is, wrong);
}
