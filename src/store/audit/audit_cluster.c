// SPDX-License-Identifier: MIT
// The laws over a cluster.
//
// 1. The picture: all aggregates, counts and positions of one snapshot, into memory.
// 2. Raw events are read one after the other and those below the picture's positions, by lane, are
//    added up: of several topics too, and of a topic before it was made anew.
//    Rows are written before the aggregates they belong to, so all of them are there by now; what
//    is at or past a position was written for a batch that is not in the picture and is left out.
// 3. Both are compared, cell by cell. Where they differ: which side was changed (struct
//    laws_witness).
// Memory: twice the cells. Order ids are unique because they are the raw table's key; a position
// that two rows claim would show as a sum that is off.
//
// rebuild: the cells that differ are written in one transaction, if nothing was committed since the
// picture; else it is refused, and may be tried again when the processes rest. Refused too when it
// is the raw orders that are missing or were changed, unless told.
#include "store/audit/audit_cluster.h"

#include "base/mem.h"
#include "engine/zone_file.h"
#include "order/timestamp.h"
#include <inttypes.h>
#include <stdlib.h>

static const char *const table_names[CUBE_TABLES] = {
    "sales_totals", "sales_by_minute", "sales_by_hour", "sales_by_day", "sales_by_product"};

struct audit {
    struct laws laws;
    struct audit_picture *picture;
    struct recount *recount;
    struct zone *zone;
    struct cube *raw_cells;
    bool no_memory; // why counting stopped
    // Of rebuild: what differs.
    struct audit_change *changes;
    size_t n_changes, cap_changes;
};

// --- Adding up

static bool below_position(const struct audit_picture *p, int64_t position) {
    return position >= 0 &&
           log_position_offset(position) < p->next_offset[log_position_lane(position)];
}

static bool count_event(void *user, const struct stored_event *event) {
    struct audit *a = user;
    a->no_memory = below_position(a->picture, event->position) &&
                   !recount_add(a->recount, a->raw_cells, event, event->order.kind == ORDER_PLACED,
                                a->picture->minute_floor, a->picture->hour_floor);
    return !a->no_memory;
}

static bool count_all(struct audit *a, struct raw_reader *raw, struct error *err) {
    if (!raw->ops->scan(raw, count_event, a, err)) {
        return false;
    }
    return !a->no_memory ||
           error_set(err, ERROR_RETRIABLE, "out of memory while adding up the raw orders");
}

static void add_measures(struct measures *sum, const struct measures *more) {
    int64_t *to = &sum->orders;
    const int64_t *from = &more->orders;
    for (size_t i = 0; i < sizeof *sum / sizeof *to; i++) { // wraps: a wrong sum is to be found
        to[i] = (int64_t)((uint64_t)to[i] + (uint64_t)from[i]);
    }
}
_Static_assert(sizeof(struct measures) == 10 * sizeof(int64_t), "measures are integers only");

// Without raw orders: the totals that the days give, and the events that those are of.
static void count_days(struct audit *a) {
    struct cube *stored = a->picture->cells;
    for (size_t i = 0; i < cube_n_cells(stored); i++) {
        const struct cube_cell *c = &cube_cells(stored)[i];
        if (c->table == CUBE_DAY) {
            const struct cube_dim *group = cube_group(stored, c->dim);
            add_measures(mem_must(cube_cell(a->raw_cells, CUBE_TOTALS, 0, group)), &c->sum);
        } else if (c->table == CUBE_TOTALS) { // orders is placed - cancelled
            a->recount->orders += c->sum.orders + c->sum.cancelled_orders;
            a->recount->adjustments += c->sum.cancelled_orders + c->sum.refunds;
        }
    }
}

// --- Comparing

static void name_cell(char *out, size_t cap, enum cube_table table, int32_t bucket,
                      const struct cube_dim *dim) {
    char at[32] = "all time", digits[24];
    size_t n = strlen(at);
    if (table == CUBE_MINUTE || table == CUBE_HOUR) {
        n = timestamp_format((int64_t)bucket * (table == CUBE_MINUTE ? 60000 : 3600000), at);
    } else if (table != CUBE_TOTALS) {
        n = date_format(bucket, at);
    }
    if (table == CUBE_PRODUCT) {
        struct text id = ident_text(dim->product_id, digits);
        snprintf(out, cap, "%.*s, product %.*s, %s", (int)n, at, TEXT_ARG(id), dim->currency);
    } else {
        snprintf(out, cap, "%.*s, %.*s, %.*s, %s", (int)n, at, TEXT_ARG(dim->source),
                 TEXT_ARG(dim->state), dim->currency);
    }
}

