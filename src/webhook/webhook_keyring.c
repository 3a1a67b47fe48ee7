// SPDX-License-Identifier: MIT
// Webhook secrets in use by a server. The file is looked at when the caller says so
// (base/watched_file.h). While it cannot be read there are no secrets, and each look tries again.
#include "base/log.h"
#include "base/mem.h"
#include "base/watched_file.h"
#include "webhook/webhook_secrets.h"
#include <stdlib.h>

struct webhook_keyring {
    char *directory;
    struct watched_file file;
    struct webhook_secrets secrets;
};

struct webhook_keyring *webhook_keyring_new(const char *directory) {
    struct webhook_keyring *k = mem_zalloc(1, sizeof *k);
    k->directory = mem_strndup(directory, strlen(directory));
    watched_file_init(&k->file, directory, "webhooks");
    return k;
}

void webhook_keyring_free(struct webhook_keyring *k) {
    if (k != NULL) {
        free(k->directory);
        watched_file_free(&k->file);
        explicit_bzero(&k->secrets, sizeof k->secrets);
        free(k);
    }
}

static bool read_again(struct webhook_keyring *k, struct error *err) {
    struct error warning;
    if (!webhook_secrets_read(k->directory, &k->secrets, err)) {
        return watched_file_badly(&k->file, err);
    }
    watched_file_read_well(&k->file);
    if (webhook_secrets_open_to_others(k->directory, &warning)) {
        log_warn("webhook", "%s", warning.text);
    }
    return true;
}

bool webhook_keyring_refresh(struct webhook_keyring *k, struct error *err) {
    enum watched is = watched_file_look(&k->file, err);
    if (is == WATCHED_SAME) {
        return true;
    }
    explicit_bzero(&k->secrets, sizeof k->secrets);
    switch (is) {
    case WATCHED_CHANGED:
        return read_again(k, err);
    case WATCHED_HIDDEN:
        return watched_file_badly(&k->file, err);
    default:
        return true;
    }
}

const struct webhook_secrets *webhook_keyring_secrets(const struct webhook_keyring *k) {
    return &k->secrets;
}

const char *webhook_keyring_problem(const struct webhook_keyring *k) {
    return watched_file_problem(&k->file);
}
