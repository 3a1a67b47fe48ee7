// SPDX-License-Identifier: MIT
// Small files of a data directory that several processes use: replaced as a whole, so that a crash
// leaves the old one or the new. Whoever replaces one, those who could read it still can: it keeps
// owner, group and mode. The first one belongs to the owner of the directory, mode 0600.
#pragma once
#include "base/error.h"
#include "base/must.h"
#include "base/text.h"

struct stat;

// Writes <directory>/<name>.new, syncs it, renames it over <directory>/<name>, syncs the directory.
// ERROR_USAGE: the owner cannot be kept by this user; nothing was changed. Any thread; of two that
// replace the same file at once the caller makes sure.
MUST_CHECK bool replace_file(const char *directory, const char *name, struct text content,
                             struct error *err);
// Locks an open file or folder against other writers, and waits for theirs a second at most, since
// each holds it for one file's writing. False: errno.
MUST_CHECK bool replace_file_wait(int fd);
// For writers of several processes, who take turns: holds <directory>/<lock_name> until the result
// is closed. A file of its own, since the other is replaced under it. Makes the directory if it is
// missing. -1: `err` says why.
MUST_CHECK int replace_file_lock(const char *directory, const char *lock_name, struct error *err);
// Makes the open file belong to `owner`. False: that is not ours to give.
MUST_CHECK bool replace_file_give_to(int fd, const struct stat *owner);
