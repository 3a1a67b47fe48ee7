// SPDX-License-Identifier: MIT
// One text out of a small JSON object, such as {"key":"..."}.
#pragma once
#include "base/must.h"
#include "base/text.h"

enum { JSON_MEMBER_DOCUMENT_MAX = 4096 }; // bytes of the whole

// Writes the member's text to `out` (not zero-terminated). False: it is not there, or no text, or
// longer than `cap`; or the whole is no object, or too long. Nothing is allocated.
MUST_CHECK bool json_member_text(struct text json, const char *name, char *out, size_t cap,
                                 size_t *len);
