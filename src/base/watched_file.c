// SPDX-License-Identifier: MIT
#include "base/watched_file.h"

#include "base/mem.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void watched_file_init(struct watched_file *w, const char *directory, const char *name) {
    size_t n_bytes = strlen(directory) + strlen(name) + 2;
    *w = (struct watched_file){.path = mem_alloc(n_bytes)};
    snprintf(w->path, n_bytes, "%s/%s", directory, name);
}

void watched_file_free(struct watched_file *w) {
    free(w->path);
}

static bool same_file(const struct stat *a, const struct stat *b) {
    return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
           a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

enum watched watched_file_look(struct watched_file *w, struct error *err) {
    struct stat now;
    if (stat(w->path, &now) != 0) {
        int code = errno;
        w->exists = false;
        if (code == ENOENT || code == ENOTDIR) {
            w->problem.text[0] = '\0';
            return WATCHED_GONE;
        }
        error_set(err, ERROR_FATAL, "cannot look at %s: %s", w->path, strerror(code));
        return WATCHED_HIDDEN;
    }
    if (w->exists && same_file(&now, &w->seen) && w->problem.text[0] == '\0') {
        return WATCHED_SAME;
    }
    w->exists = true;
    w->seen = now;
    return WATCHED_CHANGED;
}

void watched_file_read_well(struct watched_file *w) {
    w->problem.text[0] = '\0';
}

bool watched_file_badly(struct watched_file *w, const struct error *problem) {
    bool again = strcmp(w->problem.text, problem->text) == 0;
    w->problem = *problem;
    return again;
}

const char *watched_file_problem(const struct watched_file *w) {
    return w->problem.text[0] != '\0' ? w->problem.text : NULL;
}
