// SPDX-License-Identifier: MIT
// Sums of cells without sorting them: their keys begin with the bucket, so those of a bucket come
// one after the other. (GROUP BY sorts all of them first, which takes twice as long.)
//
// 1. A cell's id is looked up in the list of ids; a new one has its names read once, and they say
//    to which group it belongs, or that the filters leave it out.
// 2. The measures are added to the group; the first cell of a bucket notes it.
// 3. When the bucket ends its groups are sorted by key and handed over.
//
// Fails when a step does, for want of memory, or when the rows are too many. Sums cannot overflow:
// the engine refuses what could; in a file that somebody edited they wrap.
#include "store/sqlite/sqlite_fold.h"

#include "base/arena.h"
#include "base/hash.h"
#include "store/sales_query.h"
#include <assert.h>
#include <stdlib.h>

enum {
    FIRST_GROUPS = 64,
    GROUPS_MAX = FIRST_GROUPS << 14,
    PRODUCT_MEASURES = 3,
    IDS_MAX = 1 << 26
};
#define LEFT_OUT UINT32_MAX

struct sqlite_fold {
    const struct sales_query *q;
    const struct sqlite_cells_read *read;
    bool of_products;
    struct arena texts;
    struct fold_group {
        struct sales_row row;
        bool touched; // in this bucket
    } * groups;
    uint32_t *slots; // by key: number + 1; twice cap_groups
    size_t n_groups, cap_groups;
    uint32_t *of_id; // an id's group + 1; 0: not known yet; LEFT_OUT
    size_t cap_ids;
    uint32_t *touched; // groups of this bucket; room for cap_groups
    size_t n_touched;
    int64_t n_rows; // handed over
    bool done;      // the caller has enough
};

static bool fold_no_memory(struct error *err) {
    return error_set(err, ERROR_RETRIABLE, "out of memory while adding up sales");
}

// --- Groups

static uint32_t *find_slot(const struct sqlite_fold *f, const struct sales_row *key) {
    size_t mask = 2 * f->cap_groups - 1;
    uint64_t product = key->product_id.num >= 0 ? hash_u64((uint64_t)key->product_id.num)
                                                : hash_text(key->product_id.text, 4);
    uint64_t hash = hash_text(key->source, 1) ^ hash_u64(hash_text(key->state, 2)) ^ product ^
                    hash_text(key->currency, 3);
    size_t i = (size_t)hash & mask;
    while (f->slots[i] != 0 && sales_row_compare(&f->groups[f->slots[i] - 1].row, key) != 0) {
        i = (i + 1) & mask;
    }
    return &f->slots[i];
}

static bool grow_groups(struct sqlite_fold *f) {
    size_t cap = f->cap_groups > 0 ? 2 * f->cap_groups : FIRST_GROUPS;
    struct fold_group *groups = try_realloc(f->groups, cap * sizeof *groups);
    f->groups = groups != NULL ? groups : f->groups;
    uint32_t *slots = try_realloc(f->slots, 2 * cap * sizeof *slots);
    f->slots = slots != NULL ? slots : f->slots;
    uint32_t *touched = try_realloc(f->touched, cap * sizeof *touched);
    f->touched = touched != NULL ? touched : f->touched;
    if (groups == NULL || slots == NULL || touched == NULL) {
        return false;
    }
    memset(slots, 0, 2 * cap * sizeof *slots);
    f->cap_groups = cap;
    for (size_t i = 0; i < f->n_groups; i++) {
        groups[i].row.bucket = 0; // no part of the key here
        *find_slot(f, &groups[i].row) = (uint32_t)i + 1;
    }
    return true;
}

static bool keep_key(struct sqlite_fold *f, struct sales_row *key) {
    struct text *const texts[] = {&key->source, &key->state, &key->product_id.text, &key->currency};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        if (texts[i]->at != NULL && !arena_try_copy(&f->texts, *texts[i], texts[i])) {
            return false;
        }
    }
    return true;
}

