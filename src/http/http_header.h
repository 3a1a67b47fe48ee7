// SPDX-License-Identifier: MIT
// Reading header values. Pure functions over (base, length), any thread.
#pragma once
#include "base/must.h"
#include "base/text.h"
#include "format/order_json.h"

// Content-Type of POST /v1/orders; parameters such as charset=utf-8 are allowed. False: not
// supported (another charset too).
MUST_CHECK bool header_body_form(struct text content_type, enum body_form *form);

enum header_coding { CODING_NONE, CODING_GZIP, CODING_OTHER };
enum header_coding header_content_coding(struct text content_encoding); // absent: CODING_NONE

// Does Accept-Encoding allow gzip (with a weight above zero)? Absent: no.
bool header_accepts_gzip(struct text accept_encoding);

// Does Accept name text/csv (with a weight above zero) before application/json? Absent: no.
bool header_prefers_csv(struct text accept);

// The API key of an Authorization header: Bearer KEY, or Basic with KEY as the password. The key is
// written to `out` (not zero-terminated). False: none, or malformed, or longer than `cap`.
MUST_CHECK bool header_api_key(struct text authorization, char *out, size_t cap, size_t *len);

// The next cookie of this name in what is left of a Cookie header: cuts it off *rest, with what
// stands before. False: there is none.
MUST_CHECK bool header_next_cookie(struct text *rest, const char *name, struct text *value);

// The value of a field of an application/x-www-form-urlencoded body, decoded into `out` (not
// zero-terminated). False: none, or malformed, or longer than `cap`.
MUST_CHECK bool header_form_field(struct text body, const char *name, char *out, size_t cap,
                                  size_t *len);
// Is this Content-Type that one, whatever its parameters?
bool header_is_type(struct text content_type, const char *type);

// Is `etag` (with its quotes) among the list of an If-None-Match header, or is that "*"? Weak
// comparison.
bool header_etag_matches(struct text if_none_match, const char *etag);
