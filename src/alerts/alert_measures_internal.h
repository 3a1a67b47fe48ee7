// SPDX-License-Identifier: MIT
// What alert_values.c asks of the measures. Nobody else includes this.
#pragma once
#include "alerts/alert_measures.h"

// The sums of the last n whole minutes. False: they are not known.
struct alert_window {
    int32_t last_minute;
    int64_t orders, sold_e4, refunded_e4; // sold: before refunds
};
bool alert_measures_window(const struct alert_measures *m, int32_t n, struct alert_window *out);
// How long ago the newest order arrived. False: not known, or there never was one.
bool alert_measures_age_ms(const struct alert_measures *m, int64_t *age_ms);
// Events judged within the window, or since the start when that is shorter.
bool alert_measures_judged(const struct alert_measures *m, int64_t window_ms, int64_t *received,
                           int64_t *rejected);
int64_t alert_measures_lag(const struct alert_measures *m); // below 0: not known
const struct alert_usual *alert_measures_usual(const struct alert_measures *m);
const char *alert_measures_currency(const struct alert_measures *m);
