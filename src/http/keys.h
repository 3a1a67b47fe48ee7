// SPDX-License-Identifier: MIT
// API keys: the file <data>/keys, one key a line, sorted by creation:
//     ID SCOPE SHA256HEX CREATED_AT        1f0c9a3e ingest 9f86d0...0a08 2026-01-31T12:00:00.000Z
// Empty lines and lines from # on are skipped. A key itself is shown once and never stored: it
// holds 256 random bits, so a plain SHA-256 cannot be searched. Replaced as a whole by rename; the
// new one keeps owner, group and mode of the old, so that the server goes on reading what root
// wrote. The first one belongs to the owner of the directory, mode 0600.
#pragma once
#include "base/error.h"
#include "base/must.h"
#include "base/text.h"
#include <stdint.h>

enum key_scope { KEY_INGEST, KEY_READ };
enum {
    KEY_TEXT_MAX = 64, // characters of a key
    KEY_ID_LEN = 8,    // hexadecimal digits of an id
    KEY_DIGEST_BYTES = 32,
    KEYS_MAX = 1000, // in one file
};

struct api_key {
    char id[KEY_ID_LEN + 1];
    enum key_scope scope;
    unsigned char digest[KEY_DIGEST_BYTES];
    char created_at[32];
};
const char *key_scope_name(enum key_scope scope); // "ingest", "read"
MUST_CHECK bool key_scope_of(const char *name, enum key_scope *scope);

// --- The file. Any thread; writers of several processes take turns by a lock file.

// *list is owned by the caller (free()); no file: an empty list. Refused: a malformed line.
MUST_CHECK bool keys_file_read(const char *directory, struct api_key **list, size_t *n,
                               struct error *err);
// Makes a key, stores its digest and writes the key to key_text (zero-terminated). Makes the
// directory if it is missing. now_ms: UTC.
MUST_CHECK bool keys_file_add(const char *directory, enum key_scope scope, int64_t now_ms,
                              char key_text[static KEY_TEXT_MAX + 1], struct api_key *added,
                              struct error *err);
MUST_CHECK bool keys_file_revoke(const char *directory, const char *id, struct error *err);
// Whether group or others may write into the file: `err` is the line that warns.
MUST_CHECK bool keys_file_open_to_others(const char *directory, struct error *err);

// --- Keys in use by a server: the file in memory, read again when it changes. One thread.

struct keys;
MUST_CHECK bool keys_open(const char *directory, struct keys **out, struct error *err);
void keys_free(struct keys *k); // NULL is fine
// Looks whether the file changed since the last look and reads it again; a missing one means no
// keys. One that cannot be read, or is malformed, means no keys either, since a key that was
// revoked in it must not go on working; false says so, once for each reason.
MUST_CHECK bool keys_refresh(struct keys *k, struct error *err);
// Why all keys are refused; NULL: they are not. Valid until the next refresh.
const char *keys_problem(const struct keys *k);
size_t keys_count(const struct keys *k);
// Grows whenever the keys may have changed.
uint64_t keys_version(const struct keys *k);

enum key_verdict { KEY_OK, KEY_UNKNOWN, KEY_WRONG_SCOPE };
// Takes the same time whichever key it is.
enum key_verdict keys_check(const struct keys *k, struct text key, enum key_scope needed);
// The key as it is stored; NULL: not known, or of another scope. Valid until the next refresh.
const struct api_key *keys_find(const struct keys *k, struct text key, enum key_scope needed);
const struct api_key *keys_by_id(const struct keys *k, struct text id, enum key_scope needed);
