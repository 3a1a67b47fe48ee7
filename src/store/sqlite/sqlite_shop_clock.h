// SPDX-License-Identifier: MIT
// The table shop_clock of sales.db (store/shop_clock.h), for views; no figure depends on it.
#pragma once
#include "store/sqlite/sqlite_util.h"

// Writer only: makes the table, and writes it anew where it is not what the system knows of this
// zone. In a transaction of its own, if there is anything to do, unless one is open.
MUST_CHECK bool sqlite_shop_clock_refresh(sqlite3 *db, const char *timezone, struct error *err);
