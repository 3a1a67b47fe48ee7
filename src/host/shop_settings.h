// SPDX-License-Identifier: MIT
// What the options say that the shop is.
#pragma once
#include "engine/store.h"
#include "host/options.h"

// What --currency and --timezone ask for; empty where they are not given, as all else. ERROR_USAGE:
// what cannot be.
MUST_CHECK bool shop_of_options(const struct options *o, struct store_settings *out,
                                struct error *err);
// What --locale says; "": nothing. ERROR_USAGE: it is no tag of a language. Lives as long as `o`.
MUST_CHECK bool locale_of_options(const struct options *o, const char **out, struct error *err);
// As shop_of_options, and --late-limit, for commands that judge orders.
MUST_CHECK bool settings_of_options(const struct options *o, struct store_settings *out,
                                    struct error *err);
