// SPDX-License-Identifier: MIT
// Webhooks: what shop systems post by themselves when something happens to an order. Which systems
// there are, and what one delivery is.
#pragma once
#include "base/must.h"
#include "base/text.h"

enum webhook_system { WEBHOOK_SHOPIFY, WEBHOOK_WOOCOMMERCE, WEBHOOK_STRIPE, WEBHOOK_SYSTEMS };

const char *webhook_system_name(enum webhook_system system); // "shopify", ...
MUST_CHECK bool webhook_system_of(struct text name, enum webhook_system *out);

// Header fields of a delivery. NULL: this system has none, its topic is in the body.
const char *webhook_topic_header(enum webhook_system system);
const char *webhook_signature_header(enum webhook_system system);

// One delivery. Borrowed.
struct webhook {
    enum webhook_system system;
    struct text topic; // "orders/create"; absent: in the body, or not said
    struct text body;  // as it was signed
};
