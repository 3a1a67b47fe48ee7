// SPDX-License-Identifier: MIT
// What rules are held against: the sums of the last minutes, what is usual for them, the newest
// order, the counts. Read from the store as little as is needed; every value is a fraction of
// integers. One thread.
//
// Orders against the usual, of a window of W minutes: the orders (placed less cancelled) of the
// last W whole minutes, over the sum of what is usual for each of these minutes. Usual for a minute
// is a 60th of the mean of the same hour (the n-th since midnight) of the same weekday of the last
// four weeks; days without a single order do not count, the shop was closed or not there yet.
#pragma once
#include "alerts/alert_rule.h"
#include "base/error.h"
#include "order/zone.h"
#include "store/sales_reader.h"

struct alert_measures;

// What is to be read, by the rules there are.
struct alert_needs {
    int32_t minutes; // so many whole minutes of sums; 0: none
    bool usual;      // what is usual for them
    bool newest;     // the newest order
    bool counts;
};
void alert_needs_add(struct alert_needs *needs, const struct alert_rule *rule);

// A value as a fraction; what cannot be known (the store is away, nothing is usual yet) is not
// known.
struct alert_value {
    bool known;
    __int128 num;   // value = num / den; with den 0: larger than any limit
    int64_t den;    // at least 0
    char text[160]; // for people: "29.8% of usual (12 orders in 15m, usual 40.3)"
};

// Borrows the zone. `currency`: the shop's, which amounts are of.
MUST_CHECK struct alert_measures *alert_measures_new(const struct zone *zone,
                                                     const char currency[static 4]);
void alert_measures_free(struct alert_measures *m); // NULL is fine

// Brings up to the clock what is needed, from one snapshot. False: the store cannot be read, and
// values from it are not known until it can.
MUST_CHECK bool alert_measures_read(struct alert_measures *m, struct sales_reader *reader,
                                    const struct alert_needs *needs, int64_t now_ms,
                                    struct error *err);
// The store could not even be reached.
void alert_measures_forget(struct alert_measures *m);
// Messages that are not counted yet; below 0: not known.
void alert_measures_set_lag(struct alert_measures *m, int64_t messages);

void alert_measures_value(const struct alert_measures *m, const struct alert_rule *rule,
                          struct alert_value *out);
// Whether the value is beyond the rule's limit, and whether it is back where it clears. Of a value
// that is known.
bool alert_value_is_beyond(const struct alert_value *v, const struct alert_rule *rule);
bool alert_value_is_clear(const struct alert_value *v, const struct alert_rule *rule);
