// SPDX-License-Identifier: MIT
// Checking: what the sender signed is signed again with our secret, and both are compared in
// constant time. Of Stripe's header each v1 is compared, and the time looked at last, so that
// "too old" is said only to those who know the secret.
//
// How it fails: a header in another form is no signature; OpenSSL without SHA-256 signs nothing.
#include "webhook/webhook_signature.h"

#include "base/hex.h"
#include <inttypes.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <pthread.h>
#include <stdio.h>

enum { MAC_BYTES = 32, BASE64_BYTES = 45, HEX_BYTES = 2 * MAC_BYTES, DIGITS_MAX = 12 };

// Made once and copied: fetching costs more than signing. NULL: OpenSSL has no SHA-256.
static EVP_MAC_CTX *prepared;
static void prepare(void) {
    static const unsigned char any_key[1] = {0};
    const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string("digest", (char *)"SHA256", 0),
                                 OSSL_PARAM_construct_end()};
    EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    prepared = hmac != NULL ? EVP_MAC_CTX_new(hmac) : NULL;
    EVP_MAC_free(hmac);
    if (prepared != NULL && EVP_MAC_init(prepared, any_key, sizeof any_key, params) != 1) {
        EVP_MAC_CTX_free(prepared);
        prepared = NULL;
    }
}

// Of `head` (may be empty) and `body`, one after the other.
static bool mac_of(struct text secret, struct text head, struct text body,
                   unsigned char out[static MAC_BYTES]) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    static const unsigned char none[1] = {0};
    const unsigned char *key = secret.len > 0 ? (const unsigned char *)secret.at : none;
    size_t n = 0;
    pthread_once(&once, prepare);
    EVP_MAC_CTX *context = prepared != NULL ? EVP_MAC_CTX_dup(prepared) : NULL;
    bool ok = context != NULL && EVP_MAC_init(context, key, secret.len, NULL) == 1 &&
              EVP_MAC_update(context, (const unsigned char *)head.at, head.len) == 1 &&
              EVP_MAC_update(context, (const unsigned char *)body.at, body.len) == 1 &&
              EVP_MAC_final(context, out, &n, MAC_BYTES) == 1 && n == MAC_BYTES;
    EVP_MAC_CTX_free(context);
    return ok;
}

static bool same(struct text sent, const char *right, size_t n) {
    return sent.len == n && CRYPTO_memcmp(sent.at, right, n) == 0;
}

static enum webhook_signed check_base64(struct text secret, struct text signature,
                                        struct text body) {
    unsigned char mac[MAC_BYTES], right[BASE64_BYTES + 1];
    if (!mac_of(secret, TEXT_NONE, body, mac)) {
        return WEBHOOK_WRONG_SIGNATURE;
    }
    int n = EVP_EncodeBlock(right, mac, MAC_BYTES);
    return same(text_trim(signature), (char *)right, (size_t)n) ? WEBHOOK_SIGNED
                                                                : WEBHOOK_WRONG_SIGNATURE;
}

// --- Stripe's header

// The next NAME=VALUE of a list with commas; cuts it off.
static bool next_part(struct text *rest, struct text *name, struct text *value) {
    if (rest->len == 0) {
        return false;
    }
    const char *comma = memchr(rest->at, ',', rest->len);
    struct text part = {rest->at, comma != NULL ? (size_t)(comma - rest->at) : rest->len};
    rest->at += part.len + (comma != NULL);
    rest->len -= part.len + (comma != NULL);
    part = text_trim(part);
    const char *equals = part.len > 0 ? memchr(part.at, '=', part.len) : NULL;
    *name = equals != NULL ? (struct text){part.at, (size_t)(equals - part.at)} : TEXT_NONE;
    *value = equals != NULL ? (struct text){equals + 1, part.len - name->len - 1} : TEXT_NONE;
    return true;
}

static bool digits_of(struct text t, int64_t *out) {
    *out = 0;
    for (size_t i = 0; i < t.len; i++) {
        if (t.at[i] < '0' || t.at[i] > '9') {
            return false;
        }
        *out = *out * 10 + (t.at[i] - '0');
    }
    return t.len > 0;
}

static enum webhook_signed check_timed(struct text secret, struct text signature, struct text body,
                                       int64_t now_ms) {
    struct text rest = signature, name, value, time = TEXT_NONE;
    while (next_part(&rest, &name, &value)) {
        time = text_equal(name, TEXT_LIT("t")) ? value : time;
    }
    int64_t signed_s;
    if (time.len == 0 || time.len > DIGITS_MAX || !digits_of(time, &signed_s)) {
        return WEBHOOK_NO_SIGNATURE;
    }
    char head[DIGITS_MAX + 1], right[HEX_BYTES + 1];
    unsigned char mac[MAC_BYTES];
    memcpy(head, time.at, time.len);
    head[time.len] = '.';
    if (!mac_of(secret, (struct text){head, time.len + 1}, body, mac)) {
        return WEBHOOK_WRONG_SIGNATURE;
    }
    hex_write(mac, MAC_BYTES, right);
    bool found = false;
    for (rest = signature; next_part(&rest, &name, &value);) {
        found |= text_equal(name, TEXT_LIT("v1")) && same(value, right, HEX_BYTES);
    }
    int64_t off_ms = signed_s * 1000 - now_ms;
    bool fresh = off_ms <= WEBHOOK_TOLERANCE_MS && off_ms >= -WEBHOOK_TOLERANCE_MS;
    return !found ? WEBHOOK_WRONG_SIGNATURE : fresh ? WEBHOOK_SIGNED : WEBHOOK_TOO_OLD;
}

// --- The calls

enum webhook_signed webhook_check(enum webhook_system system, struct text secret,
                                  struct text signature, struct text body, int64_t now_ms) {
    if (signature.len == 0 || signature.len > WEBHOOK_SIGNATURE_MAX_BYTES) {
        return WEBHOOK_NO_SIGNATURE;
    }
    return system == WEBHOOK_STRIPE ? check_timed(secret, signature, body, now_ms)
                                    : check_base64(secret, signature, body);
}

bool webhook_sign(enum webhook_system system, struct text secret, struct text body, int64_t now_ms,
                  char out[static WEBHOOK_SIGNED_MAX_BYTES]) {
    unsigned char mac[MAC_BYTES];
    char head[32] = "", hex[HEX_BYTES + 1];
    int n = 0;
    if (system == WEBHOOK_STRIPE) {
        n = snprintf(head, sizeof head, "%" PRId64 ".", now_ms / 1000);
    }
    if (!mac_of(secret, (struct text){head, (size_t)n}, body, mac)) {
        return false;
    }
    if (system == WEBHOOK_STRIPE) {
        hex_write(mac, MAC_BYTES, hex);
        snprintf(out, WEBHOOK_SIGNED_MAX_BYTES, "t=%.*s,v1=%s", n - 1, head, hex);
    } else {
        (void)EVP_EncodeBlock((unsigned char *)out, mac, MAC_BYTES);
    }
    return true;
}
