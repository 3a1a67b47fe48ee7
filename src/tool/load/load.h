// SPDX-License-Identifier: MIT
// Loading files of orders into a data directory, to a server or into a topic: `salestide load`.
#pragma once
#include "format/csv_fields.h"
#include "tool/load/load_sink.h"

enum load_format { LOAD_AUTO, LOAD_CSV, LOAD_NDJSON }; // AUTO: by name, else by the first bytes

// A plain value; everything is borrowed until load_run returns.
struct load_settings {
    const char *const *paths; // files, .gz too; "-": standard input, once at most
    size_t n_paths;           // at least 1
    enum load_format format;
    const struct csv_fields *fields; // how CSV columns become fields
    struct send_to to;               // SEND_TO_NOTHING: into `store`
    struct load_store_settings store;
};

// Loads; prints progress, problems and the summary. Handles SIGINT and SIGTERM (base/stop.h). 0:
// every event was accepted or known already; 1: some were rejected, or it failed or was stopped; 2:
// something asked for cannot be.
MUST_CHECK int load_run(const struct load_settings *settings);
