// SPDX-License-Identifier: MIT
// What a shop system sent, as events of ours.
//
// The mapping is a function of the delivery alone: it asks no store, so it works in front of a log
// as well. Therefore one fact makes one event, with an identity from the system's own ids and a
// content that no later delivery changes: an order as it was placed, each refund by its id, a
// cancellation. A delivery tells all facts that its body shows, known or not: what is known is a
// duplicate. So it does not matter which deliveries come, how often, or in which order
// (docs/webhooks.md has the tables).
#pragma once
#include "engine/submission.h"
#include "format/order_json.h"
#include "webhook/webhook.h"

enum webhook_outcome {
    WEBHOOK_MAPPED,        // events were added to the submission, at least one
    WEBHOOK_UNKNOWN_TOPIC, // nothing that counts here
    WEBHOOK_TEST,          // marked as a test by its sender
    WEBHOOK_NOT_SOLD,      // nothing is sold yet: not paid, not captured, a draft
    WEBHOOK_NO_MEMORY,     // of the submission's heap; what was added is of no use
};
const char *webhook_outcome_name(enum webhook_outcome outcome); // "mapped", "unknown_topic", ...

// Adds the events of `hook` to `sub`. What cannot be mapped is added as a rejected one, whose text
// is {"webhook":SYSTEM,"topic":TOPIC,"body":BODY}: that can be mapped again later. Any bytes are
// safe.
MUST_CHECK enum webhook_outcome webhook_map(const struct webhook *hook, struct order_json *parser,
                                            const struct order_rules *rules,
                                            struct submission *sub);

// Whether an event's text is such a rejected one, and its events. Of outcomes but MAPPED and
// NO_MEMORY there is one rejected event that says so.
bool webhook_is_kept(struct text event);
MUST_CHECK enum webhook_outcome webhook_map_kept(struct text event, struct order_json *parser,
                                                 const struct order_rules *rules,
                                                 struct submission *sub);
