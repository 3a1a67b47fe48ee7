// SPDX-License-Identifier: MIT
// The partition's window of identities as a task uses it, or none: then no duplicates are looked
// for. One thread at a time.
#pragma once
#include "base/error.h"
#include "base/heap.h"
#include "engine/submission.h"
#include "kernel/result.h"
#include "kernel/window_file.h"

struct window_use {
    struct window_file *file; // NULL: none
    struct id_window *window; // of it
};

// *knows: it is as of committed_offset; else it is empty, and history has to be remembered from
// start.offset on. BUSY, FAILED, NO_MEMORY: nothing is open.
MUST_CHECK enum salestide_result
window_use_open(struct window_use *u, const struct window_file_key *key, int64_t committed_offset,
                struct id_window_start start, int lock_wait_ms, bool *knows, struct error *err);
// Ends the range at `to`, exclusive. Else NO_MEMORY, or FAILED: the disk.
MUST_CHECK enum salestide_result window_use_save(struct window_use *u, int64_t to,
                                                 struct error *err);
// Without save it is as it was before the task. Of none it does nothing.
void window_use_close(struct window_use *u);

// Why the window was refused memory: false, the heap; else the disk, and `err` says so.
bool window_use_failed(const struct window_use *u, struct error *err);

// As the functions of window/id_window.h; false: memory is refused, and the task has failed.
MUST_CHECK bool window_use_known(struct window_use *u, const struct stamp *at, enum known_as *out);
MUST_CHECK bool window_use_add(struct window_use *u, const struct stamp *at);
MUST_CHECK bool window_use_pass(struct window_use *u, const struct stamp *at);
MUST_CHECK bool window_use_remember(struct window_use *u, const struct stamp *at, bool leaves_it);
static inline void window_use_prefetch(const struct window_use *u, const struct stamp *at) {
    if (u->window != NULL) {
        id_window_prefetch(u->window, &at->digest);
    }
}
