// SPDX-License-Identifier: MIT
#include "base/metrics.h"

#define PREFIX "salestide_"

const int64_t metric_bounds_us[METRIC_BOUNDS] = {
    100,   250,    500,    1000,   2500,    5000,    10000,    25000,
    50000, 100000, 250000, 500000, 1000000, 2500000, 10000000, INT64_MAX};

void metric_head(struct buf *out, const char *name, const char *type, const char *help) {
    buf_printf(out, "# HELP " PREFIX "%s %s\n# TYPE " PREFIX "%s %s\n", name, help, name, type);
}

void metric_value(struct buf *out, const char *name, const char *type, const char *help,
                  int64_t v) {
    metric_head(out, name, type, help);
    buf_printf(out, PREFIX "%s %lld\n", name, (long long)v);
}

void durations_add(struct durations *d, int64_t us) {
    for (int i = 0; i < METRIC_BOUNDS; i++) {
        d->le[i] += us <= metric_bounds_us[i];
    }
    d->sum_us += us;
    d->count++;
}

void metric_durations(struct buf *out, const char *name, const char *help,
                      const struct durations *d) {
    metric_head(out, name, "histogram", help);
    for (int i = 0; i < METRIC_BOUNDS; i++) {
        if (metric_bounds_us[i] == INT64_MAX) {
            buf_printf(out, PREFIX "%s_bucket{le=\"+Inf\"}", name);
        } else {
            buf_printf(out, PREFIX "%s_bucket{le=\"%g\"}", name, (double)metric_bounds_us[i] / 1e6);
        }
        buf_printf(out, " %lld\n", (long long)d->le[i]);
    }
    buf_printf(out, PREFIX "%s_sum %.6f\n" PREFIX "%s_count %lld\n", name, (double)d->sum_us / 1e6,
               name, (long long)d->count);
}