static const struct cube_dim *dim_of(struct cube *c, const struct cube_cell *cell) {
    return cell->table == CUBE_PRODUCT ? cube_product(c, cell->dim) : cube_group(c, cell->dim);
}

static bool is_zero(const struct measures *m) {
    static const struct measures zero;
    return memcmp(m, &zero, sizeof zero) == 0;
}

static void note_fault(struct audit *a, struct laws_table *t, enum cell_fault fault,
                       const struct cube_cell *cell, const struct cube_dim *dim,
                       const struct measures *have, const struct measures *want) {
    char where[1200];
    name_cell(where, sizeof where, (enum cube_table)cell->table, cell->bucket, dim);
    laws_cell(&a->laws, t, fault, where);
    if (a->n_changes == a->cap_changes) {
        a->cap_changes = a->cap_changes > 0 ? a->cap_changes * 2 : 256;
        a->changes = mem_realloc(a->changes, a->cap_changes * sizeof *a->changes);
    }
    a->changes[a->n_changes++] =
        (struct audit_change){(enum cube_table)cell->table, cell->bucket, dim, have, want};
}

// Each stored cell against the counted ones, then the counted ones that are not stored. A cell of
// zeros says the same as none.
static void compare_table(struct audit *a, enum cube_table table) {
    struct cube *stored = a->picture->cells, *counted = a->raw_cells;
    struct laws_table t = {.name = table_names[table]};
    for (size_t i = 0; i < cube_n_cells(stored); i++) {
        const struct cube_cell *cell = &cube_cells(stored)[i];
        if (cell->table != table) {
            continue;
        }
        const struct cube_dim *dim = dim_of(stored, cell);
        const struct measures *want = cube_find(counted, table, cell->bucket, dim);
        a->laws.report->cells++;
        a->laws.report->groups += table == CUBE_TOTALS;
        if (want == NULL ? !is_zero(&cell->sum) : memcmp(want, &cell->sum, sizeof *want) != 0) {
            note_fault(a, &t, want == NULL ? CELL_EXTRA : CELL_DIFFERS, cell, dim, &cell->sum,
                       want);
        }
    }
    for (size_t i = 0; i < cube_n_cells(counted); i++) {
        const struct cube_cell *cell = &cube_cells(counted)[i];
        const struct cube_dim *dim = cell->table == table ? dim_of(counted, cell) : NULL;
        if (dim != NULL && !is_zero(&cell->sum) &&
            cube_find(stored, table, cell->bucket, dim) == NULL) {
            a->laws.report->cells++;
            note_fault(a, &t, CELL_MISSING, cell, dim, NULL, &cell->sum);
        }
    }
}

static void check_gross(struct audit *a) {
    const struct audit_picture *p = a->picture;
    for (int32_t i = 0; i < N_CURRENCIES; i++) {
        int64_t want = a->recount->gross_e4[i];
        if (p->gross_e4[i] != want) {
            char name[4];
            currency_name(i, name);
            laws_broken(&a->laws, "gross sum of %s is %" PRId64 " e-4, raw orders give %" PRId64,
                        name, p->gross_e4[i], want);
        }
    }
    if (p->n_gross_unknown != 0) {
        laws_broken(&a->laws, "currency_gross has a row for a currency that none can be");
    }
}

static void check_store(struct audit *a) {
    const struct audit_picture *p = a->picture;
    laws_counts(&a->laws, &p->counts, a->recount);
    laws_expect(&a->laws, "rejected events kept", p->rejected_kept,
                p->counts.rejected - p->counts.rejected_expired);
    laws_expect(&a->laws, "newest batch", p->newest_batch_id, p->last_batch_id);
}

// --- Which side was changed

static struct measures *sum_at(struct cube *sums, enum cube_table table, int32_t bucket,
                               const struct cube_dim *dim) {
    return mem_must(cube_cell(sums, table, bucket, dim));
}

// A day's currency: what groups and products have in common.
static struct cube_dim currency_of(const struct cube_dim *dim) {
    struct cube_dim of = {.source = TEXT_LIT(""), .state = TEXT_LIT(""), .product_id = {0}};
    memcpy(of.currency, dim->currency, sizeof of.currency);
    return of;
}

