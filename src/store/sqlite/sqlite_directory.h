// SPDX-License-Identifier: MIT
// The data directory of the stores that live in a SQLite file: its lock, and whether sales.db is
// still the file that was opened.
#pragma once
#include "base/error.h"
#include "base/must.h"
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

// Makes the directory (mode 0700) if it is missing and locks it for the one writer there may be: an
// advisory lock on <directory>/lock, which the kernel gives back however the process ends. Returns
// the open file to close at the end; -1: ERROR_USAGE says why, also when sales.db is missing or
// empty in a directory that had one, or its write-ahead log was taken away.
MUST_CHECK int sqlite_directory_lock(const char *directory, struct error *err);
// The same lock for those who work beside a writer or in its place, of a directory that has a
// sales.db (a restored copy may have no lock file). -1: *busy, a process has it; or `err`.
MUST_CHECK int sqlite_directory_lock_free(const char *directory, bool *busy, struct error *err);
// Whether nobody took the write-ahead log away that a crash has left: sales.db without it is whole,
// but without the newest orders. Else an error of this class says what to do.
MUST_CHECK bool sqlite_directory_has_log(const char *directory, enum error_class cls,
                                         struct error *err);
// Notes in the lock file that the directory has a sales.db now. Nothing happens if it cannot be
// written: the next start notes it.
void sqlite_directory_mark(int lock_fd);

// The lock holds only for those who find its file. Where that was removed (it looks like one that a
// crash has left) it is made and taken anew. False: another process has one of its own by now, or
// it cannot be made; ERROR_RETRIABLE says so, and nothing may be written until it is true again.
MUST_CHECK bool sqlite_directory_keep(const char *directory, int lock_fd, struct error *err);

// sales.db and its log as they were opened, by device and inode.
struct sqlite_files {
    struct sqlite_file {
        dev_t device;
        ino_t inode;
        int64_t bytes; // as many as it had when it was looked at last
    } database, log;
    int64_t schema_cookie; // which VACUUM changes, the one that may make the database shorter
    bool known;            // else all is zero
    const char *cut;       // which of the two was: nothing in them can be relied on
};
// After opening: notes the log; the database too at the first time.
MUST_CHECK bool sqlite_files_note(struct sqlite_files *f, sqlite3 *db, const char *directory,
                                  struct error *err);
// Whether nobody has cut the database or its log in place. Before anything is read or written:
// pages that are missing read as zeros, and what is written past them makes the file long again.
// ERROR_RETRIABLE, and so it stays until the process is started anew. On the writer's thread,
// outside of a transaction.
MUST_CHECK bool sqlite_files_whole(struct sqlite_files *f, sqlite3 *db, const char *directory,
                                   struct error *err);
// Whether the database (and_log: and its log) is still there and the same. ERROR_RETRIABLE says
// what happened: what was committed since is in a file that nobody finds any more.
MUST_CHECK bool sqlite_files_in_place(const struct sqlite_files *f, const char *directory,
                                      bool and_log, struct error *err);
