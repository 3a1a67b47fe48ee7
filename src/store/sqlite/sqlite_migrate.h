// SPDX-License-Identifier: MIT
// Bringing a sales.db of an earlier version to this one.
#pragma once
#include "store/sqlite/sqlite_schema.h"

// Writer only, of a file whose version sqlite_version_check has let pass. One transaction: it is of
// this version afterwards, or as it was. Nothing happens when it is already.
MUST_CHECK bool sqlite_migrate(sqlite3 *db, enum sqlite_holds holds, struct error *err);
