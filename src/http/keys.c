// SPDX-License-Identifier: MIT
// Keys in use by a server. A check is one SHA-256 and a comparison with every stored digest in
// constant time. The file is looked at when the caller says so (base/watched_file.h). While it
// cannot be read there are no keys, and each look tries again.
#include "http/keys.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/watched_file.h"
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>

struct keys {
    char *directory;
    struct watched_file file;
    struct api_key *list;
    size_t n;
    uint64_t version;
    // Fetched once, since that costs more than hashing, and with the first key: until then OpenSSL,
    // which takes 2 MB to begin, is not asked for anything.
    const EVP_MD *sha256;
};

static void forget_keys(struct keys *k) {
    k->version++;
    free(k->list);
    k->list = NULL;
    k->n = 0;
}

static bool have_sha256(struct keys *k, struct error *err) {
    if (k->sha256 == NULL) {
        k->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    }
    return k->sha256 != NULL ||
           error_set(err, ERROR_FATAL, "OpenSSL has no SHA-256: check its installation");
}

static bool read_again(struct keys *k, struct error *err) {
    struct error warning;
    forget_keys(k);
    if (!keys_file_read(k->directory, &k->list, &k->n, err)) {
        return watched_file_badly(&k->file, err);
    }
    if (k->n > 0 && !have_sha256(k, err)) {
        forget_keys(k);
        return watched_file_badly(&k->file, err);
    }
    watched_file_read_well(&k->file);
    if (keys_file_open_to_others(k->directory, &warning)) {
        log_warn("http", "%s", warning.text);
    }
    return true;
}

bool keys_open(const char *directory, struct keys **out, struct error *err) {
    struct keys *k = mem_zalloc(1, sizeof *k);
    k->directory = mem_strndup(directory, strlen(directory));
    watched_file_init(&k->file, directory, "keys");
    if (!keys_refresh(k, err)) { // the first look tells any reason
        keys_free(k);
        return false;
    }
    *out = k;
    return true;
}

void keys_free(struct keys *k) {
    if (k != NULL) {
        EVP_MD_free((EVP_MD *)k->sha256);
        free(k->directory);
        watched_file_free(&k->file);
        free(k->list);
        free(k);
    }
}

bool keys_refresh(struct keys *k, struct error *err) {
    enum watched is = watched_file_look(&k->file, err);
    if (is == WATCHED_CHANGED) {
        return read_again(k, err);
    }
    if (is != WATCHED_SAME && k->n > 0) {
        forget_keys(k);
    }
    return is != WATCHED_HIDDEN || watched_file_badly(&k->file, err);
}

const char *keys_problem(const struct keys *k) {
    return watched_file_problem(&k->file);
}

size_t keys_count(const struct keys *k) {
    return k->n;
}

uint64_t keys_version(const struct keys *k) {
    return k->version;
}

static const struct api_key *find_key(const struct keys *k, struct text key) {
    unsigned char digest[KEY_DIGEST_BYTES];
    unsigned digest_len = 0;
    if (k->n == 0 || key.len > KEY_TEXT_MAX ||
        EVP_Digest(key.at, key.len, digest, &digest_len, k->sha256, NULL) != 1) {
        return NULL;
    }
    const struct api_key *found = NULL;
    for (size_t i = 0; i < k->n; i++) { // all of them, always
        if (CRYPTO_memcmp(digest, k->list[i].digest, KEY_DIGEST_BYTES) == 0) {
            found = &k->list[i];
        }
    }
    return found;
}

enum key_verdict keys_check(const struct keys *k, struct text key, enum key_scope needed) {
    const struct api_key *found = find_key(k, key);
    return found == NULL ? KEY_UNKNOWN : found->scope == needed ? KEY_OK : KEY_WRONG_SCOPE;
}

const struct api_key *keys_find(const struct keys *k, struct text key, enum key_scope needed) {
    const struct api_key *found = find_key(k, key);
    return found != NULL && found->scope == needed ? found : NULL;
}

const struct api_key *keys_by_id(const struct keys *k, struct text id, enum key_scope needed) {
    for (size_t i = 0; i < k->n; i++) {
        if (text_equal(text_of(k->list[i].id), id)) {
            return k->list[i].scope == needed ? &k->list[i] : NULL;
        }
    }
    return NULL;
}
