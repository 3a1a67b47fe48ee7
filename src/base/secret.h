// SPDX-License-Identifier: MIT
// Passwords, keys and other secrets: from the environment or a file, never from the command line,
// where others can see them.
#pragma once
#include "base/error.h"
#include <stddef.h>

enum { SECRET_MAX_BYTES = 255 };

// The first line of `file`, else the environment variable `variable`, else "". `file` may be NULL.
// `out` has SECRET_MAX_BYTES + 1 bytes. ERROR_USAGE when the file cannot be read, is empty, or
// holds something longer.
MUST_CHECK bool secret_read(const char *variable, const char *file,
                            char out[static SECRET_MAX_BYTES + 1], struct error *err);
