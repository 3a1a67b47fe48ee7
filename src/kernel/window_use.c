// SPDX-License-Identifier: MIT
// A task's window. How it fails: another task has it locked, the disk, or memory is refused.
#include "kernel/window_use.h"

#include "engine/store.h"

enum salestide_result window_use_open(struct window_use *u, const struct window_wish *wish,
                                      const struct mem_heap *heap, bool *knows, struct error *err) {
    const struct id_window_options options = {
        .window_ms = wish->window_ms, .budget = &u->budget, .heap = heap};
    *u = (struct window_use){.budget.max_bytes = wish->max_bytes};
    *knows = true;
    if (wish->directory == NULL) {
        return SALESTIDE_OK;
    }
    *knows = wish->start.offset >= wish->committed_offset;
    u->window = id_window_new(&options, wish->start);
    if (u->window == NULL) {
        error_set(err, ERROR_RETRIABLE, "out of memory for the window of identities");
    }
    return u->window != NULL ? SALESTIDE_OK : SALESTIDE_NO_MEMORY;
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
    *out = KNOWN_NEW;
    return u->window == NULL ||
           id_window_known(u->window, &at->digest, log_position_offset(at->position),
                           at->arrival_ms, out);
}

bool window_use_add(struct window_use *u, const struct stamp *at) {
    return u->window == NULL || id_window_add(u->window, &at->digest);
}

bool window_use_pass(struct window_use *u, const struct stamp *at) {
    return u->window == NULL ||
           id_window_pass(u->window, log_position_offset(at->position), at->arrival_ms);
}

bool window_use_remember(struct window_use *u, const struct stamp *at, bool leaves_it) {
    return u->window == NULL ||
           id_window_remember(u->window, leaves_it ? &at->digest : NULL,
                              log_position_offset(at->position), at->arrival_ms);
}
