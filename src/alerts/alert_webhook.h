// SPDX-License-Identifier: MIT
// Posts messages to the shop's webhook, as Slack and those that follow it take them. A thread of
// its own: nobody who hands a message in waits. The address is a secret (whoever knows it can
// post), so only its host is ever told.
#pragma once
#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/must.h"

struct alert_webhook;
// ERROR_USAGE: the address is not http:// or https:// with a host.
MUST_CHECK bool alert_webhook_start(const char *url, const struct clock_source *clock,
                                    struct alert_webhook **out, struct error *err);
// Gives up what is under way, says how much was not sent, joins. NULL is fine.
void alert_webhook_stop(struct alert_webhook *w);
// Takes the content of `body`, a JSON object, over. Any thread; never blocks.
void alert_webhook_put(struct alert_webhook *w, struct buf *body);
void alert_webhook_metrics(struct alert_webhook *w, struct buf *out); // any thread
