// SPDX-License-Identifier: MIT
// Questions to aggregates in MySQL or MariaDB: a struct sales_reader with a connection of its own,
// which is made again when it is lost (with back-off; what is asked meanwhile fails at once with
// the last error). Raw orders are asked of a raw_reader, where there is one.
#pragma once
#include "store/mysql/mysql_connection.h"
#include "store/raw_store.h"
#include "store/rejected_retries.h"
#include "store/sales_reader.h"

// Connects and reads the settings. `address` is copied; `raw.user` is borrowed. timeout_ms bounds
// each call.
MUST_CHECK bool mysql_reader_open(const struct mysql_address *address, struct raw_opener raw,
                                  int timeout_ms, struct sales_reader **out,
                                  struct store_settings *settings, struct error *err);

// For writing what became of rejected events, beside whatever else writes there.
MUST_CHECK bool mysql_retries_open(const struct mysql_address *address,
                                   struct rejected_retries **out, struct error *err);
