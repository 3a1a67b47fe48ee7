// SPDX-License-Identifier: MIT
// Addresses of the parts of a pipeline: scheme://[user@]host[:port][,host[:port]...]/path. Pure.
// A password in an address is refused: it would show in the list of processes.
#pragma once
#include "base/error.h"
#include <stddef.h>
#include <stdint.h>

enum {
    URL_HOSTS_MAX = 16,
    URL_HOST_MAX_BYTES = 255, // DNS: RFC 1035, section 2.3.4
    URL_PATH_MAX_BYTES = 249, // the longest name of a topic
    URL_USER_MAX_BYTES = 128,
};

struct url_host {
    char name[URL_HOST_MAX_BYTES + 1]; // an IPv6 address without its brackets
    uint16_t port;                     // never 0
};

struct url {
    char scheme[16];
    char user[URL_USER_MAX_BYTES + 1]; // "" when none
    struct url_host hosts[URL_HOSTS_MAX];
    size_t n_hosts;                    // at least 1
    char path[URL_PATH_MAX_BYTES + 1]; // without the first slash; never ""
};

// Reads `text`, which has to have this scheme ("kafka"). A host without a port has default_port.
// path_is: what the path names, for messages ("topic"). ERROR_USAGE says what is wrong and shows a
// right one.
MUST_CHECK bool url_read(const char *text, const char *scheme, uint16_t default_port,
                         const char *path_is, struct url *out, struct error *err);
// Whether `text` begins with "scheme://".
bool url_has_scheme(const char *text, const char *scheme);
