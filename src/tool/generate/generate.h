// SPDX-License-Identifier: MIT
// The demo producer: `salestide generate`.
#pragma once
#include "tool/send_to.h"
#include "webhook/webhook.h"
#include <stdint.h>

// A plain value; texts are borrowed until generate_run returns.
struct generate_settings {
    int64_t count;    // events to make; 0: until stopped
    int64_t rate;     // events a second, >= 0; 0 (as fast as they are taken) only with a target
    int64_t start_ms; // created_at of the first event, UTC ms; < 0: now, or as it suits the seed
    bool seeded;      // the same seed makes the same events; else each run is new
    int64_t seed;     // >= 0, of `seeded`
    bool random_ids;  // UUIDs; else increasing numbers
    bool customer_fields;       // source and state in every event
    const char *customers_file; // where to write the shop's customers as CSV; NULL: nowhere
    const char *products_file;  // likewise its products
    bool files_alone;           // write these and make no events
    struct send_to to;          // SEND_TO_NOTHING: standard output
    const char *webhook_secret; // as webhooks of this system, signed with it; NULL: as orders
    enum webhook_system webhook_system;
};

// Makes events until there are enough or a signal comes (base/stop.h). 0; 1: it failed, or a server
// rejected some; 2: something asked for cannot be.
MUST_CHECK int generate_run(const struct generate_settings *settings);
