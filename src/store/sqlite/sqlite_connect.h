// SPDX-License-Identifier: MIT
// Connections to <directory>/sales.db.
#pragma once
#include "store/sqlite/sqlite_util.h"

// Opens <directory>/sales.db and sets it up for its use: WAL, synchronous=FULL, time-outs. A writer
// makes the file if it is missing, for its owner alone. The others read also where nothing can be
// written (read-only media, a directory of another user), if nobody can write meanwhile and no
// write-ahead log has to be replayed; else `err` says what to do.
enum sqlite_role { SQLITE_WRITER, SQLITE_READER, SQLITE_CHECKPOINTER, SQLITE_AUDITOR };
MUST_CHECK bool sqlite_connect(const char *directory, const char *vfs, enum sqlite_role role,
                               sqlite3 **out, struct error *err);
// For an audit of a copy of such a file, under any name, that nobody else has open.
MUST_CHECK bool sqlite_connect_copy(const char *path, sqlite3 **out, struct error *err);
