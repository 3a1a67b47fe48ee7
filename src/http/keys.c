// SPDX-License-Identifier: MIT
// Keys in use by a server. A check is one SHA-256 and a comparison with every stored digest in
// constant time. The file is looked at (one stat) when the caller says so; it is replaced by
// rename, so a change always shows as another inode or time. While it cannot be read there are no
// keys, and each look tries again.
#include "http/keys.h"

#include "base/log.h"
#include "base/mem.h"
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

struct keys {
    char *directory;
    char *path;
    struct api_key *list;
    size_t n;
    bool exists;
    uint64_t version;
    struct stat seen;
    struct error problem; // text[0] == 0: none
    const EVP_MD *sha256; // fetched once: fetching costs more than hashing
};

static bool same_file(const struct stat *a, const struct stat *b) {
    return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
           a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

static void forget_keys(struct keys *k) {
    k->version++;
    free(k->list);
    k->list = NULL;
    k->n = 0;
}

// False: for another reason than at the last look, or for the first time.
static bool told_already(struct keys *k, const struct error *problem, struct error *err) {
    bool again = strcmp(k->problem.text, problem->text) == 0;
    k->problem = *problem;
    *err = *problem;
    return again;
}

static bool read_again(struct keys *k, struct error *err) {
    struct error problem = {0};
    forget_keys(k);
    if (!keys_file_read(k->directory, &k->list, &k->n, &problem)) {
        return told_already(k, &problem, err);
    }
    k->problem.text[0] = '\0';
    if (keys_file_open_to_others(k->directory, &problem)) {
        log_warn("http", "%s", problem.text);
    }
    return true;
}

bool keys_open(const char *directory, struct keys **out, struct error *err) {
    struct keys *k = mem_zalloc(1, sizeof *k);
    k->directory = mem_strndup(directory, strlen(directory));
    size_t len = strlen(directory) + sizeof "/keys";
    k->path = mem_alloc(len);
    snprintf(k->path, len, "%s/keys", directory);
    k->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    if (k->sha256 == NULL) {
        keys_free(k);
        return error_set(err, ERROR_FATAL, "OpenSSL has no SHA-256: check its installation");
    }
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
        free(k->path);
        free(k->list);
        free(k);
    }
}

bool keys_refresh(struct keys *k, struct error *err) {
    struct stat now;
    if (stat(k->path, &now) != 0) {
        int code = errno;
        struct error problem = {0};
        if (k->exists || k->n > 0) {
            forget_keys(k);
        }
        k->exists = false;
        if (code == ENOENT || code == ENOTDIR) {
            k->problem.text[0] = '\0';
            return true;
        }
        error_set(&problem, ERROR_FATAL, "cannot look at %s: %s", k->path, strerror(code));
        return told_already(k, &problem, err);
    }
    if (k->exists && same_file(&now, &k->seen) && keys_problem(k) == NULL) {
        return true;
    }
    k->exists = true;
    k->seen = now;
    return read_again(k, err);
}

const char *keys_problem(const struct keys *k) {
    return k->problem.text[0] != '\0' ? k->problem.text : NULL;
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
    if (key.len > KEY_TEXT_MAX ||
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
