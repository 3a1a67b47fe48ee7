// SPDX-License-Identifier: MIT
// `verify` and `rebuild` of aggregates of a log, whose raw orders are in a store of their own.
// Works while processes run.
#pragma once
#include "store/audit/audit_aggregates.h"
#include "store/raw_store.h"

// `raw` NULL: raw orders are not kept; then the aggregates are held against each other alone.
// Otherwise as audit_verify.
MUST_CHECK bool audit_cluster_verify(struct audit_aggregates *a, struct raw_reader *raw, FILE *out,
                                     struct audit_report *report, struct error *err);
// As audit_rebuild; accept_loss is also for orders that were counted twice, in two partitions,
// since they have one raw row: it makes duplicates of what is not there. ERROR_USAGE when something
// was committed meanwhile: nothing was changed then.
MUST_CHECK bool audit_cluster_rebuild(struct audit_aggregates *a, struct raw_reader *raw,
                                      bool accept_loss, FILE *out, int64_t *changed,
                                      struct audit_report *report, struct error *err);
