// SPDX-License-Identifier: MIT
#include "engine/engine_metrics.h"

#include "base/metrics.h"

static const char *const store_doubt_names[ORDER_DOUBT_KINDS] = STORE_DOUBT_NAMES;

void counts_metrics(struct buf *out, const struct store_counts *c) {
    static const char *const kinds[ORDER_WARNING_KINDS] = {"amount_rounded", "total_mismatch",
                                                           "quantity_zero", "late", "future"};
    metric_head(out, "events_total", "counter",
                "Order events by verdict, since the store was made.");
    buf_printf(out,
               "salestide_events_total{verdict=\"accepted\"} %lld\n"
               "salestide_events_total{verdict=\"duplicate\"} %lld\n"
               "salestide_events_total{verdict=\"rejected\"} %lld\n",
               (long long)c->accepted, (long long)c->duplicate, (long long)c->rejected);
    metric_head(out, "warnings_total", "counter",
                "Warnings of accepted events, since the store was made.");
    for (int i = 0; i < ORDER_WARNING_KINDS; i++) {
        buf_printf(out, "salestide_warnings_total{kind=\"%s\"} %lld\n", kinds[i],
                   (long long)c->warnings[i]);
    }
    for (int i = 0; i < ORDER_DOUBT_KINDS; i++) {
        buf_printf(out, "salestide_warnings_total{kind=\"%s\"} %lld\n", store_doubt_names[i],
                   (long long)c->doubts[i].n);
    }
    metric_value(out, "rejected_expired_total", "counter",
                 "Rejected events that are no longer kept.", c->rejected_expired);
    metric_value(out, "skipped_total", "counter",
                 "Messages of a log without an event in them: tombstones and empty ones.",
                 c->skipped);
}

void engine_metrics(struct buf *out, const struct engine_status *e, int64_t now_ms) {
    counts_metrics(out, &e->counts);
    metric_value(out, "store_ready", "gauge", "1 when orders can be stored.", e->store_ready);
    metric_value(out, "commit_failures_total", "counter",
                 "Commits that failed and were tried again.", e->commit_failures);
    metric_value(out, "batches_ahead_total", "counter",
                 "Batches that were judged while the one before was committed.", e->batches_ahead);
    metric_durations(out, "commit_duration_seconds",
                     "From taking a batch to telling that it is durable; under load the next one "
                     "is judged meanwhile.",
                     &e->commit);
    metric_durations(out, "freshness_seconds",
                     "Of each batch: from its oldest event's arrival to durable.", &e->freshness);
    metric_head(out, "last_commit_age_seconds", "gauge",
                "Since the last commit; NaN before the first.");
    if (e->last_commit_ms > 0) {
        buf_printf(out, "salestide_last_commit_age_seconds %.3f\n",
                   (double)(now_ms - e->last_commit_ms) / 1e3);
    } else {
        buf_put_str(out, "salestide_last_commit_age_seconds NaN\n");
    }
    metric_value(out, "customers", "gauge", "Customers known by the customers file.", e->customers);
}
