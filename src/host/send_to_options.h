// SPDX-License-Identifier: MIT
// What --to says, and the options that go with it.
#pragma once
#include "host/options.h"
#include "tool/send_to.h"

// For commands whose --to may be a topic: options that do not go with what it is are refused.
// ERROR_USAGE. Apart from send_to_of_options, so that it comes before anything is read.
MUST_CHECK bool kafka_options_fit(const struct options *o, struct error *err);

// Reads --to, --key, --key-file, --delivery-timeout and --kafka-*; without --to it is
// SEND_TO_NOTHING. The topic has to be there unless the caller fills `wish`. Texts live as long as
// `o`. ERROR_USAGE says what is wrong.
MUST_CHECK bool send_to_of_options(const struct options *o, struct send_to *out, struct error *err);
// Wipes its key and its password.
void send_to_wipe(struct send_to *to);
