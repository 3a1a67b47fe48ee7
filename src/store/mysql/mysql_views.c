// SPDX-License-Identifier: MIT
// bi_*: what a chart needs in one place. Cells below a floor are past their retention: incomplete,
// and dropped step by step, so views leave them out. Times are DATETIME and already bucketed: no
// tool has to cut them. Views read with the rights of whoever made them, so that an account of BI
// needs none on the tables (mysql_bi_user.h).
//
// Local times come from the year's row of shop_clock by a join: a subquery among the columns would
// have the server fill a temporary table with the whole view before it looks for the rows asked.
#include "store/mysql/mysql_views.h"

#include "base/must.h"
#include "store/shop_clock.h"
#include "store/us_states.h"

#define MEASURES                                                                                   \
    "orders, units, subtotal, discount, shipping, tax, total, cancelled_orders, refunds, "         \
    "refunded_total"
#define VIEW(name) "CREATE OR REPLACE SQL SECURITY DEFINER VIEW " name " AS\nSELECT "
#define GROUP                                                                                      \
    "source, state, CASE WHEN state IN (" US_STATES ") THEN CONCAT('US-', state) END AS "          \
    "state_iso, currency"
#define FLOOR(unit, column)                                                                        \
    "\nWHERE bucket >= (SELECT TIMESTAMPADD(" unit ", " column ", '1970-01-01 00:00:00') "         \
    "FROM pipeline_state WHERE id = 1)"
#define LOCAL(t) "TIMESTAMPADD(SECOND, " SHOP_CLOCK_OFFSET(t) ", " t ")"
#define BOTH_TIMES(t, name) t " AS " name "_utc, " LOCAL(t) " AS " name "_local"
#define JOIN_CLOCK(t) " LEFT JOIN shop_clock z ON z.utc_year = YEAR(" t ")"

// clang-format off
const char *const mysql_views[] = {
    VIEW("bi_shop") "c.value AS currency, t.value AS time_zone, "
        BOTH_TIMES("UTC_TIMESTAMP()", "now") ", DATE(" LOCAL("UTC_TIMESTAMP()") ") AS today"
        "\nFROM pipeline_settings c JOIN pipeline_settings t ON t.name = 'timezone'"
        JOIN_CLOCK("UTC_TIMESTAMP()") "\nWHERE c.name = 'currency'",
    VIEW("bi_sales_totals") GROUP ", " MEASURES "\nFROM sales_totals",
    VIEW("bi_sales_by_minute") BOTH_TIMES("bucket", "minute") ", " GROUP ", " MEASURES
        "\nFROM sales_by_minute" JOIN_CLOCK("bucket") FLOOR("MINUTE", "minute_floor"),
    VIEW("bi_sales_by_hour") BOTH_TIMES("bucket", "hour") ", " GROUP ", " MEASURES
        "\nFROM sales_by_hour" JOIN_CLOCK("bucket") FLOOR("HOUR", "hour_floor"),
    VIEW("bi_sales_by_day") "bucket AS day, " GROUP ", " MEASURES "\nFROM sales_by_day",
    VIEW("bi_sales_today") "bucket AS day, " GROUP ", " MEASURES
        "\nFROM sales_by_day\nWHERE bucket = (SELECT today FROM bi_shop)",
    VIEW("bi_sales_by_product") "day, product_id, currency, orders, units, total"
        "\nFROM sales_by_product",
    VIEW("bi_recent_orders") "order_id, " BOTH_TIMES("created_at", "created_at") ", customer_id, "
        "product_id, quantity, subtotal, discount, shipping, tax, total, " GROUP ", "
        "`timestamp` AS arrived_at_utc\nFROM recent_orders" JOIN_CLOCK("created_at"),
    VIEW("bi_rejected_events") "id, " BOTH_TIMES("arrived_at", "arrived_at") ", field, code, "
        "message\nFROM rejected_events" JOIN_CLOCK("arrived_at"),
    VIEW("bi_batches") "batch_id, " BOTH_TIMES("committed_at", "committed_at") ", received, "
        "accepted, duplicate, rejected\nFROM pipeline_batches" JOIN_CLOCK("committed_at"),
    VIEW("bi_pipeline") "s.received, s.accepted, s.duplicate, s.rejected, s.last_batch_id, "
        "b.committed_at AS last_batch_at_utc, "
        "TIMESTAMPDIFF(SECOND, b.committed_at, UTC_TIMESTAMP()) AS seconds_since_last_batch"
        "\nFROM pipeline_state s LEFT JOIN pipeline_batches b ON b.batch_id = s.last_batch_id"
        "\nWHERE s.id = 1",
};
// clang-format on
const size_t n_mysql_views = COUNT_OF(mysql_views);
