// SPDX-License-Identifier: MIT
// Aggregates in MySQL or MariaDB as `verify` and `rebuild` see them.
#pragma once
#include "store/audit/audit_aggregates.h"
#include "store/mysql/mysql_connection.h"

// Connects when it is first asked. `address` is copied.
struct audit_aggregates *audit_mysql_new(const struct mysql_address *address);
