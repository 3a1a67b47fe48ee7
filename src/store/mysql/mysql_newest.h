// SPDX-License-Identifier: MIT
// The newest placed orders (recent_orders) and the newest cancellations and refunds
// (recent_changes) in MySQL or MariaDB. `sql`: scratch.
#pragma once
#include "store/aggregates.h"
#include "store/mysql/mysql_connection.h"
#include "store/sales_reader.h"

// A batch's, in its transaction, once pipeline_state is locked; those behind the newest thousand
// are dropped.
MUST_CHECK bool mysql_newest_put(struct mysql_connection *c, const struct aggregates_batch *batch,
                                 struct buf *sql, struct error *err);

// Those with an id above `after`, newest first; positions of what is read are these ids. `each`
// frees the rows.
void mysql_newest_orders_sql(struct buf *sql, int64_t after, int64_t limit);
MUST_CHECK bool mysql_newest_orders_each(MYSQL_RES *rows, stored_event_fn each, void *user,
                                         struct error *err);
void mysql_newest_changes_sql(struct buf *sql, int64_t after, int64_t limit);
MUST_CHECK bool mysql_newest_changes_each(MYSQL_RES *rows, stored_event_fn each, void *user,
                                          struct error *err);
