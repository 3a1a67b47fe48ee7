// SPDX-License-Identifier: MIT
// Tables of entries in mapped files of a window's directory: what struct id_table_memory asks for.
// Their room on the disk is taken before they are mapped, so that a full disk is an answer and not
// a signal. (A file system that copies on write promises less.) One thread at a time.
#pragma once
#include "base/error.h"
#include "kernel/window_dir.h"
#include "window/id_window.h"

struct window_table {
    void *at; // NULL: none
    size_t n_bytes;
    int64_t number; // of its file
};

struct window_tables {
    const struct window_dir *dir; // borrowed
    struct id_table_memory memory;
    struct window_table tables[2]; // while it grows there are two
    int64_t next;                  // number
    bool stay;                     // what is given back is unmapped, and its file left
    struct error refused; // why the last one was not made; cls ERROR_NONE: none was refused
};

// `next`: no file has this number or a higher one.
void window_tables_init(struct window_tables *t, const struct window_dir *dir, int64_t next);
// Maps the file of this number, which has to be of this size. NULL: it is not.
MUST_CHECK void *window_tables_map(struct window_tables *t, int64_t number, size_t n_bytes);
// The one there is.
int64_t window_tables_number(const struct window_tables *t);
