// SPDX-License-Identifier: MIT
// A task's window. How it fails: another task has it locked, the disk, or memory is refused.
#include "kernel/window_use.h"

#include "engine/store.h"

static enum salestide_result answer_of(enum window_file_result result) {
    switch (result) {
    case WINDOW_FILE_OK:
        return SALESTIDE_OK;
    case WINDOW_FILE_BUSY:
        return SALESTIDE_BUSY;
    case WINDOW_FILE_NO_MEMORY:
        return SALESTIDE_NO_MEMORY;
    case WINDOW_FILE_FAILED:
        break;
    }
    return SALESTIDE_FAILED;
}

enum salestide_result window_use_open(struct window_use *u, const struct window_file_key *key,
                                      int64_t committed_offset, struct id_window_start start,
                                      int lock_wait_ms, bool *knows, struct error *err) {
    enum window_file_result result =
        window_file_open(key, committed_offset, start, lock_wait_ms, &u->file, knows, err);
    u->window = result == WINDOW_FILE_OK ? window_file_window(u->file) : NULL;
    return answer_of(result);
}

enum salestide_result window_use_save(struct window_use *u, int64_t to, struct error *err) {
    return u->file == NULL ? SALESTIDE_OK : answer_of(window_file_save(u->file, to, err));
}

void window_use_close(struct window_use *u) {
    window_file_close(u->file);
    *u = (struct window_use){0};
}

bool window_use_failed(const struct window_use *u, struct error *err) {
    return u->file != NULL && window_file_refused(u->file, err);
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
