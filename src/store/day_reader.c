// SPDX-License-Identifier: MIT
// Questions about days from sums that are kept: the nodes of the range (day_nodes.h) are added up,
// filtered and grouped as the question wants it.
//
// How it fails: the store's errors are the caller's. Where the nodes cannot be had without anything
// being wrong with the store, the store is asked for all of it.
#include "store/day_reader.h"

#include "base/heap.h"
#include "base/mem.h"
#include "store/day_nodes.h"
#include "store/sales_fold.h"
#include "store/sales_query.h"
#include <stdlib.h>
#include <string.h>

enum { DAYS_MAX = 16384, LAST_DAY = 200000 }; // in the year 2517

struct day_reader {
    struct sales_reader base;
    struct sales_reader_ops ops; // without what `inner` has not
    struct sales_reader *inner;
    struct day_cache *cache;
    bool in_snapshot;
};

static struct day_reader *day_reader_of(struct sales_reader *r) {
    return (struct day_reader *)r;
}

// One question.
struct day_asking {
    struct day_nodes nodes;
    uint32_t n_names; // as many as were numbered when all nodes were there
};

// --- The answer

static void count_names(struct day_asking *a) {
    day_cache_lock(a->nodes.cache);
    a->n_names = day_cache_n_names(a->nodes.cache, a->nodes.kind);
    day_cache_unlock(a->nodes.cache);
}

static const struct sales_row *name_of(const struct day_asking *a, uint32_t number) {
    return day_cache_name(a->nodes.cache, a->nodes.kind, number);
}

// The group of a number + 1, or SALES_FOLD_LEFT_OUT; 0: err tells.
static uint32_t group_of(struct day_asking *a, struct sales_fold *f, uint32_t number,
                         struct error *err) {
    uint32_t *group = sales_fold_of_id(f, number);
    if (group == NULL) {
        error_set(err, ERROR_RETRIABLE, "out of memory while adding up sales");
        return 0;
    }
    struct sales_row key;
    if (*group == 0 && !sales_fold_choose(a->nodes.q, name_of(a, number), &key)) {
        *group = SALES_FOLD_LEFT_OUT;
    } else if (*group == 0) {
        *group = sales_fold_group(f, &key, err);
    }
    return *group;
}

static bool add_row(struct day_asking *a, struct sales_fold *f, uint32_t number,
                    const int64_t *sums, struct error *err) {
    uint32_t group = group_of(a, f, number, err);
    if (group != 0 && group != SALES_FOLD_LEFT_OUT) {
        day_measures_add(sales_fold_sum(f, group - 1), a->nodes.kind, sums);
    }
    return group != 0;
}

// Rows that are names as they are: nothing to group or to sort.
static bool pass_row(struct day_asking *a, struct sales_fold *f, uint32_t number,
                     const int64_t *sums, struct error *err) {
    struct sales_row row;
    if (!sales_fold_choose(a->nodes.q, name_of(a, number), &row)) {
        return true;
    }
    day_measures_add(&row.sum, a->nodes.kind, sums);
    return sales_fold_pass(f, &row, err);
}

static bool tell_sum(struct day_asking *a, struct sales_fold *f, struct error *err) {
    const struct sales_query *q = a->nodes.q;
    bool by_all = q->by_product || (q->by_source && q->by_state);
    struct day_sums sums;
    bool ok = day_sums_begin(&sums, a->nodes.kind, a->n_names) ||
              error_set(err, ERROR_RETRIABLE, "out of memory while adding up sales");
    for (size_t i = 0; ok && i < a->nodes.n_held; i++) {
        day_sums_add(&sums, a->nodes.held[i]);
    }
    for (uint32_t number = 0; ok && !f->done && number < a->n_names; number++) {
        if (sums.has[number]) {
            ok = (by_all && q->any_order ? pass_row : add_row)(
                a, f, number, sums.sums + number * day_measures(a->nodes.kind), err);
        }
    }
    day_sums_free(&sums);
    return ok && sales_fold_end_bucket(f, 0, err);
}

static bool tell_days(struct day_asking *a, struct sales_fold *f, struct error *err) {
    for (size_t i = 0; !f->done && i < a->nodes.n_held; i++) {
        const struct day_node *node = a->nodes.held[i];
        for (uint32_t k = 0; k < node->n; k++) {
            if (!add_row(a, f, node->names[k], node->sums + k * day_measures(a->nodes.kind), err)) {
                return false;
            }
        }
        if (!sales_fold_end_bucket(f, a->nodes.q->from + (int32_t)i, err)) {
            return false;
        }
    }
    return true;
}

static bool tell(struct day_asking *a, sales_row_fn each, void *user, struct error *err) {
    struct sales_fold fold = sales_fold_begin(a->nodes.q, each, user);
    bool ok = (a->nodes.q->bucket == BUCKET_DAY ? tell_days : tell_sum)(a, &fold, err);
    sales_fold_free(&fold);
    return ok;
}

// *told: the answer is complete; else the store is to be asked for it.
static bool ask_days(struct day_asking *a, sales_row_fn each, void *user, bool *told,
                     struct error *err) {
    bool ok = day_nodes_get(&a->nodes, err);
    *told = ok && !a->nodes.give_up;
    if (*told) {
        count_names(a);
        ok = tell(a, each, user, err);
    }
    day_nodes_let_go(&a->nodes);
    return ok;
}

