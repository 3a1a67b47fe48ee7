// SPDX-License-Identifier: MIT
// Tables of entries in mapped files of a window's directory: what struct id_table_memory asks for.
// Their room on the disk is taken before they are mapped, so that a full disk is an answer and not
// a signal. (A file system that copies on write promises less.) One thread at a time.
#pragma once
#include "base/error.h"
#include "kernel/window_dir.h"
#include "kernel/window_kept.h"
#include "window/id_window.h"

struct window_table {
    struct window_mapping mapping;
    int64_t number; // of its file
};

struct window_tables {
    const struct window_dir *dir; // borrowed
    struct window_kept *kept;     // likewise; NULL: no mapping outlives its window
    struct id_table_memory memory;
    struct window_table tables[2]; // while it grows there are two
    int64_t next;                  // number
    bool stay;                     // what is given back is kept or unmapped, and its file left
    struct error refused; // why the last one was not made; cls ERROR_NONE: none was refused
};

// How a table's file is known again as the one that was left: 8 bytes each, of fstat.
struct window_left {
    uint64_t file; // inode; 0: it is not to be known again
    int64_t written_ns, changed_ns;
};

// `next`: no file has this number or a higher one.
void window_tables_init(struct window_tables *t, const struct window_dir *dir, int64_t next,
                        struct window_kept *kept);
// Maps the file of this number, which has to be of this size. NULL: it is not. *as_left: nobody has
// written into it, or put another in its place, since window_tables_leave said `left` of it.
MUST_CHECK void *window_tables_map(struct window_tables *t, int64_t number, size_t n_bytes,
                                   const struct window_left *left, bool *as_left);
// Of the one there is, into which nothing more will be written.
struct window_left window_tables_leave(const struct window_tables *t);
// The one there is.
int64_t window_tables_number(const struct window_tables *t);
