// SPDX-License-Identifier: MIT
// The address to listen on.
#pragma once
#include "base/error.h"
#include "base/must.h"
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

union socket_address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

struct listen_address {
    union socket_address at;
    socklen_t at_len;
    bool loopback; // reachable from this machine alone
    char host[64]; // as it stands in a URL: "127.0.0.1", "[::1]"
};

// "ADDRESS:PORT", "[IPV6]:PORT", "localhost:PORT", ":PORT" and "*:PORT" (every address). Numbers
// only but for localhost: a name could change its meaning.
MUST_CHECK bool listen_parse(const char *text, struct listen_address *out, struct error *err);
// Binds and listens; *port is the one that was taken. -1 and err on failure.
MUST_CHECK int listen_open(const struct listen_address *a, int *port, struct error *err);
