// SPDX-License-Identifier: MIT
// Aggregates of a log's pipeline in the SQLite file of a data directory, for raw orders that are
// kept elsewhere or not at all: struct aggregates (store/aggregates.h) over what the embedded
// store uses (store/sqlite/sqlite_sums.h). Takes <directory>/lock: one process writes.
#pragma once
#include "store/aggregates.h"
#include "store/sqlite/sqlite.h"

// *settings_out: the settings in force.
MUST_CHECK bool sqlite_aggregates_open(const struct sqlite_options *options,
                                       struct aggregates **out, struct store_settings *settings_out,
                                       struct error *err);