// What the finer tables give: totals from days, hours from minutes, and the units of a day and
// currency, from days (CUBE_DAY) and from products (CUBE_PRODUCT).
static struct cube *add_up_finer(struct cube *cells) {
    struct cube *sums = mem_must(cube_new(NULL, NULL));
    for (size_t i = 0; i < cube_n_cells(cells); i++) {
        const struct cube_cell *c = &cube_cells(cells)[i];
        enum cube_table table = (enum cube_table)c->table;
        const struct cube_dim *dim = dim_of(cells, c);
        if (table == CUBE_DAY) {
            add_measures(sum_at(sums, CUBE_TOTALS, 0, dim), &c->sum);
        } else if (table == CUBE_MINUTE) {
            add_measures(sum_at(sums, CUBE_HOUR, c->bucket / 60, dim), &c->sum);
        }
        if (table == CUBE_DAY || table == CUBE_PRODUCT) {
            const struct cube_dim currency = currency_of(dim);
            const struct measures units = {.units = c->sum.units};
            add_measures(sum_at(sums, table, c->bucket, &currency), &units);
        }
    }
    return sums;
}

static bool same(const struct measures *x, const struct measures *y) {
    return x != NULL && y != NULL && memcmp(x, y, sizeof *x) == 0;
}

// Cells of a table that the finer one agrees with, and raw does not.
static void find_cells(struct audit *a, struct cube *finer, enum cube_table table, int32_t from,
                       enum laws_pair pair, struct laws_witness *w) {
    struct cube *stored = a->picture->cells;
    for (size_t i = 0; i < cube_n_cells(stored); i++) {
        const struct cube_cell *c = &cube_cells(stored)[i];
        if (c->table == table && c->bucket >= from && !is_zero(&c->sum)) {
            const struct cube_dim *dim = cube_group(stored, c->dim);
            if (same(&c->sum, cube_find(finer, table, c->bucket, dim)) &&
                !same(&c->sum, cube_find(a->raw_cells, table, c->bucket, dim))) {
                laws_witness_add(w, pair, c->bucket, dim);
            }
        }
    }
}

// Units of days that stored days and products agree on, and those of raw do not.
static void find_units(struct cube *finer, struct cube *raw_finer, struct laws_witness *w) {
    for (size_t i = 0; i < cube_n_cells(finer); i++) {
        const struct cube_cell *c = &cube_cells(finer)[i];
        if (c->table == CUBE_DAY && c->sum.units != 0) {
            const struct cube_dim *dim = cube_group(finer, c->dim);
            if (same(&c->sum, cube_find(finer, CUBE_PRODUCT, c->bucket, dim)) &&
                !(same(&c->sum, cube_find(raw_finer, CUBE_DAY, c->bucket, dim)) &&
                  same(&c->sum, cube_find(raw_finer, CUBE_PRODUCT, c->bucket, dim)))) {
                laws_witness_add(w, LAWS_DAYS_PRODUCTS, c->bucket, dim);
            }
        }
    }
}

// The first hour of which all minutes are kept.
static int32_t first_hour(const struct audit_picture *p) {
    int32_t from = p->minute_floor > 0 ? p->minute_floor / 60 + 1 : 0;
    return from > p->hour_floor ? from : p->hour_floor;
}

// After compare_all.
static struct laws_witness find_witness(struct audit *a) {
    struct laws_witness w = {0};
    if (a->n_changes == 0 || !laws_raw_is_complete(&a->picture->counts, a->recount)) {
        return w;
    }
    struct cube *finer = add_up_finer(a->picture->cells);
    struct cube *raw_finer = add_up_finer(a->raw_cells);
    find_cells(a, finer, CUBE_TOTALS, 0, LAWS_TOTALS_DAYS, &w);
    if (w.n == 0) {
        find_units(finer, raw_finer, &w);
    }
    if (w.n == 0) {
        find_cells(a, finer, CUBE_HOUR, first_hour(a->picture), LAWS_HOURS_MINUTES, &w);
    }
    cube_free(finer);
    cube_free(raw_finer);
    return w;
}

// --- The whole

