// SPDX-License-Identifier: MIT
// The questions of mysql_reader.c as SQL. Pure.
#pragma once
#include "base/buf.h"
#include "store/sales_query.h"

// At most max_rows + 1 rows of mysql_sales_columns; in the order of sales_reader.h, but for
// products, whose numbers come before texts: the reader sorts those.
void mysql_sales_sql(struct buf *out, const struct sales_query *q);

// Which column has what; -1: none, since the question tells it (the bucket when there is one, the
// currency when one is asked for) or no row is grouped by it. From `measures` on those of the
// table. The bucket is a number.
struct mysql_sales_columns {
    int bucket, source, state, product, currency, measures;
};
struct mysql_sales_columns mysql_sales_columns(const struct sales_query *q);

// As sales_reader_ops.day_changes; columns: day as a number, instant in ms, count of events. The
// first row has no day, and 1 for the count when all who write note the days.
void mysql_day_changes_sql(struct buf *out, int32_t from, int32_t to);

// By enum cube_table: the table, its column of the bucket (NULL: none), and that column as a number
// in SQL.
struct mysql_cells_table {
    const char *table, *bucket, *number;
};
extern const struct mysql_cells_table mysql_cells_tables[CUBE_TABLES];
// A bucket of this table as a literal.
void mysql_put_bucket(struct buf *out, enum cube_table table, int32_t number);

// A column that holds an instant, as a number of UTC milliseconds.
#define SQL_MS_OF(column) "TIMESTAMPDIFF(MICROSECOND, '1970-01-01', " column ") DIV 1000"
// The oldest minute and hour that are kept whole.
#define SQL_MINUTE_FLOOR                                                                           \
    "(SELECT TIMESTAMPADD(MINUTE, minute_floor, '1970-01-01') FROM pipeline_state WHERE id = 1)"
#define SQL_HOUR_FLOOR                                                                             \
    "(SELECT TIMESTAMPADD(HOUR, hour_floor, '1970-01-01') FROM pipeline_state WHERE id = 1)"
