// SPDX-License-Identifier: MIT
// bi_*: what a chart needs in one place. Cells below a floor are past their retention: incomplete,
// and dropped step by step, so views leave them out. Times are DATETIME in UTC and already
// bucketed: no tool has to cut them. Views read with the rights of whoever made them, so that an
// account of BI needs none on the tables (mysql_bi_user.h).
#include "store/mysql/mysql_views.h"

#include "base/must.h"

// States and territories of the USA by their two letters; ISO 3166-2:US has the same.
#define STATE_ISO(state)                                                                           \
    "CASE WHEN " state                                                                             \
    " IN ('AL','AK','AZ','AR','CA','CO','CT','DE','DC','FL','GA','HI','ID','IL',"                  \
    "'IN','IA','KS','KY','LA','ME','MD','MA','MI','MN','MS','MO','MT','NE','NV','NH','NJ','NM',"   \
    "'NY','NC','ND','OH','OK','OR','PA','RI','SC','SD','TN','TX','UT','VT','VA','WA','WV','WI',"   \
    "'WY','AS','GU','MP','PR','VI') THEN CONCAT('US-', " state ") END AS state_iso"
#define MEASURES                                                                                   \
    "orders, units, subtotal, discount, shipping, tax, total, cancelled_orders, refunds, "         \
    "refunded_total"
#define VIEW(name) "CREATE OR REPLACE SQL SECURITY DEFINER VIEW " name " AS\nSELECT "
#define GROUP "source, state, " STATE_ISO("state") ", currency"
#define FLOOR(unit, column)                                                                        \
    "\nWHERE bucket >= (SELECT TIMESTAMPADD(" unit ", " column ", '1970-01-01 00:00:00') "         \
    "FROM pipeline_state WHERE id = 1)"

const char *const mysql_views[] = {
    VIEW("bi_sales_totals") GROUP ", " MEASURES "\nFROM sales_totals",
    VIEW("bi_sales_by_minute") "bucket, " GROUP ", " MEASURES
                               "\nFROM sales_by_minute" FLOOR("MINUTE", "minute_floor"),
    VIEW("bi_sales_by_hour") "bucket, " GROUP ", " MEASURES
                             "\nFROM sales_by_hour" FLOOR("HOUR", "hour_floor"),
    VIEW("bi_sales_by_day") "bucket, " GROUP ", " MEASURES "\nFROM sales_by_day",
    VIEW("bi_sales_by_product") "day, product_id, currency, orders, units, total\nFROM "
                                "sales_by_product",
    VIEW("bi_recent_orders") "order_id, created_at, customer_id, product_id, quantity, subtotal, "
                             "discount, shipping, "
                             "tax, total, " GROUP ", `timestamp` AS arrived_at\nFROM recent_orders",
};
const size_t n_mysql_views = COUNT_OF(mysql_views);
