// SPDX-License-Identifier: MIT
// Bytes as hexadecimal digits, small letters, and back.
#pragma once
#include "base/must.h"
#include "base/text.h"

// `out` has 2 * n + 1 bytes; a zero ends it.
void hex_write(const void *bytes, size_t n, char *out);
// Exactly 2 * n digits; false: `digits` is something else, and `out` (n bytes) is not to be used.
MUST_CHECK bool hex_read(struct text digits, void *out, size_t n);
