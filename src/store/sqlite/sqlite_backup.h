// SPDX-License-Identifier: MIT
// A copy of a store while it is in use, as one file.
#pragma once
#include "base/error.h"
#include "base/must.h"
#include <stdatomic.h>
#include <stdint.h>

// Copies <directory>/sales.db, as it is at one instant, into `part`, a file that must not be there
// and that is on disk when this returns. On failure `part` is removed if it was made here; what is
// in the way is left. Only of stores with raw orders and aggregates in one. *stop set from
// elsewhere (a signal) ends it with ERROR_USAGE "stopped". Any thread, any number at a time.
MUST_CHECK bool sqlite_backup(const char *directory, const char *part, const atomic_bool *stop,
                              int64_t *bytes, struct error *err);
// Gives the copy its name, which nothing may have yet, and makes that durable. On failure `part`
// stays.
MUST_CHECK bool sqlite_backup_name(const char *part, const char *file, struct error *err);