// The group of these names + 1, made when it is new; 0: no memory.
static uint32_t group_of(struct sqlite_fold *f, struct sales_row key) {
    if (f->n_groups == f->cap_groups && (f->n_groups >= GROUPS_MAX || !grow_groups(f))) {
        return 0;
    }
    uint32_t *slot = find_slot(f, &key);
    if (*slot == 0) {
        if (!keep_key(f, &key)) {
            return 0;
        }
        f->groups[f->n_groups] = (struct fold_group){.row = key};
        *slot = (uint32_t)++f->n_groups;
    }
    return *slot;
}

static bool is_wanted(const struct sales_filter *filter, struct text value) {
    for (size_t i = 0; i < filter->n; i++) {
        if (text_equal(filter->values[i], value)) {
            return true;
        }
    }
    return filter->n == 0;
}

// The names of a cell's id that are asked for, when the filters want it. They live until the next
// step or reset.
static bool choose_names(const struct sqlite_fold *f, sqlite3_stmt *from, int column,
                         struct sales_row *key) {
    const struct sales_query *q = f->q;
    if (f->of_products) {
        key->product_id = q->by_product ? sqlite_column_ident(from, column) : IDENT_NONE;
        key->currency = sqlite_column_text(from, column + 1);
        return is_wanted(&q->filters[SALES_CURRENCY], key->currency);
    }
    struct text source = sqlite_column_text(from, column);
    struct text state = sqlite_column_text(from, column + 1);
    key->source = q->by_source ? source : TEXT_NONE;
    key->state = q->by_state ? state : TEXT_NONE;
    key->currency = sqlite_column_text(from, column + 2);
    return is_wanted(&q->filters[SALES_SOURCE], source) &&
           is_wanted(&q->filters[SALES_STATE], state) &&
           is_wanted(&q->filters[SALES_CURRENCY], key->currency);
}

