// SPDX-License-Identifier: MIT
// A small file of a data directory that a server follows: one stat a look. It is replaced by rename
// (base/replace_file.h), so a change always shows as another inode or time. One that cannot be
// looked at or read is tried again at each look, and its reason is told once. One thread.
#pragma once
#include "base/error.h"
#include "base/must.h"
#include <sys/stat.h>

struct watched_file {
    char *path; // owned
    bool exists;
    struct stat seen;
    struct error problem; // text[0] == 0: none
};
void watched_file_init(struct watched_file *w, const char *directory, const char *name);
void watched_file_free(struct watched_file *w);

enum watched {
    WATCHED_SAME,    // what was read of it holds
    WATCHED_GONE,    // there is none: nothing holds
    WATCHED_CHANGED, // read it, then say how that went: watched_file_read_well, _badly
    WATCHED_HIDDEN,  // it cannot be looked at: nothing holds; say so by watched_file_badly
};
// `err` is set with WATCHED_HIDDEN.
MUST_CHECK enum watched watched_file_look(struct watched_file *w, struct error *err);
void watched_file_read_well(struct watched_file *w);
// It could not be read, or looked at. True: for the reason that was told at the last look.
MUST_CHECK bool watched_file_badly(struct watched_file *w, const struct error *problem);
// Why nothing of it holds; NULL: it does. Valid until the next look.
const char *watched_file_problem(const struct watched_file *w);
