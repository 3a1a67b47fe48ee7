// SPDX-License-Identifier: MIT
// Reading a sales.db beside which nothing can be written.
#pragma once
#include "store/sqlite/sqlite_util.h"

// After an ordinary opening has failed for want of permission. On failure *out may be open, for the
// caller to close.
MUST_CHECK bool sqlite_readonly_open(const char *directory, const char *path, const char *vfs,
                                     sqlite3 **out, struct error *err);
