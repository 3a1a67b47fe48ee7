// SPDX-License-Identifier: MIT
// Demo orders as shop systems post them, for trying webhooks without an account. Pure.
#pragma once
#include "tool/generate/demo_orders.h"
#include "webhook/webhook.h"

// Appends the body that tells `e`, without a currency, which is then the receiver's. Orders have
// increasing ids. Returns its topic, static; NULL: it is in the body.
const char *demo_webhook_put(struct buf *out, enum webhook_system system,
                             const struct demo_event *e);
