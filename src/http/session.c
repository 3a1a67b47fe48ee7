// SPDX-License-Identifier: MIT
// A cookie is believed when the same fields, signed with the key of that id, give the same text.
// Anything else in it (another length, other characters, a key that is gone) gives another text, so
// there is nothing to parse that could be parsed wrongly.
#include "http/session.h"

#include "base/hex.h"
#include "http/http_header.h"
#include <inttypes.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>

enum { UNTIL_LEN = 10, UNTIL_AT = KEY_ID_LEN + 1, NONCE_AT = UNTIL_AT + UNTIL_LEN + 1 };

static bool sign(const struct api_key *key, int64_t until_s, const char *nonce,
                 char out[static SESSION_TEXT_LEN + 1]) {
    unsigned char mac[KEY_DIGEST_BYTES];
    unsigned mac_len = 0;
    int n = snprintf(out, SESSION_TEXT_LEN + 1, "%s.%010" PRIx64 ".%s", key->id,
                     (uint64_t)until_s & UINT64_C(0xFFFFFFFFFF), nonce);
    if (HMAC(EVP_sha256(), key->digest, KEY_DIGEST_BYTES, (const unsigned char *)out, (size_t)n,
             mac, &mac_len) == NULL ||
        mac_len != sizeof mac) {
        return false;
    }
    out[n] = '.';
    hex_write(mac, sizeof mac, out + n + 1);
    return true;
}

bool session_make(const struct api_key *key, int64_t now_ms,
                  char out[static SESSION_TEXT_LEN + 1]) {
    unsigned char random[SESSION_NONCE_LEN / 2];
    char nonce[SESSION_NONCE_LEN + 1];
    if (RAND_bytes(random, sizeof random) != 1) {
        return false;
    }
    hex_write(random, sizeof random, nonce);
    return sign(key, now_ms / 1000 + SESSION_LASTS_S, nonce, out);
}

static bool read_one(const struct keys *keys, struct text value, int64_t now_ms,
                     struct session *out) {
    char copy[SESSION_TEXT_LEN + 1], signed_again[SESSION_TEXT_LEN + 1];
    if (value.len != SESSION_TEXT_LEN) {
        return false;
    }
    memcpy(copy, value.at, value.len);
    copy[value.len] = copy[UNTIL_AT - 1] = copy[NONCE_AT - 1] = '\0';
    copy[NONCE_AT + SESSION_NONCE_LEN] = '\0';
    const struct api_key *key = keys_by_id(keys, text_of(copy), KEY_READ);
    int64_t until_s = strtoll(copy + UNTIL_AT, NULL, 16);
    if (key == NULL || strlen(copy + NONCE_AT) != SESSION_NONCE_LEN ||
        !sign(key, until_s, copy + NONCE_AT, signed_again) ||
        CRYPTO_memcmp(value.at, signed_again, SESSION_TEXT_LEN) != 0) {
        return false;
    }
    memcpy(out->key_id, key->id, sizeof out->key_id);
    memcpy(out->nonce, copy + NONCE_AT, sizeof out->nonce);
    return now_ms / 1000 < until_s;
}

bool session_read(const struct keys *keys, struct text cookies, int64_t now_ms, struct session *out,
                  bool *sent) {
    struct text value;
    *sent = false;
    while (header_next_cookie(&cookies, SESSION_COOKIE, &value)) { // of several paths, maybe
        *sent = *sent || value.len > 0;
        if (read_one(keys, value, now_ms, out)) {
            return true;
        }
    }
    return false;
}
