// SPDX-License-Identifier: MIT
// Checkpoints (WAL into the database file) on a thread of their own, so that commits do not wait
// for them.
#pragma once
#include "base/error.h"
#include "base/must.h"
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

struct checkpointer;
// Opens its own connection and starts the thread. Watches the commits of `writer`, which is closed
// after checkpointer_stop. NULL and `err` on failure.
MUST_CHECK struct checkpointer *checkpointer_start(const char *directory, const char *vfs,
                                                   sqlite3 *writer, struct error *err);
// Stops and joins; NULL is fine.
void checkpointer_stop(struct checkpointer *c);
// After a commit of the writer, on its thread. When the log is so long that the thread does not
// keep up, the rest of it is copied here.
void checkpointer_after_commit(struct checkpointer *c);
// Whether the log is that long. A reader that begins before the rest is copied and ends after the
// next commit would keep it from starting over. Between two commits.
bool checkpointer_is_behind(const struct checkpointer *c);
// For tests: from how many pages on the log is copied, is that long, and a warning says so; 2,000,
// 16,000 and 262,144 are the normal case. Before a checkpointer is there.
void checkpointer_set_pages(int start, int help, int warn);
