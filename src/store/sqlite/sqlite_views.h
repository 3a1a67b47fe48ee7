// SPDX-License-Identifier: MIT
// The views of sales.db: plain names, plain numbers, readable times, for any tool that reads
// SQLite.
#pragma once
#include "store/sqlite/sqlite_schema.h"

// Makes the views of a file that holds `holds`, and makes those anew whose text is another program
// version's; other people's views are left alone. In a transaction of its own, if there is anything
// to do, unless one is open.
MUST_CHECK bool sqlite_views_refresh(sqlite3 *db, enum sqlite_holds holds, struct error *err);
