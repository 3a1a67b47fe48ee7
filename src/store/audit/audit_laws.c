// SPDX-License-Identifier: MIT
// The laws, and how a broken one is told: one line that begins with "problem: ".
#include "store/audit/audit_laws.h"

#include "order/timestamp.h"
#include <inttypes.h>
#include <stdarg.h>

enum { DIFFERENCES_SHOWN = 5 };

static void print_problem(struct laws *l, const char *format, va_list args) {
    fputs("problem: ", l->out);
    vfprintf(l->out, format, args);
    fputc('\n', l->out);
    l->report->problems++;
}

void laws_broken(struct laws *l, const char *format, ...) {
    va_list args;
    va_start(args, format);
    print_problem(l, format, args);
    va_end(args);
}

void laws_raw_broken(struct laws *l, const char *format, ...) {
    va_list args;
    va_start(args, format);
    print_problem(l, format, args);
    va_end(args);
    l->report->raw_problems++;
}

void laws_expect(struct laws *l, const char *what, int64_t have, int64_t want) {
    if (have != want) {
        laws_broken(l, "%s: %" PRId64 ", but it should be %" PRId64, what, have, want);
    }
}

void laws_counts(struct laws *l, const struct store_counts *c, const struct recount *raw) {
    l->report->counts = *c;
    if (c->received != c->accepted + c->duplicate + c->rejected) {
        laws_broken(l,
                    "received %" PRId64 " is not accepted %" PRId64 " + duplicate %" PRId64
                    " + rejected %" PRId64,
                    c->received, c->accepted, c->duplicate, c->rejected);
    }
    int64_t there = raw->orders + raw->adjustments;
    if (c->accepted > there) {
        laws_raw_broken(l,
                        "accepted is %" PRId64 ", but %" PRId64 " orders and %" PRId64
                        " adjustments are stored: %" PRId64 " raw events are missing",
                        c->accepted, raw->orders, raw->adjustments, c->accepted - there);
    } else if (c->accepted < there) {
        laws_broken(l,
                    "accepted is %" PRId64 ", but %" PRId64 " orders and %" PRId64
                    " adjustments are stored",
                    c->accepted, raw->orders, raw->adjustments);
    }
    if (raw->impossible != 0) {
        laws_raw_broken(
            l, "%" PRId64 " raw events have an amount, a time or a currency that no order has",
            raw->impossible);
    }
}

bool laws_raw_is_complete(const struct store_counts *c, const struct recount *raw) {
    return c->accepted <= raw->orders + raw->adjustments && raw->impossible == 0;
}

bool laws_may_rebuild(const struct store_counts *c, const struct recount *raw, bool accept_loss,
                      struct error *err) {
    int64_t missing = c->accepted - raw->orders - raw->adjustments;
    if (raw->impossible != 0) {
        return error_set(err, ERROR_FATAL,
                         "%" PRId64 " raw events have an amount, a time or a currency that no "
                         "order has: the raw orders are damaged; restore them from a copy",
                         raw->impossible);
    }
    return missing <= 0 || accept_loss ||
           error_set(err, ERROR_USAGE,
                     "%" PRId64 " of %" PRId64 " accepted events are missing from the raw orders, "
                     "and rebuild would take them out of every total: restore the raw orders from "
                     "a copy, or say --accept-loss",
                     missing, c->accepted);
}

static const char *const pair_names[] = {
    [LAWS_TOTALS_DAYS] = "totals and days",
    [LAWS_DAYS_PRODUCTS] = "days and products",
    [LAWS_HOURS_MINUTES] = "hours and minutes",
};

void laws_witness_add(struct laws_witness *w, enum laws_pair pair, int32_t bucket,
                      const struct cube_dim *dim) {
    if (w->n++ > 0) {
        return;
    }
    w->pair = pair;
    char at[34] = "";
    size_t n = pair == LAWS_DAYS_PRODUCTS   ? date_format(bucket, at)
               : pair == LAWS_HOURS_MINUTES ? timestamp_format((int64_t)bucket * 3600000, at)
                                            : 0;
    memcpy(at + n, n > 0 ? ", " : "", n > 0 ? 3 : 1);
    if (pair == LAWS_DAYS_PRODUCTS) {
        snprintf(w->where, sizeof w->where, "%s%.3s", at, dim->currency);
    } else {
        snprintf(w->where, sizeof w->where, "%s%s, %s, %.3s", at, excerpt_of(dim->source).text,
                 excerpt_of(dim->state).text, dim->currency);
    }
}

void laws_witness_tell(struct laws *l, const struct laws_witness *w) {
    if (w->n > 0) {
        laws_raw_broken(l,
                        "%s agree with each other, and not with the raw orders: it is those that "
                        "were changed (%" PRId64 " such %s; the first: %s)",
                        pair_names[w->pair], w->n, w->n == 1 ? "sum" : "sums", w->where);
    }
}

bool laws_may_replace(const struct laws_witness *w, struct error *err) {
    return w->n == 0 ||
           error_set(err, ERROR_USAGE,
                     "raw orders were changed: %s agree with each other and not with them, and "
                     "rebuild would replace right sums by wrong ones: restore the raw orders from "
                     "a copy, or, if they are right and the sums are not, say --accept-loss "
                     "(%" PRId64 " such %s; the first: %s)",
                     pair_names[w->pair], w->n, w->n == 1 ? "sum" : "sums", w->where);
}

void laws_gross(struct laws *l, struct recount *raw, struct text currency, int64_t stored_e4) {
    if (!currency_is(currency)) {
        laws_broken(l, "currency_gross has a row for a currency that none can be");
        return;
    }
    int64_t *want = &raw->gross_e4[currency_number(currency.at)];
    if (stored_e4 != *want) {
        laws_broken(l, "gross sum of %.*s is %" PRId64 " e-4, raw orders give %" PRId64,
                    TEXT_ARG(currency), stored_e4, *want);
    }
    *want = 0;
}

void laws_gross_end(struct laws *l, struct recount *raw) {
    for (int32_t i = 0; i < N_CURRENCIES; i++) {
        if (raw->gross_e4[i] != 0) {
            char name[4];
            currency_name(i, name);
            laws_broken(l, "gross sum of %s is missing, raw orders give %" PRId64 " e-4", name,
                        raw->gross_e4[i]);
        }
    }
}

void laws_cell(struct laws *l, struct laws_table *t, enum cell_fault fault, const char *where) {
    static const char *const says[] = {
        [CELL_EXTRA] = "is stored, but no raw order gives it",
        [CELL_MISSING] = "raw orders give it, but it is not stored",
        [CELL_DIFFERS] = "is not what raw orders add up to",
    };
    if (t->n_faults++ < DIFFERENCES_SHOWN) {
        laws_broken(l, "%s: %s: %s", t->name, where, says[fault]);
    } else {
        l->report->problems++;
    }
}

void laws_print_total(struct laws *l, struct text currency, int64_t groups, int64_t orders,
                      int64_t total_e4) {
    char amount[24];
    size_t n = money_format(total_e4, amount);
    fprintf(l->out, "%.*s: %" PRId64 " groups, %" PRId64 " orders, total %.*s\n",
            TEXT_ARG(currency), groups, orders, (int)n, amount);
}
