// SPDX-License-Identifier: MIT
// The embedded store: one SQLite file, <directory>/sales.db, WAL, synchronous=FULL, one writer.
#pragma once
#include "base/clock.h"
#include "engine/log_store.h"
#include "engine/store.h"
#include "store/raw_store.h"
#include "store/rejected_retries.h"
#include "store/sales_reader.h"

struct sqlite_options {
    const char *directory;          // made if missing
    struct store_settings settings; // empty currency or timezone: what the store has, else USD, UTC
    const char *vfs;                // NULL: the system's; tests put in one that fails
    const struct clock_source *clock;
    bool follows_log; // the embedded store's input is a log: it has that part (engine/log_store.h)
};

// Opens for writing, creating what is missing. Takes <directory>/lock: a second writer is refused
// with ERROR_USAGE. *settings_out: the settings in force.
MUST_CHECK bool sqlite_store_open(const struct sqlite_options *options, struct store **out,
                                  struct store_settings *settings_out, struct error *err);

// A reader of the same file; any number, also from other processes, while a writer works. A look-up
// by order id is fastest when `writer` (of this process, or NULL) knows ids not yet in the index.
// timeout_ms bounds each call.
MUST_CHECK bool sqlite_reader_open(const char *directory, struct store *writer, int timeout_ms,
                                   struct sales_reader **out, struct store_settings *settings_out,
                                   struct error *err);

// For a file of aggregates alone, whose reader has no `order` of its own: asks for orders there.
// `raw.user` is borrowed. ERROR_USAGE when the file has its raw orders in itself.
MUST_CHECK bool sqlite_reader_set_raw(struct sales_reader *r, struct raw_opener raw,
                                      struct error *err);

// For writing what became of rejected events, beside whatever else writes there.
MUST_CHECK bool sqlite_retries_open(const char *directory, struct rejected_retries **out,
                                    struct error *err);

// Bytes of the database and its WAL, for /metrics. 0 when they cannot be read.
void sqlite_store_sizes(const char *directory, int64_t *db_bytes, int64_t *wal_bytes);