// Whole days, of all products or none in particular.
static bool is_of_days(const struct sales_query *q) {
    bool by_day = q->bucket == BUCKET_DAY && !q->by_product;
    return (q->bucket == BUCKET_NONE || by_day) && q->filters[SALES_PRODUCT].n == 0 &&
           !sales_query_all_time(q) && q->from >= 0 && q->to <= LAST_DAY &&
           q->to - q->from >= (q->by_product ? 1 : 2) && q->to - q->from <= DAYS_MAX;
}

static bool reader_sales(struct sales_reader *base, const struct sales_query *q, sales_row_fn each,
                         void *user, struct error *err) {
    struct day_reader *r = day_reader_of(base);
    enum day_kind kind = q->by_product ? DAY_PRODUCTS : DAY_GROUPS;
    bool told = false, ok = true;
    if (!sales_query_check(q, err)) {
        return false;
    }
    if (r->in_snapshot && r->inner->ops->day_changes != NULL && is_of_days(q) &&
        day_cache_enter(r->cache, kind)) {
        struct day_asking a = {
            .nodes = {.inner = r->inner, .cache = r->cache, .q = q, .kind = kind}};
        ok = ask_days(&a, each, user, &told, err);
        day_cache_leave(r->cache);
    }
    return ok && (told || r->inner->ops->sales(r->inner, q, each, user, err));
}

// --- What is handed on

static bool reader_order(struct sales_reader *base, struct ident order_id, stored_event_fn each,
                         void *user, struct error *err) {
    struct sales_reader *inner = day_reader_of(base)->inner;
    return inner->ops->order(inner, order_id, each, user, err);
}

static bool reader_recent(struct sales_reader *base, int64_t after_position, int64_t limit,
                          stored_event_fn each, void *user, struct error *err) {
    struct sales_reader *inner = day_reader_of(base)->inner;
    return inner->ops->recent(inner, after_position, limit, each, user, err);
}

static bool reader_recent_changes(struct sales_reader *base, int64_t after_position, int64_t limit,
                                  stored_event_fn each, void *user, bool *kept, struct error *err) {
    struct sales_reader *inner = day_reader_of(base)->inner;
    return inner->ops->recent_changes(inner, after_position, limit, each, user, kept, err);
}

static bool reader_rejected(struct sales_reader *base, int64_t before_id, int64_t limit,
                            rejected_row_fn each, void *user, struct error *err) {
    struct sales_reader *inner = day_reader_of(base)->inner;
    return inner->ops->rejected(inner, before_id, limit, each, user, err);
}

static bool reader_rejected_codes(struct sales_reader *base, int64_t newest, rejected_code_fn each,
                                  void *user, struct error *err) {
    struct sales_reader *inner = day_reader_of(base)->inner;
    return inner->ops->rejected_codes(inner, newest, each, user, err);
}

static bool reader_counts(struct sales_reader *base, struct store_counts *counts,
                          int64_t *last_batch_id, struct error *err) {
    struct sales_reader *inner = day_reader_of(base)->inner;
    return inner->ops->counts(inner, counts, last_batch_id, err);
}

static bool reader_batch_committed(struct sales_reader *base, int64_t batch_id,
                                   int64_t *committed_ms, struct error *err) {
    struct sales_reader *inner = day_reader_of(base)->inner;
    return inner->ops->batch_committed(inner, batch_id, committed_ms, err);
}

static bool reader_floors(struct sales_reader *base, int32_t *minute_floor, int32_t *hour_floor,
                          struct error *err) {
    struct sales_reader *inner = day_reader_of(base)->inner;
    return inner->ops->floors(inner, minute_floor, hour_floor, err);
}

static bool reader_day_changes(struct sales_reader *base, int32_t from, int32_t to,
                               day_change_fn each, void *user, bool *complete, struct error *err) {
    struct sales_reader *inner = day_reader_of(base)->inner;
    return inner->ops->day_changes(inner, from, to, each, user, complete, err);
}

static bool reader_begin(struct sales_reader *base, struct error *err) {
    struct day_reader *r = day_reader_of(base);
    r->in_snapshot = r->inner->ops->begin(r->inner, err);
    return r->in_snapshot;
}

static void reader_end(struct sales_reader *base) {
    struct day_reader *r = day_reader_of(base);
    r->in_snapshot = false;
    r->inner->ops->end(r->inner);
}

static void reader_close(struct sales_reader *base) {
    struct day_reader *r = day_reader_of(base);
    r->inner->ops->close(r->inner);
    free(r);
}

struct sales_reader *day_reader_new(struct sales_reader *inner, struct day_cache *cache) {
    struct day_reader *r = mem_zalloc(1, sizeof *r);
    const struct sales_reader_ops *has = inner->ops;
    r->ops = (struct sales_reader_ops){
        .order = has->order != NULL ? reader_order : NULL,
        .sales = reader_sales,
        .recent = reader_recent,
        .recent_changes = has->recent_changes != NULL ? reader_recent_changes : NULL,
        .rejected = reader_rejected,
        .rejected_codes = reader_rejected_codes,
        .counts = reader_counts,
        .batch_committed = reader_batch_committed,
        .floors = reader_floors,
        .day_changes = has->day_changes != NULL ? reader_day_changes : NULL,
        .begin = reader_begin,
        .end = reader_end,
        .close = reader_close,
    };
    r->base.ops = &r->ops;
    r->inner = inner;
    r->cache = cache;
    return &r->base;
}
