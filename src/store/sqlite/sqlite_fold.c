// SPDX-License-Identifier: MIT
// Sums of cells without sorting them (sales_fold.h): their keys begin with the bucket, so those of
// a bucket come one after the other. (GROUP BY sorts all of them first, which takes twice as long.)
//
// The number of a cell's names is its id in a dictionary; a new one has its names read once.
//
// Fails when a step does, for want of memory, or when the rows are too many.
#include "store/sqlite/sqlite_fold.h"

#include "store/sales_fold.h"
#include "store/sales_query.h"

enum { PRODUCT_MEASURES = 3 };

struct sqlite_fold {
    struct sales_fold fold;
    const struct sqlite_cells_read *read;
    bool of_products;
};

// The names of a cell's id that are asked for, when the filters want it. They live until the next
// step or reset.
static bool choose_names(const struct sqlite_fold *f, sqlite3_stmt *from, int column,
                         struct sales_row *key) {
    struct sales_row names = {.product_id = IDENT_NONE};
    if (f->of_products) {
        names.product_id = sqlite_column_ident(from, column);
        names.currency = sqlite_column_text(from, column + 1);
    } else {
        names.source = sqlite_column_text(from, column);
        names.state = sqlite_column_text(from, column + 1);
        names.currency = sqlite_column_text(from, column + 2);
    }
    return sales_fold_choose(f->fold.q, &names, key);
}

// False: the step failed. *wanted: whether the filters want this id.
static bool read_names(struct sqlite_fold *f, uint32_t id, struct sales_row *key, bool *wanted) {
    if (f->read->with_names) {
        *wanted = choose_names(f, f->read->cells, 1 + PRODUCT_MEASURES, key);
        return true;
    }
    sqlite3_bind_int64(f->read->names, 1, id);
    if (sqlite3_step(f->read->names) != SQLITE_ROW) {
        return false;
    }
    *wanted = choose_names(f, f->read->names, 0, key);
    return true;
}

static int64_t plus(int64_t a, sqlite3_stmt *cells, int column) {
    return sales_plus(a, sqlite3_column_int64(cells, column));
}

static void add_measures(struct measures *m, sqlite3_stmt *cells, bool of_products) {
    m->orders = plus(m->orders, cells, 1);
    m->units = plus(m->units, cells, 2);
    if (of_products) {
        m->total_e4 = plus(m->total_e4, cells, PRODUCT_MEASURES);
        return;
    }
    m->subtotal_e4 = plus(m->subtotal_e4, cells, 3);
    m->discount_e4 = plus(m->discount_e4, cells, 4);
    m->shipping_e4 = plus(m->shipping_e4, cells, 5);
    m->tax_e4 = plus(m->tax_e4, cells, 6);
    m->total_e4 = plus(m->total_e4, cells, 7);
    m->cancelled_orders = plus(m->cancelled_orders, cells, 8);
    m->refunds = plus(m->refunds, cells, 9);
    m->refunded_total_e4 = plus(m->refunded_total_e4, cells, 10);
}

// Reads the names of an id that is new. 0: *failed, or err is set.
static uint32_t group_of_names(struct sqlite_fold *f, uint32_t id, bool *failed,
                               struct error *err) {
    struct sales_row key;
    bool wanted = false;
    *failed = !read_names(f, id, &key, &wanted);
    uint32_t group = *failed  ? 0
                     : wanted ? sales_fold_group(&f->fold, &key, err)
                              : SALES_FOLD_LEFT_OUT;
    sqlite3_reset(f->read->names);
    return group;
}

// The group of a cell's id + 1, or SALES_FOLD_LEFT_OUT; 0: *failed, or err is set.
static uint32_t find_group(struct sqlite_fold *f, uint32_t id, bool *failed, struct error *err) {
    uint32_t *group = sales_fold_of_id(&f->fold, id);
    if (group == NULL) {
        error_set(err, ERROR_RETRIABLE, "out of memory while adding up sales");
        return 0;
    }
    if (*group == 0) {
        *group = group_of_names(f, id, failed, err);
    }
    return *group;
}

static bool each_cell(struct sqlite_fold *f, bool *failed, struct error *err) {
    sqlite3_stmt *cells = f->read->cells;
    int32_t bucket = 0;
    int rc = SQLITE_DONE;
    while (!f->fold.done && (rc = sqlite3_step(cells)) == SQLITE_ROW) {
        int64_t cell = sqlite3_column_int64(cells, 0);
        int32_t its = f->fold.q->bucket == BUCKET_NONE ? 0 : (int32_t)(cell >> 32);
        if (its != bucket && !sales_fold_end_bucket(&f->fold, bucket, err)) {
            return false;
        }
        bucket = its;
        uint32_t group = find_group(f, (uint32_t)cell, failed, err);
        if (group == 0) {
            return false;
        }
        if (group != SALES_FOLD_LEFT_OUT) {
            add_measures(sales_fold_sum(&f->fold, group - 1), cells, f->of_products);
        }
    }
    *failed = !f->fold.done && rc != SQLITE_DONE;
    return !*failed && sales_fold_end_bucket(&f->fold, bucket, err);
}

// Cells that are rows as they are, of one bucket: nothing to add up, to keep or to sort.
static bool pass_cells(struct sqlite_fold *f, bool *failed, struct error *err) {
    sqlite3_stmt *cells = f->read->cells;
    int rc = SQLITE_DONE;
    bool ok = true;
    while (ok && !f->fold.done && !*failed && (rc = sqlite3_step(cells)) == SQLITE_ROW) {
        struct sales_row row;
        bool wanted = false;
        int64_t cell = sqlite3_column_int64(cells, 0);
        *failed = !read_names(f, (uint32_t)cell, &row, &wanted);
        if (!*failed && wanted) {
            row.bucket = f->fold.q->bucket == BUCKET_NONE ? 0 : (int32_t)(cell >> 32);
            add_measures(&row.sum, cells, f->of_products);
            ok = sales_fold_pass(&f->fold, &row, err);
        }
        sqlite3_reset(f->read->names);
    }
    *failed = *failed || (ok && !f->fold.done && rc != SQLITE_DONE);
    return ok && !*failed;
}

bool sqlite_fold_cells(const struct sqlite_cells_read *read, const struct sales_query *q,
                       sales_row_fn each, void *user, bool *failed, struct error *err) {
    struct sqlite_fold f = {.fold = sales_fold_begin(q, each, user),
                            .read = read,
                            .of_products = sales_query_of_products(q)};
    *failed = false;
    bool pass = q->any_order && sales_query_is_cells(q) && sales_query_is_one_bucket(q);
    bool ok = (pass ? pass_cells : each_cell)(&f, failed, err);
    sales_fold_free(&f.fold);
    return ok;
}
