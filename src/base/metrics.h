// SPDX-License-Identifier: MIT
// Metrics in Prometheus' text format (version 0.0.4). Names are given without the prefix
// "salestide_". Pure.
#pragma once
#include "base/buf.h"

// The two lines that come before a metric's samples; `type`: counter, gauge or histogram.
void metric_head(struct buf *out, const char *name, const char *type, const char *help);
// A metric of one sample.
void metric_value(struct buf *out, const char *name, const char *type, const char *help, int64_t v);

// Durations, in buckets of one table of bounds.
enum { METRIC_BOUNDS = 16 };
extern const int64_t metric_bounds_us[METRIC_BOUNDS]; // the last is INT64_MAX
struct durations {
    int64_t le[METRIC_BOUNDS]; // le[i] counts those <= metric_bounds_us[i]
    int64_t sum_us, count;
};
void durations_add(struct durations *d, int64_t us);
void metric_durations(struct buf *out, const char *name, const char *help,
                      const struct durations *d);
