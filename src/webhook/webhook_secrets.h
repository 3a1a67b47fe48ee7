// SPDX-License-Identifier: MIT
// Secrets with which shop systems sign: the file <data>/webhooks, one a line, in the order in which
// they were added:
//     ID SYSTEM ADDED_AT SECRETHEX        1f0c9a3e shopify 2026-01-31T12:00:00.000Z 7368...
// Empty lines and lines from # on are skipped. A signature
// is made with the secret itself, so it is kept as it is: mode 0600, of the owner of the directory.
// A system may have several, for the time in which one replaces another. Replaced as a whole by
// rename.
#pragma once
#include "base/error.h"
#include "webhook/webhook.h"
#include <stdint.h>

enum {
    WEBHOOK_ID_LEN = 8, // hexadecimal digits
    WEBHOOK_SECRET_MAX_BYTES = 255,
    WEBHOOK_SECRETS_MAX = 100, // in one file
};

struct webhook_secret {
    char id[WEBHOOK_ID_LEN + 1];
    char added_at[32];
    enum webhook_system system;
    size_t len;
    char secret[WEBHOOK_SECRET_MAX_BYTES + 1];
};
struct webhook_secrets {
    size_t n;
    struct webhook_secret list[WEBHOOK_SECRETS_MAX];
};

// --- The file. Any thread; writers of several processes take turns by a lock file.

// No file: none. Refused: a malformed line. The caller wipes *out.
MUST_CHECK bool webhook_secrets_read(const char *directory, struct webhook_secrets *out,
                                     struct error *err);
// Refused: one that is there already. now_ms: UTC.
MUST_CHECK bool webhook_secrets_add(const char *directory, enum webhook_system system,
                                    struct text secret, int64_t now_ms,
                                    char id[static WEBHOOK_ID_LEN + 1], struct error *err);
MUST_CHECK bool webhook_secrets_remove(const char *directory, const char *id, struct error *err);
// Whether group or others may read it or write into it: `err` is the line that warns.
MUST_CHECK bool webhook_secrets_open_to_others(const char *directory, struct error *err);

// --- Secrets in use by a server: the file in memory, read again when it changes. One thread.

struct webhook_keyring;
// Never fails: what cannot be read is told by the first refresh.
struct webhook_keyring *webhook_keyring_new(const char *directory);
void webhook_keyring_free(struct webhook_keyring *k); // wipes; NULL is fine
// Looks whether the file changed. One that cannot be read, or is malformed, means no secrets; false
// says so, once for each reason.
MUST_CHECK bool webhook_keyring_refresh(struct webhook_keyring *k, struct error *err);
// Valid until the next refresh.
const struct webhook_secrets *webhook_keyring_secrets(const struct webhook_keyring *k);
// Why all are refused; NULL: they are not.
const char *webhook_keyring_problem(const struct webhook_keyring *k);