// False: the step failed. *wanted: whether the filters want this id.
static bool read_names(struct sqlite_fold *f, uint32_t id, struct sales_row *key, bool *wanted) {
    *key = (struct sales_row){.product_id = IDENT_NONE};
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

static uint32_t group_of_names(struct sqlite_fold *f, uint32_t id, bool *failed) {
    struct sales_row key;
    bool wanted;
    *failed = !read_names(f, id, &key, &wanted);
    uint32_t group = *failed ? 0 : wanted ? group_of(f, key) : LEFT_OUT;
    sqlite3_reset(f->read->names);
    return group;
}

static bool grow_ids(struct sqlite_fold *f, uint32_t id) {
    size_t cap = f->cap_ids > 0 ? f->cap_ids : 1024;
    while (cap <= id && cap < IDS_MAX) {
        cap *= 2;
    }
    uint32_t *of_id = cap > id ? try_realloc(f->of_id, cap * sizeof *of_id) : NULL;
    if (of_id == NULL) {
        return false;
    }
    memset(of_id + f->cap_ids, 0, (cap - f->cap_ids) * sizeof *of_id);
    f->of_id = of_id;
    f->cap_ids = cap;
    return true;
}

// --- Buckets

static int compare_groups(const void *left, const void *right, void *user) {
    const struct fold_group *groups = user;
    return sales_row_compare(&groups[*(const uint32_t *)left].row,
                             &groups[*(const uint32_t *)right].row);
}

// Hands the groups of a bucket over and empties them.
static bool end_bucket(struct sqlite_fold *f, int32_t bucket, sales_row_fn each, void *user,
                       struct error *err) {
    if (!f->q->any_order && f->n_touched > 1) {
        qsort_r(f->touched, f->n_touched, sizeof *f->touched, compare_groups, f->groups);
    }
    for (size_t i = 0; i < f->n_touched && !f->done; i++) {
        struct fold_group *g = &f->groups[f->touched[i]];
        struct sales_row row = g->row;
        if (++f->n_rows > f->q->max_rows) {
            return sales_query_too_long(f->q, err);
        }
        row.bucket = bucket;
        f->done = !each(user, &row);
        g->row.sum = (struct measures){0};
        g->touched = false;
    }
    f->n_touched = 0;
    return true;
}

static int64_t plus(int64_t a, sqlite3_stmt *cells, int column) {
    return (int64_t)((uint64_t)a + (uint64_t)sqlite3_column_int64(cells, column));
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

static void add_cell(struct sqlite_fold *f, uint32_t group) {
    assert(f->groups != NULL && group < f->n_groups);
    struct fold_group *g = &f->groups[group];
    if (!g->touched) {
        g->touched = true;
        f->touched[f->n_touched++] = group;
    }
    add_measures(&g->row.sum, f->read->cells, f->of_products);
}

// The group of a cell's id + 1, or LEFT_OUT; 0: *failed, or no memory.
static uint32_t find_group(struct sqlite_fold *f, uint32_t id, bool *failed) {
    if (id >= f->cap_ids && !grow_ids(f, id)) {
        return 0;
    }
    if (f->of_id[id] == 0) {
        f->of_id[id] = group_of_names(f, id, failed);
    }
    return f->of_id[id];
}

static bool each_cell(struct sqlite_fold *f, sales_row_fn each, void *user, bool *failed,
                      struct error *err) {
    sqlite3_stmt *cells = f->read->cells;
    int32_t bucket = 0;
    int rc = SQLITE_DONE;
    while (!f->done && (rc = sqlite3_step(cells)) == SQLITE_ROW) {
        int64_t cell = sqlite3_column_int64(cells, 0);
        int32_t its = f->q->bucket == BUCKET_NONE ? 0 : (int32_t)(cell >> 32);
        if (its != bucket && !end_bucket(f, bucket, each, user, err)) {
            return false;
        }
        bucket = its;
        uint32_t group = find_group(f, (uint32_t)cell, failed);
        if (group == 0) {
            return !*failed && (f->n_groups >= GROUPS_MAX ? sales_query_too_long(f->q, err)
                                                          : fold_no_memory(err));
        }
        if (group != LEFT_OUT) {
            add_cell(f, group - 1);
        }
    }
    *failed = !f->done && rc != SQLITE_DONE;
    return !*failed && end_bucket(f, bucket, each, user, err);
}

// Cells that are rows as they are, of one bucket: nothing to add up, to keep or to sort.
static bool pass_cells(struct sqlite_fold *f, sales_row_fn each, void *user, bool *failed,
                       struct error *err) {
    sqlite3_stmt *cells = f->read->cells;
    int rc = SQLITE_DONE;
    while (!f->done && !*failed && (rc = sqlite3_step(cells)) == SQLITE_ROW) {
        struct sales_row row;
        bool wanted;
        int64_t cell = sqlite3_column_int64(cells, 0);
        *failed = !read_names(f, (uint32_t)cell, &row, &wanted);
        if (!*failed && wanted) {
            if (++f->n_rows > f->q->max_rows) {
                sqlite3_reset(f->read->names);
                return sales_query_too_long(f->q, err);
            }
            row.bucket = f->q->bucket == BUCKET_NONE ? 0 : (int32_t)(cell >> 32);
            add_measures(&row.sum, cells, f->of_products);
            f->done = !each(user, &row);
        }
        sqlite3_reset(f->read->names);
    }
    *failed = *failed || (!f->done && rc != SQLITE_DONE);
    return !*failed;
}

bool sqlite_fold_cells(const struct sqlite_cells_read *read, const struct sales_query *q,
                       sales_row_fn each, void *user, bool *failed, struct error *err) {
    struct sqlite_fold f = {.q = q, .read = read, .of_products = sales_query_of_products(q)};
    *failed = false;
    bool pass = q->any_order && sales_query_is_cells(q) && sales_query_is_one_bucket(q);
    bool ok = (pass ? pass_cells : each_cell)(&f, each, user, failed, err);
    arena_free(&f.texts);
    free(f.groups);
    free(f.slots);
    free(f.touched);
    free(f.of_id);
    return ok;
}
