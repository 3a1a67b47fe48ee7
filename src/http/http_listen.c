// SPDX-License-Identifier: MIT
// Parsing --listen and opening the socket.
#include "http/http_listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BACKLOG = 4096 };

static bool parse_port(const char *at, uint16_t *port) {
    size_t n = strspn(at, "0123456789");
    long value = n > 0 && n <= 5 && at[n] == '\0' ? strtol(at, NULL, 10) : -1;
    *port = (uint16_t)value;
    return value >= 0 && value <= 65535;
}

static bool set_ipv4(struct listen_address *out, const char *host, uint16_t port) {
    struct sockaddr_in *in = &out->at.v4;
    in->sin_family = AF_INET;
    in->sin_port = htons(port);
    out->at_len = sizeof *in;
    if (inet_pton(AF_INET, host, &in->sin_addr) != 1) {
        return false;
    }
    out->loopback = ntohl(in->sin_addr.s_addr) >> 24 == 127;
    snprintf(out->host, sizeof out->host, "%s", host);
    return true;
}

static bool set_ipv6(struct listen_address *out, const char *host, uint16_t port) {
    struct sockaddr_in6 *in = &out->at.v6;
    in->sin6_family = AF_INET6;
    in->sin6_port = htons(port);
    out->at_len = sizeof *in;
    if (inet_pton(AF_INET6, host, &in->sin6_addr) != 1) {
        return false;
    }
    out->loopback = IN6_IS_ADDR_LOOPBACK(&in->sin6_addr);
    snprintf(out->host, sizeof out->host, "[%s]", host);
    return true;
}

bool listen_parse(const char *text, struct listen_address *out, struct error *err) {
    *out = (struct listen_address){0};
    char host[64];
    uint16_t port;
    const char *colon = strrchr(text, ':');
    size_t host_len = colon != NULL ? (size_t)(colon - text) : 0;
    if (colon == NULL || host_len >= sizeof host || !parse_port(colon + 1, &port)) {
        return error_set(err, ERROR_USAGE,
                         "--listen %s: want ADDRESS:PORT, as in 127.0.0.1:8080 or [::1]:8080",
                         text);
    }
    memcpy(host, text, host_len);
    host[host_len] = '\0';
    bool ok;
    if (host[0] == '[' && host[host_len - 1] == ']') {
        host[host_len - 1] = '\0';
        ok = set_ipv6(out, host + 1, port);
    } else if (host[0] == '\0' || strcmp(host, "*") == 0) {
        ok = set_ipv6(out, "::", port); // takes IPv4 too
    } else {
        ok = set_ipv4(out, strcmp(host, "localhost") == 0 ? "127.0.0.1" : host, port);
    }
    return ok || error_set(err, ERROR_USAGE,
                           "--listen %s: %s is not an IP address (names other than localhost are "
                           "not looked up)",
                           text, host);
}

static int port_of(const union socket_address *at) {
    return ntohs(at->any.sa_family == AF_INET6 ? at->v6.sin6_port : at->v4.sin_port);
}

// Options, bind, listen.
static bool http_listen_set_up(int fd, const struct listen_address *a) {
    const int on = 1, off = 0;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        (a->at.any.sa_family == AF_INET6 &&
         setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off) != 0)) {
        return false;
    }
    // Connections inherit it: an answer is never held back for another one's acknowledgement.
    return setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0 &&
           bind(fd, &a->at.any, a->at_len) == 0 && listen(fd, BACKLOG) == 0;
}

int listen_open(const struct listen_address *a, int *port, struct error *err) {
    int fd = socket(a->at.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    union socket_address bound = {0};
    socklen_t bound_len = sizeof bound;
    if (fd >= 0 && http_listen_set_up(fd, a) && getsockname(fd, &bound.any, &bound_len) == 0) {
        *port = port_of(&bound);
        return fd;
    }
    const char *hint =
        errno == EADDRINUSE ? "; is another server running? choose another --listen" : "";
    error_set(err, ERROR_FATAL, "cannot listen on %s:%d: %s%s", a->host, port_of(&a->at),
              strerror(errno), hint);
    if (fd >= 0) {
        close(fd);
    }
    return -1;
}
