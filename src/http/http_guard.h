// SPDX-License-Identifier: MIT
// Against pages of other sites that reach this server through a visitor's browser (cross-site
// request forgery, DNS rebinding). Pure functions over header values, any thread.
#pragma once
#include "base/must.h"
#include "base/text.h"

// The host part of a Host header or authority ("[::1]:8080" -> "[::1]"); its port ("" when none).
// False: not a host.
MUST_CHECK bool guard_split_host(struct text authority, struct text *host, struct text *port);

// A name that can only mean this machine: localhost, *.localhost, 127.x.y.z, [::1].
bool guard_is_loopback_name(struct text host);

// Does this Origin header ("http://shop.example:8080") speak of the same place as Host? Scheme
// default ports are filled in. "null" never does.
bool guard_origin_matches(struct text origin, struct text host_header);

struct guard_headers {
    struct text host, origin, sec_fetch_site, sec_fetch_mode; // absent: not sent
};
// NULL when the request may go on, else what is wrong: one static sentence for the client.
//   loopback   the server listens on loopback: Host must be a loopback name, or listen_host
//   safe       the method changes nothing (GET, HEAD): plain links from other sites are fine
const char *guard_check(const struct guard_headers *h, bool loopback, struct text listen_host,
                        bool safe);
