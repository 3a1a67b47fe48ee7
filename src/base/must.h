// SPDX-License-Identifier: MIT
// Compiler contracts that every layer uses.
#pragma once
#include <stddef.h>

// The caller must look at the result: ignoring it is a compile error under -Werror.
#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(n_format, n_first) __attribute__((format(printf, n_format, n_first)))
#define UNUSED(x) ((void)(x))
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

// A length of which the compiler knows no bound. Where it knows one gcc makes "rep stos" or "rep
// movs" of a memset or memcpy, which take longer to begin than a small struct to write.
static inline size_t length_unseen(size_t n) {
    __asm__("" : "+r"(n));
    return n;
}
