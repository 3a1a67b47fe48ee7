// SPDX-License-Identifier: MIT
// Checkpoints (WAL into the database file) on a thread of their own, so that commits do not wait
// for them.
#pragma once
#include "base/error.h"
#include "base/must.h"
#include <stdint.h>

struct checkpointer;
// Opens its own connection and starts the thread. NULL and `err` on failure.
MUST_CHECK struct checkpointer *checkpointer_start(const char *directory, const char *vfs,
                                                   struct error *err);
// Stops and joins; NULL is fine.
void checkpointer_stop(struct checkpointer *c);
// After a commit that left n_pages pages in the WAL. Returns true when the WAL is so long that the
// writer should help: checkpoint the rest itself, so that the file can start over.
bool checkpointer_notify(struct checkpointer *c, int n_pages);
