// SPDX-License-Identifier: MIT
// What tables of an earlier program lack, added by `salestide setup`. Programs that do not know it
// may go on beside those that do, so it does not raise the schema's version.
#pragma once
#include "store/mysql/mysql_schema.h"

// Whether it adds this column. By hand it must not be: rows that are there need values of their
// own.
MUST_CHECK bool mysql_migrate_adds(const char *table, const char *column);
// Before tables are checked: columns that they must have. Tables that are not there are left to
// whoever makes them.
MUST_CHECK bool mysql_migrate_columns(struct mysql_connection *c, struct error *err);
// When all tables are there: keys without which questions are slow.
MUST_CHECK bool mysql_migrate_keys(struct mysql_connection *c, struct error *err);
