// SPDX-License-Identifier: MIT
// `verify` and `rebuild`: the laws of conservation checked on a data directory, and the aggregates
// made again from the raw orders.
#pragma once
#include "base/error.h"
#include "base/must.h"
#include "engine/store.h"
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct audit_report {
    struct store_counts counts;  // as they are stored
    int64_t orders, adjustments; // raw events read
    int64_t cells;               // aggregate cells compared
    int64_t groups;              // (source, state, currency) groups of sales_totals
    int64_t problems;            // laws broken; each was printed as one line
    int64_t raw_problems; // of those: raw events are missing, damaged or changed, rebuild is worse
};

// Checks every law on one snapshot, also while a writer works. Prints to `out`. False only when it
// could not be carried out (err); look at report->problems for the verdict.
MUST_CHECK bool audit_verify(const char *directory, FILE *out, struct audit_report *report,
                             struct error *err);
// The same of a copy of sales.db, under any name, that nobody else has open.
MUST_CHECK bool audit_verify_copy(const char *path, FILE *out, struct audit_report *report,
                                  struct error *err);
// Recomputes every aggregate from raw and writes those that differ, in one transaction. Refused
// while a writer has the directory, when not all accepted events are there, and when aggregates
// agree with each other on sums that raw does not give. accept_loss: then those that are there, as
// they are, are all there ever were; an order that was lost may be sent again.
// *changed: cells that differed.
MUST_CHECK bool audit_rebuild(const char *directory, bool accept_loss, FILE *out, int64_t *changed,
                              struct audit_report *report, struct error *err);
