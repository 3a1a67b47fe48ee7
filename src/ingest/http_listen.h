// SPDX-License-Identifier: MIT
// The address to listen on.
#pragma once
#include "base/error.h"
#include "base/must.h"
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

struct listen_address {
    struct sockaddr_storage at;
    socklen_t at_len;
    bool loopback; // reachable from this machine alone
    char host[64]; // as it stands in a URL: "127.0.0.1", "[::1]"
};

// "ADDRESS:PORT", "[IPV6]:PORT", "localhost:PORT", ":PORT" and "*:PORT" (every address). Numbers
// only but for localhost: a name could change its meaning.
MUST_CHECK bool listen_parse(const char *text, struct listen_address *out, struct error *err);
// Binds and listens; *port is the one that was taken. -1 and err on failure.
MUST_CHECK int listen_open(const struct listen_address *a, int *port, struct error *err);
