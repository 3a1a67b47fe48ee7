// SPDX-License-Identifier: MIT
// What the caller has promised. Looked at in test builds (-DSALESTIDE_CHECKS) alone, where a broken
// promise ends the program; in the product the core never ends a process.
#pragma once

#ifdef SALESTIDE_CHECKS
#include <assert.h>
#define CHECK(condition) assert(condition)
#else
#define CHECK(condition) ((void)sizeof(!(condition)))
#endif
