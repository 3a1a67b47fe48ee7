// SPDX-License-Identifier: MIT
// Aggregates of a log's pipeline in MySQL or MariaDB (store/aggregates.h).
#pragma once
#include "base/clock.h"
#include "store/aggregates.h"
#include "store/mysql/mysql_connection.h"

struct mysql_aggregates_options {
    struct mysql_address address;
    struct store_settings settings; // empty ones: whatever is in force
    const struct clock_source *clock;
    struct store_wait *wait; // borrowed; NULL: nobody asks
};

// Connects for writing and checks what is there: tables, columns, settings. Makes nothing, setup
// does (mysql_setup.h). *settings_out: those in force. ERROR_USAGE: somebody has to do something;
// ERROR_RETRIABLE: the server cannot be reached now.
MUST_CHECK bool mysql_aggregates_open(const struct mysql_aggregates_options *options,
                                      struct aggregates **out, struct store_settings *settings_out,
                                      struct error *err);
