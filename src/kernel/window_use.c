// SPDX-License-Identifier: MIT
// A task's window. How it fails: another task has it locked, the disk, or memory is refused.
#include "kernel/window_use.h"

enum salestide_result window_use_open(struct window_use *u, const struct window_wish *wish,
                                      const struct mem_heap *heap, bool *knows, struct error *err) {
    UNUSED(heap);
    UNUSED(err);
    *u = (struct window_use){.budget.max_bytes = wish->max_bytes};
    *knows = true;
    if (wish->directory != NULL) {
        u->window = id_window_new(wish->window_ms, &u->budget, wish->start);
        *knows = wish->start.offset >= wish->committed_offset;
    }
    return SALESTIDE_OK;
}

bool window_use_save(struct window_use *u, int64_t to, struct error *err) {
    UNUSED(u);
    UNUSED(to);
    UNUSED(err);
    return true;
}

void window_use_close(struct window_use *u) {
    id_window_free(u->window);
    u->window = NULL;
}

bool window_use_known(struct window_use *u, const struct stamp *at, enum known_as *out) {
    *out = u->window == NULL ? KNOWN_NEW
                             : id_window_known(u->window, &at->digest,
                                               log_position_offset(at->position), at->arrival_ms);
    return true;
}

bool window_use_add(struct window_use *u, const struct stamp *at) {
    if (u->window != NULL) {
        id_window_add(u->window, &at->digest);
    }
    return true;
}

bool window_use_pass(struct window_use *u, const struct stamp *at) {
    if (u->window != NULL) {
        id_window_pass(u->window, log_position_offset(at->position), at->arrival_ms);
    }
    return true;
}

bool window_use_remember(struct window_use *u, const struct stamp *at, bool leaves_it) {
    if (u->window != NULL) {
        id_window_remember(u->window, leaves_it ? &at->digest : NULL,
                           log_position_offset(at->position), at->arrival_ms);
    }
    return true;
}
