// SPDX-License-Identifier: MIT
// The part of `verify` that holds total_sales_by_source_state against sales_totals.
#pragma once
#include "store/audit/audit_laws.h"
#include "store/mysql/mysql_connection.h"

// Inside the caller's snapshot.
MUST_CHECK bool audit_mysql_projection(struct mysql_connection *c,
                                       const struct store_settings *settings, struct laws *laws,
                                       struct error *err);
