// SPDX-License-Identifier: MIT
// `salestide ready`: asks the server that listens where --listen says. One that listens on every
// address is asked on loopback. Exit code 1 and one line when it is not ready.
#include "host/commands.h"

#include "http/http_listen.h"
#include "tool/ready.h"
#include <stdio.h>

static void ready_url(const struct listen_address *a, char *url, size_t size) {
    bool v6 = a->at.any.sa_family == AF_INET6;
    bool every = v6 ? IN6_IS_ADDR_UNSPECIFIED(&a->at.v6.sin6_addr)
                    : a->at.v4.sin_addr.s_addr == htonl(INADDR_ANY);
    const char *host = !every ? a->host : v6 ? "[::1]" : "127.0.0.1";
    unsigned port = ntohs(v6 ? a->at.v6.sin6_port : a->at.v4.sin_port);
    snprintf(url, size, "http://%s:%u/readyz", host, port);
}

int command_ready(const struct options *o) {
    struct listen_address address;
    struct error err = {0};
    char url[128];
    if (option_args_count(o) > 0) {
        fprintf(stderr, "salestide ready: takes no arguments; --listen says which server\n");
        return 2;
    }
    if (!listen_parse(option_text(o, "listen"), &address, &err)) {
        fprintf(stderr, "salestide ready: %s\n", err.text);
        return 2;
    }
    ready_url(&address, url, sizeof url);
    if (!ready_ask(url, &err)) {
        fprintf(stderr, "salestide ready: %s\n", err.text);
        return 1;
    }
    puts("ready");
    return fflush(stdout) == 0 ? 0 : 1;
}
