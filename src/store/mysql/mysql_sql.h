// SPDX-License-Identifier: MIT
// Values as SQL literals for MySQL and MariaDB, in sessions as mysql_connection_open sets them up
// (utf8mb4, backslash escapes). Pure; failure is the buffer's.
#pragma once
#include "base/buf.h"
#include "sums/cube.h"

// 'text' with its quotes, or NULL when absent. Valid UTF-8.
void sql_put_text(struct buf *b, struct text t);
// X'bytes', or NULL when absent.
void sql_put_bytes(struct buf *b, struct text t);
// Any bytes as 'text': what is not UTF-8 becomes U+FFFD.
void sql_put_readable(struct buf *b, struct text t);
void sql_put_ident(struct buf *b, struct ident i);     // as text, or NULL
void sql_put_amount(struct buf *b, int64_t amount_e4); // -12.3400: an exact decimal
void sql_put_instant(struct buf *b, int64_t utc_ms);   // '2026-01-31 12:00:00.123'
void sql_put_minute(struct buf *b, int32_t minute);    // '2026-01-31 12:00:00'
void sql_put_hour(struct buf *b, int32_t hour);        // likewise
void sql_put_day(struct buf *b, int32_t day);          // '2026-01-31'

// `name`: an identifier in its quotes.
void sql_put_name(struct buf *b, const char *name);
// Every measure of a cell, separated by commas, in the order of SQL_MEASURES.
void sql_put_measures(struct buf *b, const struct measures *m);
#define SQL_MEASURES                                                                               \
    "orders, units, subtotal, discount, shipping, tax, total, cancelled_orders, refunds, "         \
    "refunded_total"
