// SPDX-License-Identifier: MIT
// The key file. Adding and revoking: take the lock file, read all, replace <data>/keys as a whole
// (base/replace_file.h), so that the server can read the new one whoever made it.
#include "base/buf.h"
#include "base/clock.h"
#include "base/hex.h"
#include "base/mem.h"
#include "base/replace_file.h"
#include "http/keys.h"
#include "order/timestamp.h"
#include <errno.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_BYTES = 4096, LINE_BYTES = 256, SECRET_BYTES = 32 };

const char *key_scope_name(enum key_scope scope) {
    return scope == KEY_INGEST ? "ingest" : "read";
}

bool key_scope_of(const char *name, enum key_scope *scope) {
    *scope = strcmp(name, "ingest") == 0 ? KEY_INGEST : KEY_READ;
    return *scope == KEY_INGEST || strcmp(name, "read") == 0;
}

static bool parse_line(const char *line, struct api_key *key) {
    char scope[16], hex[2 * KEY_DIGEST_BYTES + 1], extra[2];
    return sscanf(line, "%8s %15s %64s %31s %1s", key->id, scope, hex, key->created_at, extra) ==
               4 &&
           key_scope_of(scope, &key->scope) && strlen(key->id) == KEY_ID_LEN &&
           hex_read(text_of(hex), key->digest, KEY_DIGEST_BYTES);
}

static bool read_lines(FILE *f, const char *path, struct api_key **list, size_t *n,
                       struct error *err) {
    char line[LINE_BYTES];
    for (size_t number = 1; fgets(line, sizeof line, f) != NULL; number++) {
        line[strcspn(line, "#\r\n")] = '\0';
        if (line[strspn(line, " \t")] == '\0') {
            continue;
        }
        if (*n == KEYS_MAX) {
            return error_set(err, ERROR_USAGE, "%s has more than %d keys: revoke some", path,
                             KEYS_MAX);
        }
        *list = mem_realloc(*list, (*n + 1) * sizeof **list);
        if (!parse_line(line, &(*list)[*n])) {
            return error_set(err, ERROR_USAGE,
                             "%s, line %zu is not \"ID ingest|read SHA256 TIME\": repair or remove "
                             "it",
                             path, number);
        }
        ++*n;
    }
    if (ferror(f)) {
        return error_set(err, ERROR_RETRIABLE, "cannot read %s: %s", path, strerror(errno));
    }
    return true;
}

bool keys_file_read(const char *directory, struct api_key **list, size_t *n, struct error *err) {
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "%s/keys", directory);
    *list = NULL;
    *n = 0;
    FILE *f = fopen(path, "re");
    if (f == NULL) {
        return errno == ENOENT || errno == ENOTDIR
                   ? true
                   : error_set(err, ERROR_FATAL, "cannot read %s: %s", path, strerror(errno));
    }
    bool ok = read_lines(f, path, list, n, err);
    fclose(f);
    if (!ok) {
        free(*list);
        *list = NULL;
        *n = 0;
    }
    return ok;
}

bool keys_file_open_to_others(const char *directory, struct error *err) {
    char path[PATH_BYTES];
    struct stat now;
    snprintf(path, sizeof path, "%s/keys", directory);
    if (stat(path, &now) != 0 || (now.st_mode & (S_IWGRP | S_IWOTH)) == 0) {
        return false;
    }
    error_set(err, ERROR_USAGE,
              "%s has mode %04o: others can write keys of their own into it (chmod 600 it)", path,
              (unsigned)now.st_mode & 07777);
    return true;
}

static bool replace_keys(const char *directory, const struct api_key *list, size_t n,
                         struct error *err) {
    struct buf lines = {0};
    for (size_t i = 0; i < n; i++) {
        char hex[2 * KEY_DIGEST_BYTES + 1];
        hex_write(list[i].digest, KEY_DIGEST_BYTES, hex);
        buf_printf(&lines, "%s %s %s %s\n", list[i].id, key_scope_name(list[i].scope), hex,
                   list[i].created_at);
    }
    bool ok = lines.failed ? error_set(err, ERROR_RETRIABLE, "no memory for the file of keys")
                           : replace_file(directory, "keys", buf_text(&lines), err);
    buf_free(&lines);
    return ok;
}

// "st_" and 43 characters of base64url: 256 random bits.
static bool make_key(enum key_scope scope, int64_t now_ms, char key_text[static KEY_TEXT_MAX + 1],
                     struct api_key *key, struct error *err) {
    unsigned char secret[SECRET_BYTES], id[KEY_ID_LEN / 2], coded[64];
    unsigned digest_len = 0;
    if (RAND_bytes(secret, sizeof secret) != 1 || RAND_bytes(id, sizeof id) != 1) {
        return error_set(err, ERROR_FATAL, "the system gives no random bytes");
    }
    int n = EVP_EncodeBlock(coded, secret, sizeof secret) - 1; // without the "=" at the end
    for (int i = 0; i < n; i++) {
        coded[i] = coded[i] == '+' ? '-' : coded[i] == '/' ? '_' : coded[i];
    }
    snprintf(key_text, KEY_TEXT_MAX + 1, "st_%.*s", n, (char *)coded);
    key->scope = scope;
    hex_write(id, sizeof id, key->id);
    key->created_at[timestamp_format(now_ms, key->created_at)] = '\0';
    if (EVP_Digest(key_text, strlen(key_text), key->digest, &digest_len, EVP_sha256(), NULL) != 1) {
        return error_set(err, ERROR_FATAL, "OpenSSL has no SHA-256: check its installation");
    }
    return true;
}

bool keys_file_add(const char *directory, enum key_scope scope, int64_t now_ms,
                   char key_text[static KEY_TEXT_MAX + 1], struct api_key *added,
                   struct error *err) {
    int lock = replace_file_lock(directory, "keys.lock", err);
    if (lock < 0) {
        return false;
    }
    struct api_key *list = NULL;
    size_t n = 0;
    bool ok = keys_file_read(directory, &list, &n, err);
    if (ok && n == KEYS_MAX) {
        ok = error_set(err, ERROR_USAGE, "there are %d keys already: revoke some first", KEYS_MAX);
    }
    if (ok) {
        list = mem_realloc(list, (n + 1) * sizeof *list);
        ok = make_key(scope, now_ms, key_text, &list[n], err) &&
             replace_keys(directory, list, n + 1, err);
        *added = list[n];
    }
    free(list);
    close(lock);
    return ok;
}

bool keys_file_revoke(const char *directory, const char *id, struct error *err) {
    int lock = replace_file_lock(directory, "keys.lock", err);
    if (lock < 0) {
        return false;
    }
    struct api_key *list = NULL;
    size_t n = 0, kept = 0;
    bool ok = keys_file_read(directory, &list, &n, err);
    for (size_t i = 0; ok && i < n; i++) {
        if (strcmp(list[i].id, id) != 0) {
            list[kept++] = list[i];
        }
    }
    if (ok && kept == n) {
        ok = error_set(err, ERROR_USAGE, "no key with id %s: see `salestide key list`", id);
    }
    ok = ok && replace_keys(directory, list, kept, err);
    free(list);
    close(lock);
    return ok;
}
