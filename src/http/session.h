// SPDX-License-Identifier: MIT
// Sessions: what a browser has in place of a read key after it signed in, as a cookie that holds
// the key neither in the clear nor hashed. Pure but for session_make, any thread.
//
// The cookie is ID.UNTIL.NONCE.MAC: the key's id, UTC seconds in 10 hexadecimal digits, 16 random
// digits, and an HMAC-SHA256 of what stands before it, by the digest under which the key is stored.
// So nothing is kept of sessions: they outlive a restart, hold on every server that has the key,
// and end with the key. Whoever can read <data>/keys can make one, of read keys.
#pragma once
#include "http/keys.h"

#define SESSION_COOKIE "salestide_session"
enum {
    SESSION_NONCE_LEN = 16,
    SESSION_TEXT_LEN = KEY_ID_LEN + 1 + 10 + 1 + SESSION_NONCE_LEN + 1 + 2 * KEY_DIGEST_BYTES,
    SESSION_LASTS_S = 30 * 24 * 3600,
};

struct session {
    char key_id[KEY_ID_LEN + 1];
    char nonce[SESSION_NONCE_LEN + 1];
};

// A session of this key from now on, as the cookie's value, zero-terminated. False: OpenSSL has no
// random numbers.
MUST_CHECK bool session_make(const struct api_key *key, int64_t now_ms,
                             char out[static SESSION_TEXT_LEN + 1]);
// The session in a Cookie header, among others' cookies: of a read key that is there, and not over.
// False: there is none. *sent: a cookie of that name is there at least.
MUST_CHECK bool session_read(const struct keys *keys, struct text cookies, int64_t now_ms,
                             struct session *out, bool *sent);
