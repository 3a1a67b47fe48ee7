// SPDX-License-Identifier: MIT
// The panels that are no rows of sums, as JSON. Pure functions of the facts.
#pragma once
#include "live/live_render.h"

void live_put_alerts(struct buf *out, const struct live_facts *facts);
void live_put_all_time(struct buf *out, const struct live_facts *facts);
void live_put_batch(struct buf *out, const struct live_facts *facts);
void live_put_before(struct buf *out, const struct live_facts *facts);
void live_put_counts(struct buf *out, const struct live_facts *facts);
void live_put_currencies(struct buf *out, const struct live_facts *facts);
void live_put_day(struct buf *out, const struct live_facts *facts);
void live_put_health(struct buf *out, const struct live_facts *facts);
void live_put_last_hour(struct buf *out, const struct live_facts *facts);
void live_put_last_minute(struct buf *out, const struct live_facts *facts);
void live_put_pipeline(struct buf *out, const struct live_facts *facts);
void live_put_products(struct buf *out, const struct live_facts *facts);
void live_put_rate(struct buf *out, const struct live_facts *facts);
void live_put_shop(struct buf *out, const struct live_facts *facts);
void live_put_sources(struct buf *out, const struct live_facts *facts);
void live_put_states(struct buf *out, const struct live_facts *facts);
void live_put_store(struct buf *out, const struct live_facts *facts);
void live_put_today(struct buf *out, const struct live_facts *facts);
void live_put_viewers(struct buf *out, const struct live_facts *facts);

// [minute, orders, "total"], oldest first, those that are zero left out; with `sent` (LIVE_MINUTES
// of them) only those that differ from it.
void live_put_minutes(struct buf *out, const struct live_figures *f,
                      const struct live_minute *sent);
// Newest first; only those above position `after`.
void live_put_orders(struct buf *out, const struct live_facts *facts, int64_t after);
void live_put_changes(struct buf *out, const struct live_facts *facts, int64_t after);
