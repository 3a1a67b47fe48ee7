// SPDX-License-Identifier: MIT
// Base64 (RFC 4648) back to bytes. Pure.
#pragma once
#include "base/must.h"
#include "base/text.h"

// Writes the bytes to `out`. False: a character that is none of it, or more bytes than `cap`.
// Signs that fill it up at the end may be there or not.
MUST_CHECK bool base64_decode(struct text in, char *out, size_t cap, size_t *len);
