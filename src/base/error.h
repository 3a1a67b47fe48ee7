// SPDX-License-Identifier: MIT
// An error for people: one line that says what, where and what to do; and a class that tells the
// caller whether trying again can help. Filled by the callee, owned by the caller (on its stack).
#pragma once
#include "base/must.h"
#include <stdbool.h>

enum error_class {
    ERROR_NONE = 0,
    ERROR_USAGE,     // the user asked for something that cannot be: exit code 2, or 4xx
    ERROR_RETRIABLE, // a full disk, a busy server: may go away by itself
    ERROR_FATAL,     // will not go away without somebody's help
};

struct error {
    enum error_class cls;
    char text[512]; // zero-terminated UTF-8, no newline
};

// Sets the class and the line; always returns false, so that callers can `return error_set(...)`.
bool error_set(struct error *err, enum error_class cls, const char *format, ...) PRINTF_LIKE(3, 4);

// The static analyzer does not look into other files: tell it that the result is false.
#ifdef __clang_analyzer__
#define error_set(...) ((void)error_set(__VA_ARGS__), false)
#endif