static bool open_audit(struct audit *a, struct audit_aggregates *aggregates, FILE *out,
                       struct audit_report *report, struct error *err) {
    *report = (struct audit_report){0};
    *a = (struct audit){.laws = {out, report}};
    a->recount = mem_zalloc(1, sizeof *a->recount);
    a->picture = mem_zalloc(1, sizeof *a->picture);
    a->picture->cells = mem_must(cube_new(NULL, NULL)); // cells are put, no event is added
    if (!aggregates->ops->read(aggregates, a->picture, &a->laws, err) ||
        !zone_open(a->picture->settings.timezone, &a->zone, err)) {
        return false;
    }
    a->raw_cells = mem_must(cube_new(a->zone, NULL));
    return a->picture->n_lanes_shared == 0 ||
           error_set(err, ERROR_USAGE,
                     "an earlier version has counted %" PRId64
                     " partitions of more than one topic into these aggregates, and raw orders do "
                     "not say of which they are: they cannot be told apart",
                     a->picture->n_lanes_shared);
}

static void end_audit(struct audit *a) {
    a->laws.report->orders = a->recount->orders;
    a->laws.report->adjustments = a->recount->adjustments;
    cube_free(a->picture->cells);
    cube_free(a->raw_cells);
    zone_free(a->zone);
    free(a->picture);
    free(a->recount);
    free(a->changes);
}

// All-time total of each currency, as people read it.
static void print_totals(struct audit *a, struct cube *cells) {
    struct total {
        int64_t groups, orders, total_e4;
    } *totals = mem_zalloc(N_CURRENCIES, sizeof *totals);
    for (size_t i = 0; i < cube_n_cells(cells); i++) {
        const struct cube_cell *c = &cube_cells(cells)[i];
        const char *currency = c->table == CUBE_TOTALS ? cube_group(cells, c->dim)->currency : "";
        if (currency_is(text_of(currency))) {
            struct total *t = &totals[currency_number(currency)];
            t->groups++;
            t->orders = (int64_t)((uint64_t)t->orders + (uint64_t)c->sum.orders);
            t->total_e4 = (int64_t)((uint64_t)t->total_e4 + (uint64_t)c->sum.total_e4);
        }
    }
    for (int32_t i = 0; i < N_CURRENCIES; i++) {
        if (totals[i].groups > 0) {
            char name[4];
            currency_name(i, name);
            laws_print_total(&a->laws, text_of(name), totals[i].groups, totals[i].orders,
                             totals[i].total_e4);
        }
    }
    free(totals);
}

static void compare_all(struct audit *a) {
    for (int table = 0; table < CUBE_TABLES; table++) {
        compare_table(a, (enum cube_table)table);
    }
}

bool audit_cluster_verify(struct audit_aggregates *aggregates, struct raw_reader *raw, FILE *out,
                          struct audit_report *report, struct error *err) {
    struct audit a;
    bool ok =
        open_audit(&a, aggregates, out, report, err) && (raw == NULL || count_all(&a, raw, err));
    if (ok && raw != NULL) {
        check_store(&a);
        check_gross(&a);
        compare_all(&a);
        const struct laws_witness w = find_witness(&a);
        laws_witness_tell(&a.laws, &w);
    } else if (ok) {
        count_days(&a);
        check_store(&a);
        compare_table(&a, CUBE_TOTALS);
    }
    if (ok) {
        print_totals(&a, a.picture->cells);
    }
    end_audit(&a);
    return ok;
}

bool audit_cluster_rebuild(struct audit_aggregates *aggregates, struct raw_reader *raw,
                           bool accept_loss, FILE *out, int64_t *changed,
                           struct audit_report *report, struct error *err) {
    struct audit a;
    *changed = 0;
    FILE *quiet = fopen("/dev/null", "we"); // what differs is what it is there for
    if (quiet == NULL) {
        return error_set(err, ERROR_FATAL, "cannot open /dev/null");
    }
    bool ok = open_audit(&a, aggregates, quiet, report, err) && count_all(&a, raw, err) &&
              laws_may_rebuild(&a.picture->counts, a.recount, accept_loss, err);
    if (ok) {
        compare_all(&a);
        const struct laws_witness w = find_witness(&a);
        ok = accept_loss || laws_may_replace(&w, err);
    }
    if (ok) {
        const struct audit_repair repair = {a.changes, a.n_changes, a.recount->gross_e4,
                                            a.recount->orders + a.recount->adjustments};
        ok = aggregates->ops->repair(aggregates, a.picture, &repair, err);
    }
    if (ok) {
        *changed = (int64_t)a.n_changes;
        a.laws.out = out;
        print_totals(&a, a.raw_cells);
    }
    end_audit(&a);
    fclose(quiet);
    return ok;
}
