// SPDX-License-Identifier: MIT
// Adding cells up by group.
//
// How it fails: for want of memory, or when the rows are too many. Sums cannot overflow: the engine
// refuses what could; in a store that somebody edited they wrap.
#include "store/sales_fold.h"

#include "base/mem.h"
#include "store/sales_query.h"
#include <assert.h>
#include <stdlib.h>

enum { FIRST_GROUPS = 64, GROUPS_MAX = FIRST_GROUPS << 14, FIRST_IDS = 1024, IDS_MAX = 1 << 26 };

struct fold_group {
    struct sales_row row;
    bool touched; // in this bucket
};

struct sales_fold sales_fold_begin(const struct sales_query *q, sales_row_fn each, void *user) {
    return (struct sales_fold){.q = q, .each = each, .user = user};
}

void sales_fold_free(struct sales_fold *f) {
    arena_free(&f->texts);
    free(f->groups);
    free(f->slots);
    free(f->touched);
    free(f->of_id);
}

// --- Groups

static uint32_t *find_slot(const struct sales_fold *f, const struct sales_row *key) {
    size_t mask = 2 * f->cap_groups - 1;
    size_t i = (size_t)sales_row_hash(key) & mask;
    while (f->slots[i] != 0 && sales_row_compare(&f->groups[f->slots[i] - 1].row, key) != 0) {
        i = (i + 1) & mask;
    }
    return &f->slots[i];
}

static bool grow_groups(struct sales_fold *f) {
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

static uint32_t no_memory(struct error *err) {
    error_set(err, ERROR_RETRIABLE, "out of memory while adding up sales");
    return 0;
}

static uint32_t too_long(const struct sales_fold *f, struct error *err) {
    sales_query_too_long(f->q, err);
    return 0;
}

uint32_t sales_fold_group(struct sales_fold *f, const struct sales_row *of, struct error *err) {
    struct sales_row key = *of;
    if (f->n_groups == f->cap_groups && f->n_groups >= GROUPS_MAX) {
        return too_long(f, err);
    }
    if (f->n_groups == f->cap_groups && !grow_groups(f)) {
        return no_memory(err);
    }
    uint32_t *slot = find_slot(f, &key);
    if (*slot == 0) {
        if (!sales_row_keep(&f->texts, &key)) {
            return no_memory(err);
        }
        f->groups[f->n_groups] = (struct fold_group){.row = key};
        *slot = (uint32_t)++f->n_groups;
    }
    return *slot;
}

// --- Names

static bool is_wanted(const struct sales_filter *filter, struct text value) {
    for (size_t i = 0; i < filter->n; i++) {
        if (text_equal(filter->values[i], value)) {
            return true;
        }
    }
    return filter->n == 0;
}

bool sales_fold_choose(const struct sales_query *q, const struct sales_row *names,
                       struct sales_row *key) {
    *key = (struct sales_row){.product_id = q->by_product ? names->product_id : IDENT_NONE,
                              .source = q->by_source ? names->source : TEXT_NONE,
                              .state = q->by_state ? names->state : TEXT_NONE,
                              .currency = names->currency};
    return is_wanted(&q->filters[SALES_CURRENCY], names->currency) &&
           (sales_query_of_products(q) || (is_wanted(&q->filters[SALES_SOURCE], names->source) &&
                                           is_wanted(&q->filters[SALES_STATE], names->state)));
}

uint32_t *sales_fold_of_id(struct sales_fold *f, uint32_t id) {
    size_t cap = f->cap_ids > 0 ? f->cap_ids : FIRST_IDS;
    while (cap <= id && cap < IDS_MAX) {
        cap *= 2;
    }
    if (cap > f->cap_ids || id >= cap) {
        uint32_t *of_id = cap > id ? try_realloc(f->of_id, cap * sizeof *of_id) : NULL;
        if (of_id == NULL) {
            return NULL;
        }
        memset(of_id + f->cap_ids, 0, (cap - f->cap_ids) * sizeof *of_id);
        f->of_id = of_id;
        f->cap_ids = cap;
    }
    return &f->of_id[id];
}

// --- Buckets

struct measures *sales_fold_sum(struct sales_fold *f, uint32_t group) {
    assert(f->groups != NULL && group < f->n_groups);
    struct fold_group *g = &f->groups[group];
    if (!g->touched) {
        g->touched = true;
        f->touched[f->n_touched++] = group;
    }
    return &g->row.sum;
}

static int compare_groups(const void *left, const void *right, void *user) {
    const struct fold_group *groups = user;
    return sales_row_compare(&groups[*(const uint32_t *)left].row,
                             &groups[*(const uint32_t *)right].row);
}

bool sales_fold_pass(struct sales_fold *f, const struct sales_row *row, struct error *err) {
    if (++f->n_rows > f->q->max_rows) {
        return sales_query_too_long(f->q, err);
    }
    f->done = !f->each(f->user, row);
    return true;
}

bool sales_fold_end_bucket(struct sales_fold *f, int32_t bucket, struct error *err) {
    if (!f->q->any_order && f->n_touched > 1) {
        qsort_r(f->touched, f->n_touched, sizeof *f->touched, compare_groups, f->groups);
    }
    for (size_t i = 0; i < f->n_touched && !f->done; i++) {
        struct fold_group *g = &f->groups[f->touched[i]];
        struct sales_row row = g->row;
        row.bucket = bucket;
        if (!sales_fold_pass(f, &row, err)) {
            return false;
        }
        g->row.sum = (struct measures){0};
        g->touched = false;
    }
    f->n_touched = 0;
    return true;
}
