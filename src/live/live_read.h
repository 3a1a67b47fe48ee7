// SPDX-License-Identifier: MIT
// Reads one part of the live page's figures from a reader that is inside begin and end. `f` says
// the shop's currency, the day and the newest minute. After a failure that part of `f` is not to be
// used.
#pragma once
#include "live/panel_book.h"

// Today's sums of all currencies, sources and states; the book's panels of today with them.
MUST_CHECK bool live_read_today(struct sales_reader *r, struct live_figures *f,
                                struct panel_book *book, struct error *err);
MUST_CHECK bool live_read_all_time(struct sales_reader *r, struct live_figures *f,
                                   struct error *err);
MUST_CHECK bool live_read_products(struct sales_reader *r, const struct zone *zone,
                                   struct live_figures *f, struct error *err);
// Yesterday and a week ago until the same time of the day.
MUST_CHECK bool live_read_before(struct sales_reader *r, const struct zone *zone, int64_t now_ms,
                                 struct live_figures *f, struct error *err);
// Minutes first to last of the chart, both inclusive.
MUST_CHECK bool live_read_minutes(struct sales_reader *r, struct live_figures *f, int32_t first,
                                  int32_t last, struct error *err);
// Orders newer than those already in `f`.
MUST_CHECK bool live_read_recent(struct sales_reader *r, struct live_figures *f, struct error *err);
// Cancellations and refunds newer than those, where they are known.
MUST_CHECK bool live_read_changes(struct sales_reader *r, struct live_figures *f,
                                  struct error *err);
MUST_CHECK bool live_read_rejected(struct sales_reader *r, struct live_figures *f,
                                   struct error *err);
