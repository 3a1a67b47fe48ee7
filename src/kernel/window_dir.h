// SPDX-License-Identifier: MIT
// The directory of windows (window_file.h): one window's files in it, and whose they are now.
//
//   NAME.lock      flock: whoever has it open; made first, removed last
//   NAME.state     all but the table; not there while somebody judges
//   NAME.state-new the next one, until it is whole
//   NAME.table-N   a table of entries; two while it grows
//
// Inside of the kernel's room. One thread at a time.
#pragma once
#include "base/error.h"
#include "kernel/window_file.h"

enum { WINDOW_NAME_BYTES = 96 };

struct window_dir {
    int fd, lock_fd;              // -1: not open
    char name[WINDOW_NAME_BYTES]; // of the window: what its files begin with
    char path[256];               // of the directory, to be shown; cut when it is longer
};

// Locks the window of this key and removes other windows that nobody needs. FAILED also for a
// directory that is a symbolic link, another user's or open to others in any way; it is made with
// mode 0700, and one that is there is not changed. Not OK: it is closed.
MUST_CHECK enum window_file_result window_dir_open(struct window_dir *d,
                                                   const struct window_file_key *key,
                                                   int lock_wait_ms, struct error *err);
void window_dir_close(struct window_dir *d); // also one that is not open

enum { WINDOW_NO_TABLE = -1 };
// Removes the window's files but its lock and the table of this number.
void window_dir_clear(const struct window_dir *d, int64_t table);

// "state", "state-new", "table-7": of the window.
void window_dir_file(const struct window_dir *d, const char *kind, char out[WINDOW_NAME_BYTES]);
void window_dir_table(const struct window_dir *d, int64_t table, char out[WINDOW_NAME_BYTES]);
