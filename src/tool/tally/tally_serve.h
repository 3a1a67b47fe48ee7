// SPDX-License-Identifier: MIT
// `salestide tally`: answers requests (tool/tally/tally_protocol.h) until nothing more comes.
#pragma once
#include "base/error.h"
#include "tool/tally/tally_input.h"
#include "tool/tally/tally_protocol.h"
#include "tool/tally/tally_stores.h"

struct tally_settings {
    struct tally_stores *stores;
    const struct store_settings *shop;
    size_t window_bytes; // memory for the identities of a partition's last hours
};
// Says that it is ready, then answers. False: nothing more could be understood, `err` tells why.
MUST_CHECK bool tally_serve(const struct tally_settings *settings, struct tally_input *pipe,
                            struct error *err);
