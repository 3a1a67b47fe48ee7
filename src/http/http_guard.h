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

struct public_urls; // http/public_urls.h

struct guard_headers {
    struct text host, origin, sec_fetch_site, sec_fetch_mode; // absent: not sent
};
// Where this server is.
struct guard_place {
    bool loopback;           // it listens on loopback: what Host may be is known
    struct text listen_host; // the address of --listen
    const struct public_urls *public_urls;
};
// NULL when the request may go on, else what is wrong: one static sentence for the client.
//   Host    of a server on loopback is a loopback name, listen_host, or the host of a public URL.
//           Its port does not matter: proxies send it or leave it out
//   Origin  is a public URL's, or the same as Host. Where Host is a public URL's, only the former
//   safe    the method changes nothing (GET, HEAD): plain links from other sites are fine
// Forwarded, X-Forwarded-Host and the like say nothing here: anybody can send them.
const char *guard_check(const struct guard_headers *h, const struct guard_place *here, bool safe);
