// SPDX-License-Identifier: MIT
#include "webhook/webhook.h"

static const struct {
    const char *name, *topic_header, *signature_header;
} systems[WEBHOOK_SYSTEMS] = {
    [WEBHOOK_SHOPIFY] = {"shopify", "X-Shopify-Topic", "X-Shopify-Hmac-Sha256"},
    [WEBHOOK_WOOCOMMERCE] = {"woocommerce", "X-WC-Webhook-Topic", "X-WC-Webhook-Signature"},
    [WEBHOOK_STRIPE] = {"stripe", NULL, "Stripe-Signature"},
};

const char *webhook_system_name(enum webhook_system system) {
    return systems[system].name;
}

bool webhook_system_of(struct text name, enum webhook_system *out) {
    for (int i = 0; i < WEBHOOK_SYSTEMS; i++) {
        if (text_equal(name, text_of(systems[i].name))) {
            *out = (enum webhook_system)i;
            return true;
        }
    }
    return false;
}

const char *webhook_topic_header(enum webhook_system system) {
    return systems[system].topic_header;
}

const char *webhook_signature_header(enum webhook_system system) {
    return systems[system].signature_header;
}
