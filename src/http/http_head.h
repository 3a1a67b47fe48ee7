// SPDX-License-Identifier: MIT
// The head of a request: the header lines that mean something here, found in one pass, and whether
// all of it is as RFC 9112 has it.
#pragma once
#include "base/must.h"
#include "base/text.h"
#include "http/http_guard.h"
#include <microhttpd.h>
#include <stdint.h>

// Texts borrow from the connection until the request has ended; absent: not sent.
struct http_head {
    struct guard_headers guard;
    struct text content_type, content_encoding, transfer_encoding, authorization, accept_encoding;
    struct text content_length, cookies;
    struct text first_param; // name of the first query parameter
    bool expects_continue;   // Expect: 100-continue
    bool has_body;           // one was announced
    bool goes_on;            // the client may send another request after this one
    uint64_t content_bytes;  // Content-Length; 0 when chunked
    // While reading.
    const char *line_end; // of the line before
    const char *problem;
    bool lengths_differ;
};

// `method`, `url`'s host (absolute-form; absent: it has none) and `version` as the library hands
// them over. False: h->problem says, for the client, what is wrong with it, and nothing that
// follows the head can be trusted:
//   - a header line that RFC 9112 section 5 has refused: white space before the colon, a name that
//     is none, a folded line, control characters
//   - none or several Host lines, or one that is no host
//   - how long the body is cannot be told: both or several lengths, an unknown coding
MUST_CHECK bool http_head_read(struct MHD_Connection *mhd, const char *method, const char *version,
                               struct text authority, struct http_head *h);

// Splits the target of a request: "http://shop:8080/v1/sales" is the authority "shop:8080" and the
// path that is returned, "/v1/sales" ("/" when there is none). Any other target is a path already;
// *authority is absent then.
const char *http_target_path(const char *target, struct text *authority);
