// SPDX-License-Identifier: MIT
// The laws of conservation, for every store: each function holds what is stored against what it
// should be and prints a line for each broken law. What differs between stores (how cells are
// walked, what an index must be) is theirs. One thread.
#pragma once
#include "store/audit/audit.h"
#include "store/audit/audit_recount.h"
#include <stdio.h>

struct laws {
    FILE *out;
    struct audit_report *report; // problems are counted here
};

void laws_broken(struct laws *l, const char *format, ...) PRINTF_LIKE(2, 3);
// The same, of raw events: the side that rebuild cannot mend.
void laws_raw_broken(struct laws *l, const char *format, ...) PRINTF_LIKE(2, 3);
// One number; `what` begins the line.
void laws_expect(struct laws *l, const char *what, int64_t have, int64_t want);

// received = accepted + duplicate + rejected, and accepted is what raw holds, all of it possible.
// The counts go into the report.
void laws_counts(struct laws *l, const struct store_counts *c, const struct recount *raw);
// Whether raw holds all that was accepted.
bool laws_raw_is_complete(const struct store_counts *c, const struct recount *raw);
// Whether aggregates may be made again from `raw`: not when accepted events are missing, unless
// told, and never from what no order has. ERROR_USAGE names the count.
MUST_CHECK bool laws_may_rebuild(const struct store_counts *c, const struct recount *raw,
                                 bool accept_loss, struct error *err);

// Which side was changed, when raw is complete and gives other sums. Two tables hold some sums
// twice: totals are those of days, hours those of minutes, the units of a day those of its
// products. A sum on which two tables agree and that raw does not give was not made by damage to
// one table, since the other one would have kept it as raw has it: raw orders were changed.
enum laws_pair { LAWS_TOTALS_DAYS, LAWS_DAYS_PRODUCTS, LAWS_HOURS_MINUTES };
struct laws_witness { // all zero: none was found
    int64_t n;        // such sums, of one pair
    enum laws_pair pair;
    char where[400]; // the first of them, fit to be shown
};
// One more sum of this pair. `dim` is a group; of days and products its currency alone is looked
// at.
void laws_witness_add(struct laws_witness *w, enum laws_pair pair, int32_t bucket,
                      const struct cube_dim *dim);
// verify: prints it, if there is one.
void laws_witness_tell(struct laws *l, const struct laws_witness *w);
// rebuild: ERROR_USAGE names the sum and says what to do.
MUST_CHECK bool laws_may_replace(const struct laws_witness *w, struct error *err);

// The sums that guard all others: a call for each stored one, then the end. What was compared is
// taken out of raw->gross_e4.
void laws_gross(struct laws *l, struct recount *raw, struct text currency, int64_t stored_e4);
void laws_gross_end(struct laws *l, struct recount *raw);

enum cell_fault { CELL_EXTRA, CELL_MISSING, CELL_DIFFERS };
// A table of cells as it is compared: of its faults the first few are shown, the others counted.
struct laws_table {
    const char *name;
    int64_t n_faults;
};
void laws_cell(struct laws *l, struct laws_table *t, enum cell_fault fault, const char *where);

// An all-time total, as people read it; not a law.
void laws_print_total(struct laws *l, struct text currency, int64_t groups, int64_t orders,
                      int64_t total_e4);
