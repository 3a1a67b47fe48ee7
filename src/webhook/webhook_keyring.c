// SPDX-License-Identifier: MIT
// Webhook secrets in use by a server. The file is looked at (one stat) when the caller says so; it
// is replaced by rename, so a change always shows as another inode or time. While it cannot be read
// there are no secrets, and each look tries again.
#include "base/mem.h"
#include "webhook/webhook_secrets.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

struct webhook_keyring {
    char *directory, *path;
    bool exists;
    struct stat seen;
    struct error problem; // text[0] == 0: none
    struct webhook_secrets secrets;
};

struct webhook_keyring *webhook_keyring_new(const char *directory) {
    struct webhook_keyring *k = mem_zalloc(1, sizeof *k);
    size_t len = strlen(directory) + sizeof "/webhooks";
    k->directory = mem_strndup(directory, strlen(directory));
    k->path = mem_alloc(len);
    snprintf(k->path, len, "%s/webhooks", directory);
    return k;
}

void webhook_keyring_free(struct webhook_keyring *k) {
    if (k != NULL) {
        free(k->directory);
        free(k->path);
        explicit_bzero(&k->secrets, sizeof k->secrets);
        free(k);
    }
}

static bool is_same(const struct stat *a, const struct stat *b) {
    return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
           a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

static bool known_already(struct webhook_keyring *k, const struct error *problem,
                          struct error *err) {
    bool again = strcmp(k->problem.text, problem->text) == 0;
    k->problem = *problem;
    *err = *problem;
    return again;
}

bool webhook_keyring_refresh(struct webhook_keyring *k, struct error *err) {
    struct stat now;
    struct error problem = {0};
    if (stat(k->path, &now) != 0) {
        int code = errno;
        k->exists = false;
        explicit_bzero(&k->secrets, sizeof k->secrets);
        if (code == ENOENT || code == ENOTDIR) {
            k->problem.text[0] = '\0';
            return true;
        }
        error_set(&problem, ERROR_FATAL, "cannot look at %s: %s", k->path, strerror(code));
        return known_already(k, &problem, err);
    }
    if (k->exists && is_same(&now, &k->seen) && k->problem.text[0] == '\0') {
        return true;
    }
    k->exists = true;
    k->seen = now;
    explicit_bzero(&k->secrets, sizeof k->secrets);
    if (!webhook_secrets_read(k->directory, &k->secrets, &problem)) {
        return known_already(k, &problem, err);
    }
    k->problem.text[0] = '\0';
    return true;
}

const struct webhook_secrets *webhook_keyring_secrets(const struct webhook_keyring *k) {
    return &k->secrets;
}

const char *webhook_keyring_problem(const struct webhook_keyring *k) {
    return k->problem.text[0] != '\0' ? k->problem.text : NULL;
}
