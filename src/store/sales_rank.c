// SPDX-License-Identifier: MIT
// Ranks of groups. Mostly ten of thousands are wanted, of one currency: those are picked out, and
// the others get no order. Else all are sorted. Fails for want of memory.
#include "store/sales_rank.h"

#include "base/heap.h"
#include "store/sales_query.h"
#include <stdlib.h>

enum { FEW_MAX = 32 };

static int64_t measure_of(const struct measures *m, enum sales_order order) {
    return order == SALES_BY_ORDERS ? m->orders : order == SALES_BY_UNITS ? m->units : m->total_e4;
}

// What mostly decides stands beside each other: thousands are compared.
struct ranked {
    struct sales_answer_row *row;
    int64_t measure, orders;
    uint32_t currency; // its letters, the first the highest
};

// By currency, then the larger first; then by key, so that equals stand in one order.
static int compare_ranked(const void *left, const void *right) {
    const struct ranked *a = left, *b = right;
    int c = (a->currency > b->currency) - (a->currency < b->currency);
    c = c != 0 ? c : (a->measure < b->measure) - (a->measure > b->measure);
    c = c != 0 ? c : (a->orders < b->orders) - (a->orders > b->orders);
    return c != 0 ? c : sales_row_compare(&a->row->row, &b->row->row);
}

static uint32_t currency_key(struct text t) {
    uint32_t key = 0;
    for (size_t i = 0; i < 3; i++) {
        key = key << 8 | (i < t.len ? (unsigned char)t.at[i] : 0);
    }
    return key;
}

static struct ranked ranked_of(const struct sales_query *q, struct sales_answer_row *row,
                               bool before) {
    enum sales_order order = q->order == SALES_BY_KEY ? SALES_BY_TOTAL : q->order;
    const struct measures *m = before ? &row->before : &row->row.sum;
    return (struct ranked){row, measure_of(m, order), m->orders, currency_key(row->row.currency)};
}

// Groups with nothing in the second range have no rank there.
static size_t list_groups(const struct sales_query *q, const struct sales_table *groups,
                          struct ranked *all, bool before) {
    size_t n = 0;
    for (size_t i = 0; i < groups->n; i++) {
        struct sales_answer_row *row = &groups->rows[i];
        if (!before || !sales_sum_is_zero(&row->before)) {
            all[n++] = ranked_of(q, row, before);
        }
    }
    return n;
}

static void rank_all(struct ranked *all, size_t n_all, bool before) {
    if (n_all > 1) {
        qsort(all, n_all, sizeof *all, compare_ranked);
    }
    int32_t n = 0;
    for (size_t i = 0; i < n_all; i++) {
        n = i > 0 && all[i - 1].currency != all[i].currency ? 0 : n;
        *(before ? &all[i].row->rank_before : &all[i].row->rank) = ++n;
    }
}

static bool is_of_one_currency(const struct ranked *all, size_t n) {
    for (size_t i = 1; i < n; i++) {
        if (all[i].currency != all[0].currency) {
            return false;
        }
    }
    return true;
}

// The first few of thousands, without an order for the others: each is held against the last of the
// few, and mostly that is all.
static void rank_few(struct ranked *all, size_t n_all, int32_t few) {
    struct ranked best[FEW_MAX];
    int32_t n = 0;
    for (size_t i = 0; i < n_all; i++) {
        all[i].row->rank = few + 1;
        if (n == few && compare_ranked(&all[i], &best[n - 1]) > 0) {
            continue;
        }
        int32_t at = n < few ? n++ : n - 1;
        for (; at > 0 && compare_ranked(&all[i], &best[at - 1]) < 0; at--) {
            best[at] = best[at - 1];
        }
        best[at] = all[i];
    }
    for (int32_t i = 0; i < n; i++) {
        best[i].row->rank = i + 1;
    }
}

// Of those few.
static void rank_few_before(const struct sales_query *q, const struct ranked *all, size_t n_all,
                            int32_t few) {
    for (size_t i = 0; i < n_all; i++) {
        if (all[i].row->rank <= few) {
            struct ranked mine = ranked_of(q, all[i].row, true);
            int32_t n = 1;
            for (size_t k = 0; k < n_all; k++) {
                n += compare_ranked(&all[k], &mine) < 0;
            }
            mine.row->rank_before = n;
        }
    }
}

static void rank(const struct sales_query *q, const struct sales_table *groups,
                 struct ranked *all) {
    int32_t few = q->top;
    size_t n = list_groups(q, groups, all, false);
    bool of_few = few > 0 && few <= FEW_MAX && is_of_one_currency(all, n);
    if (of_few) {
        rank_few(all, n, few);
    } else {
        rank_all(all, n, false);
    }
    if (q->compare) {
        n = list_groups(q, groups, all, true);
        if (of_few) {
            rank_few_before(q, all, n, few);
        } else {
            rank_all(all, n, true);
        }
    }
}

bool sales_rank(const struct sales_query *q, struct sales_table *groups, struct error *err) {
    struct ranked *all = try_alloc((groups->n + 1) * sizeof *all);
    if (all == NULL) {
        return error_set(err, ERROR_RETRIABLE, "out of memory while ranking sales");
    }
    rank(q, groups, all);
    free(all);
    return true;
}
