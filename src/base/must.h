// SPDX-License-Identifier: MIT
// Compiler contracts that every layer uses.
#pragma once

// The caller must look at the result: ignoring it is a compile error under -Werror.
#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(n_format, n_first) __attribute__((format(printf, n_format, n_first)))
#define UNUSED(x) ((void)(x))
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)
