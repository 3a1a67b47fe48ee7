// SPDX-License-Identifier: MIT
// The head of a request: the header lines that mean something here, found in one pass.
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
    struct text content_length;
    bool expects_continue; // Expect: 100-continue
    bool lengths_differ;
    bool has_body;          // one was announced
    uint64_t content_bytes; // Content-Length; 0 when chunked
};

// False: how long the body is cannot be told (both or several lengths, an unknown coding), so
// nothing that follows the head can be trusted.
MUST_CHECK bool http_head_read(struct MHD_Connection *mhd, struct http_head *h);
