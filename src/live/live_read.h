// SPDX-License-Identifier: MIT
// Reads one part of the live page's figures from a reader that is inside begin and end. `f` says
// the shop's currency, the day and the newest minute. After a failure that part of `f` is not to be
// used.
#pragma once
#include "live/live_figures.h"

// Today's sums of all currencies, sources and states.
MUST_CHECK bool live_read_today(struct sales_reader *r, struct live_figures *f, struct error *err);
MUST_CHECK bool live_read_all_time(struct sales_reader *r, struct live_figures *f,
                                   struct error *err);
MUST_CHECK bool live_read_products(struct sales_reader *r, struct live_figures *f,
                                   struct error *err);
// Minutes first to last of the chart, both inclusive.
MUST_CHECK bool live_read_minutes(struct sales_reader *r, struct live_figures *f, int32_t first,
                                  int32_t last, struct error *err);
// Orders newer than those already in `f`.
MUST_CHECK bool live_read_recent(struct sales_reader *r, struct live_figures *f, struct error *err);
