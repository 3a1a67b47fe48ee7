// SPDX-License-Identifier: MIT
// The stores of a pipeline over a log by their addresses: --raw and --aggregates.
#pragma once
#include "host/options.h"
#include "store/aggregates.h"
#include "store/raw_store.h"
#include "store/store_wait.h"
#include <stdatomic.h>

// Whether the combination of --broker, --raw and --aggregates is one there is.
MUST_CHECK bool parts_check(const struct options *o, struct error *err);
// Whether both are the one SQLite file of --data, which does everything in one transaction.
bool parts_embedded(const struct options *o);
// Opened for a log.
MUST_CHECK bool parts_open_embedded(const struct options *o, struct store_settings *settings,
                                    struct store **out, struct error *err);
// *settings: those wanted by --currency, --timezone, --late-limit; then those in force.
// `wait`: where their waits are on record; as long as they are open.
MUST_CHECK bool parts_open_aggregates(const struct options *o, struct store_wait *wait,
                                      struct store_settings *settings, struct aggregates **out,
                                      struct error *err);
// *out is NULL with --raw none. stop: true: a server that is down is not waited for.
MUST_CHECK bool parts_open_raw(const struct options *o, const atomic_bool *stop,
                               struct raw_store **out, struct error *err);
