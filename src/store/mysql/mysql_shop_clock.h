// SPDX-License-Identifier: MIT
// The table shop_clock in MySQL (store/shop_clock.h), for views; no figure depends on it, and no
// process needs it.
#pragma once
#include "base/buf.h"
#include "base/error.h"
#include "base/must.h"

extern const char mysql_shop_clock_table[]; // CREATE TABLE IF NOT EXISTS, no semicolon
// Its rows for this zone, as one REPLACE, no semicolon. False when the system does not know the
// zone.
MUST_CHECK bool mysql_shop_clock_rows(const char *timezone, struct buf *out, struct error *err);
