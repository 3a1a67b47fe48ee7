// SPDX-License-Identifier: MIT
// What the loader tells: a progress line on a terminal, the first rejections, the summary. Counting
// is for any thread; the rest is for the main thread.
#pragma once
#include "base/clock.h"
#include "order/order.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct load_report;
// Both borrowed; `who` begins its lines: "salestide load".
struct load_report *load_report_new(const struct clock_source *clock, const char *who);
void load_report_free(struct load_report *r);

// Any thread.
void load_report_count(struct load_report *r, int64_t accepted, int64_t duplicate,
                       int64_t rejected);
// One rejected event, beside its count. Any thread; all are copied. line 0: not known.
void load_report_rejected(struct load_report *r, const char *file, int64_t line, const char *field,
                          const char *code, const char *message);

// What the pipeline doubts of what it counted all the same (enum order_warning): how often, and the
// first rows of each kind. For one thread; empty when zeroed.
enum { LOAD_DOUBT_PLACES = 3 };
struct load_doubts {
    struct load_doubt {
        int64_t count;
        struct {
            const char *file; // lives as long as the report
            int64_t line;
            char order_id[ORDER_ID_MAX + 1];
        } first[LOAD_DOUBT_PLACES];
    } kinds[ORDER_WARNING_KINDS + ORDER_DOUBT_KINDS];
    bool any;
};
void load_doubts_add(struct load_doubts *d, const struct order *o, const char *file, int64_t line);
// Any thread.
void load_report_doubts(struct load_report *r, const struct load_doubts *d);

// Rows that --skip left out. Main thread.
void load_report_left_out(struct load_report *r, size_t n_rows);

void load_report_counts(struct load_report *r, int64_t *accepted, int64_t *duplicate,
                        int64_t *rejected);

// Main thread, before the first count: nobody judges duplicates; the summary says "sent".
void load_report_sends(struct load_report *r);
// Main thread: shows how far it is, now and then. total_bytes 0: not known.
void load_report_progress(struct load_report *r, const char *file, int64_t done_bytes,
                          int64_t total_bytes);
// Writes one line of its own, clear of the progress line: `WHO: ...` on standard error.
void load_report_problem(struct load_report *r, const char *text);
// The rejections that were not shown, by code, the doubts, and the summary. Returns whether any was
// rejected.
bool load_report_summary(struct load_report *r, bool complete);
