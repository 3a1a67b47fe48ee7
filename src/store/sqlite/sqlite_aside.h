// SPDX-License-Identifier: MIT
// A second connection of the embedded store, for what judging asks of committed rows while the
// writer's is busy with the batch before. Opened when it is first needed. The judging thread.
#pragma once
#include "store/sqlite/sqlite_lookup.h"

// Zeroed: not open.
struct sqlite_aside {
    sqlite3 *db;
    sqlite3_stmt *begin, *end;
    struct sqlite_lookup lookup;
    bool in_use; // it holds a snapshot
};
// The statements, on one snapshot until end: it has all batches whose commit was finished before,
// and may have the one that is on its way. NULL: `err` says why.
MUST_CHECK struct sqlite_lookup *sqlite_aside_use(struct sqlite_aside *a, const char *directory,
                                                  const char *vfs, struct error *err);
// Lets go of the snapshot. True: there was one.
bool sqlite_aside_end(struct sqlite_aside *a);
void sqlite_aside_close(struct sqlite_aside *a);
