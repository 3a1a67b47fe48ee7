// SPDX-License-Identifier: MIT
// bi_* of a file with aggregates. Times are texts that sort and that SQL tools take for times,
// `YYYY-MM-DD HH:MM:SS`, in UTC and in the shop's zone; the latter by the year's row of shop_clock
// (store/shop_clock.h). Amounts are floats, as in the other views (sqlite_views.c).
//
// An inner SELECT gives the instant as utc_s and, a day later so that nothing is below zero,
// local_s; the outer one writes both as texts.
#include "store/sqlite/sqlite_bi_views.h"

#include "store/shop_clock.h"
#include "store/sqlite/sqlite_view_sql.h"
#include "store/us_states.h"
#include <stddef.h>

// clang-format off
#define CLOCK(s)                                                                                   \
    " || ' ' || printf('%02d:%02d:%02d', " WHOLE(s, "86400", "3600") ", "                          \
    WHOLE(s, "3600", "60") ", " WHOLE(s, "60", "1") ")"
#define UTC_AT "(" DATE_OF("utc_s", "86400") CLOCK("utc_s") ")"
#define LOCAL_DATE DATE_OF_DAYS(DAYS_OF("local_s", "86400") " - 1")
#define LOCAL_AT "(" LOCAL_DATE CLOCK("local_s") ")"
#define FRACTION(ms) " || printf('.%03d', " WHOLE(ms, "1000", "1") ")"
#define SECONDS_OF(ms) "CAST((" ms " - " ms " % 1000) / 1000 AS BIGINT)"

#define TIMES(s) s " AS utc_s, " s " + " SHOP_CLOCK_OFFSET(s) " + 86400 AS local_s"
#define JOIN_CLOCK(s)                                                                              \
    " LEFT JOIN shop_clock z ON z.utc_year = CAST(substr(" DATE_OF(s, "86400") ", 1, 4) AS INTEGER)"

#define GROUP                                                                                      \
    "source, state, CASE WHEN state IN (" US_STATES ") THEN 'US-' || state END AS state_iso, "     \
    "currency"
#define CELLS_OVER_TIME(view, name, table, seconds, floor)                                         \
    "CREATE VIEW " view " AS SELECT " UTC_AT " AS " name "_utc, " LOCAL_AT " AS " name "_local, "  \
    GROUP ", " VIEW_MEASURES " FROM (SELECT c.*, g.source, g.state, g.currency, " TIMES(seconds)   \
    FROM_CELLS(table) JOIN_CLOCK(seconds) FROM_FLOOR(floor) ")"

#define NOW_S "CAST(strftime('%s', 'now') AS INTEGER)"
#define NOW "(SELECT " TIMES(NOW_S) " FROM (SELECT 1)" JOIN_CLOCK(NOW_S) ")"
#define TODAY_FROM(days) "(SELECT (local_s / 86400 - 1 + " days ") << 32 FROM " NOW ")"

#define ORDER_S SECONDS_OF("created_ms")

const char *const sqlite_bi_views[] = {
    "CREATE VIEW bi_shop AS SELECT "
        "(SELECT value FROM settings WHERE name = 'currency') AS currency, "
        "(SELECT value FROM settings WHERE name = 'timezone') AS time_zone, "
        UTC_AT " AS now_utc, " LOCAL_AT " AS now_local, " LOCAL_DATE " AS today FROM " NOW,
    "CREATE VIEW bi_sales_totals AS SELECT " GROUP ", " VIEW_MEASURES FROM_CELLS("total_cells"),
    CELLS_OVER_TIME("bi_sales_by_minute", "minute", "minute_cells", BUCKET " * 60", "minute_floor"),
    CELLS_OVER_TIME("bi_sales_by_hour", "hour", "hour_cells", BUCKET " * 3600", "hour_floor"),
    "CREATE VIEW bi_sales_by_day AS SELECT " DAY " AS day, " GROUP ", " VIEW_MEASURES
        FROM_CELLS("day_cells"),
    "CREATE VIEW bi_sales_today AS SELECT " DAY " AS day, " GROUP ", " VIEW_MEASURES
        FROM_CELLS("day_cells") " WHERE c.cell >= " TODAY_FROM("0") " AND c.cell < " TODAY_FROM("1"),
    "CREATE VIEW bi_sales_by_product AS SELECT " DAY " AS day, p.product_id, p.currency, orders, "
        "units, " AMOUNT("total")
        " FROM product_cells c JOIN sales_products p ON p.id = c.cell & 4294967295",
    "CREATE VIEW bi_recent_orders AS SELECT order_id, " UTC_AT FRACTION("created_ms")
        " AS created_at_utc, " LOCAL_AT FRACTION("created_ms") " AS created_at_local, "
        "customer_id, product_id, quantity, " AMOUNT("subtotal") ", " AMOUNT("discount") ", "
        AMOUNT("shipping") ", " AMOUNT("tax") ", " AMOUNT("total") ", " GROUP ", arrived_at_utc "
        "FROM (SELECT r.*, g.source, g.state, g.currency, " TIMES(ORDER_S) ", "
        DATE_OF("arrival_ms", "86400000") CLOCK(SECONDS_OF("arrival_ms")) FRACTION("arrival_ms")
        " AS arrived_at_utc FROM (SELECT * FROM order_rows ORDER BY rowid DESC LIMIT 1000) r "
        "JOIN sales_groups g ON g.id = r.group_id" JOIN_CLOCK(ORDER_S) ")",
    "CREATE VIEW bi_rejected_events AS SELECT id, " UTC_AT FRACTION("arrival_ms")
        " AS arrived_at_utc, " LOCAL_AT FRACTION("arrival_ms") " AS arrived_at_local, field, code, "
        "message FROM (SELECT r.*, " TIMES(SECONDS_OF("arrival_ms")) " FROM rejected_rows r"
        JOIN_CLOCK(SECONDS_OF("arrival_ms")) ")",
    "CREATE VIEW bi_batches AS SELECT batch_id, " UTC_AT FRACTION("committed_ms")
        " AS committed_at_utc, " LOCAL_AT FRACTION("committed_ms") " AS committed_at_local, "
        "received, accepted, duplicate, rejected FROM (SELECT b.*, "
        TIMES(SECONDS_OF("committed_ms")) " FROM batch_rows b"
        JOIN_CLOCK(SECONDS_OF("committed_ms")) ")",
    "CREATE VIEW bi_pipeline AS SELECT s.received, s.accepted, s.duplicate, s.rejected, "
        "s.last_batch_id, " DATE_OF("b.committed_ms", "86400000")
        CLOCK(SECONDS_OF("b.committed_ms")) FRACTION("b.committed_ms") " AS last_batch_at_utc, "
        NOW_S " - " SECONDS_OF("b.committed_ms") " AS seconds_since_last_batch "
        "FROM pipeline_state s LEFT JOIN batch_rows b ON b.batch_id = s.last_batch_id",
    NULL};
// clang-format on
