// SPDX-License-Identifier: MIT
// Signatures of webhooks: HMAC-SHA256 over the bytes that were sent. Pure; any thread.
//
//     shopify, woocommerce   base64 of the HMAC of the body
//     stripe                 t=SECONDS,v1=HEX[,v1=HEX...]: the HMAC of "SECONDS.BODY"; Stripe sends
//                            one v1 for each secret while one is being replaced
#pragma once
#include "webhook/webhook.h"
#include <stdint.h>

// How far the signed time of Stripe's may be from now, both ways.
enum { WEBHOOK_TOLERANCE_MS = 5 * 60 * 1000, WEBHOOK_SIGNATURE_MAX_BYTES = 1024 };

enum webhook_signed {
    WEBHOOK_SIGNED,
    WEBHOOK_WRONG_SIGNATURE,
    WEBHOOK_NO_SIGNATURE, // none, or not in the system's form
    WEBHOOK_TOO_OLD,      // signed right, but more than the tolerance from now
};
// Holds `signature` (the header's value, which may be any bytes) against the body. now_ms: UTC. The
// comparison takes the same time wherever they differ.
MUST_CHECK enum webhook_signed webhook_check(enum webhook_system system, struct text secret,
                                             struct text signature, struct text body,
                                             int64_t now_ms);

// The header's value of a body that is sent now. Zero-terminated. False: OpenSSL has no SHA-256.
enum { WEBHOOK_SIGNED_MAX_BYTES = 128 };
MUST_CHECK bool webhook_sign(enum webhook_system system, struct text secret, struct text body,
                             int64_t now_ms, char out[static WEBHOOK_SIGNED_MAX_BYTES]);
