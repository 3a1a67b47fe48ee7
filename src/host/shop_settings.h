// SPDX-License-Identifier: MIT
// What the options say that the shop is.
#pragma once
#include "engine/store.h"
#include "host/options.h"

// What --currency, --timezone and --late-limit ask for; empty where they are not given.
// ERROR_USAGE: what cannot be.
MUST_CHECK bool settings_of_options(const struct options *o, struct store_settings *out,
                                    struct error *err);
