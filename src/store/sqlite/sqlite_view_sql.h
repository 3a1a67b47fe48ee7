// SPDX-License-Identifier: MIT
// Parts of which the texts of views are made. DuckDB reads SQLite's views by running their SQL
// itself, and shows all columns of one that it cannot run as text. So they are written in what both
// understand: DuckDB has dates where SQLite has numbers (this CAST gives 1970 there), no date() and
// no strftime() of more than two arguments, and divides integers into fractions.
#pragma once
#include <stddef.h>

// clang-format off
#define WHOLE(value, of, in)                                                                       \
    "CAST((" value " % " of " - " value " % " in ") / " in " AS INTEGER)"
#define DATE_OF_DAYS(days)                                                                         \
    "strftime('%Y-%m-%d', CAST('1970-01-01' AS DATE) + " days                                      \
    " + CASE typeof(1) WHEN 'integer' THEN 2438618 ELSE 0 END)"
#define DAYS_OF(value, in_a_day)                                                                   \
    "CAST((" value " - " value " % " in_a_day ") / " in_a_day " AS INTEGER)"
#define DATE_OF(value, in_a_day) DATE_OF_DAYS(DAYS_OF(value, in_a_day))
#define INSTANT(ms)                                                                                \
    DATE_OF(ms, "86400000") " || 'T' || printf('%02d:%02d:%02d.%03dZ', "                           \
    WHOLE(ms, "86400000", "3600000") ", " WHOLE(ms, "3600000", "60000") ", "                       \
    WHOLE(ms, "60000", "1000") ", " WHOLE(ms, "1000", "1") ")"
#define BUCKET "(c.cell >> 32)"
#define MINUTE                                                                                     \
    DATE_OF(BUCKET, "1440") " || 'T' || printf('%02d:%02d:00Z', "                                  \
    WHOLE(BUCKET, "1440", "60") ", " WHOLE(BUCKET, "60", "1") ")"
#define HOUR                                                                                       \
    DATE_OF(BUCKET, "24") " || 'T' || printf('%02d:00:00Z', " WHOLE(BUCKET, "24", "1") ")"
#define DAY DATE_OF(BUCKET, "1")
#define AMOUNT(column) column "_e4 / 10000.0 AS " column
#define VIEW_MEASURES                                                                              \
    "orders, units, " AMOUNT("subtotal") ", " AMOUNT("discount") ", " AMOUNT("shipping") ", "      \
    AMOUNT("tax") ", " AMOUNT("total") ", cancelled_orders, refunds, " AMOUNT("refunded_total")
#define FROM_CELLS(table) " FROM " table " c JOIN sales_groups g ON g.id = c.cell & 4294967295"
// Cells below a floor are past their retention: incomplete, and dropped step by step.
#define FROM_FLOOR(floor) " WHERE c.cell >= (SELECT " floor " << 32 FROM pipeline_state)"
// clang-format on
