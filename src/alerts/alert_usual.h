// SPDX-License-Identifier: MIT
// How many orders are usual for a minute: see alert_measures.h. One thread.
#pragma once
#include "base/error.h"
#include "base/must.h"
#include "order/zone.h"
#include "store/sales_reader.h"

enum {
    ALERT_USUAL_WEEKS = 4,
    ALERT_USUAL_PARTS = 12 * 60, // means of up to four days, by minute, have this denominator
};

struct alert_usual;
MUST_CHECK struct alert_usual *alert_usual_new(const struct zone *zone); // borrowed
void alert_usual_free(struct alert_usual *u);                            // NULL is fine

// Knows the usual of the `n` minutes up to `last`, from the caller's snapshot; what was read less
// than ten minutes ago is not read again.
MUST_CHECK bool alert_usual_read(struct alert_usual *u, struct sales_reader *reader, int32_t last,
                                 int32_t n, int64_t now_ms, struct error *err);
// Of these minutes together, in 1/ALERT_USUAL_PARTS orders. False: of one of them nothing is known.
bool alert_usual_of(const struct alert_usual *u, int32_t last, int32_t n, int64_t *parts);
