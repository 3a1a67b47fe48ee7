// SPDX-License-Identifier: MIT
// What waits in a topic, partition by partition, for page, metrics and alerts: the same of the
// partitions that this process counts and of those that others do.
#include "host/site_internal.h"

#include "base/metrics.h"
#include <inttypes.h>

static int64_t lag_of(const struct kafka_partition_facts *p) {
    int64_t lag = p->end_offset - (p->next_offset >= 0 ? p->next_offset : 0);
    return lag > 0 ? lag : 0;
}

bool site_lag_sum(const struct kafka_partition_facts *at, size_t n, int64_t *messages) {
    bool known = true;
    *messages = 0;
    for (size_t i = 0; i < n; i++) {
        known = known && at[i].end_offset >= 0;
        *messages += lag_of(&at[i]);
    }
    return known;
}

void site_lag_metrics(struct buf *out, const struct kafka_partition_facts *at, size_t n) {
    metric_head(out, "kafka_next_offset", "gauge", "First offset that is not counted yet.");
    for (size_t i = 0; i < n; i++) {
        buf_printf(out, "salestide_kafka_next_offset{partition=\"%" PRId32 "\"} %" PRId64 "\n",
                   at[i].partition, at[i].next_offset);
    }
    metric_head(out, "kafka_lag_messages", "gauge", "Messages that are not counted yet.");
    for (size_t i = 0; i < n; i++) {
        if (at[i].end_offset >= 0) {
            buf_printf(out, "salestide_kafka_lag_messages{partition=\"%" PRId32 "\"} %" PRId64 "\n",
                       at[i].partition, lag_of(&at[i]));
        }
    }
}

void site_lag_health(struct buf *json, const struct kafka_partition_facts *at, size_t n) {
    bool any = false;
    buf_put_str(json, ",\"lag\":[");
    for (size_t i = 0; i < n; i++) {
        if (at[i].end_offset >= 0) {
            buf_printf(json, "%s[%" PRId32 ",%" PRId64 "]", any ? "," : "", at[i].partition,
                       lag_of(&at[i]));
            any = true;
        }
    }
    buf_put_char(json, ']');
}
