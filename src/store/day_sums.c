// SPDX-License-Identifier: MIT
#include "store/day_sums.h"

#include "base/heap.h"
#include "store/sales_query.h"
#include <stdlib.h>
#include <string.h>

void day_measures_put(const struct measures *m, enum day_kind kind, int64_t *out) {
    if (kind == DAY_PRODUCTS) {
        out[0] = m->orders;
        out[1] = m->units;
        out[2] = m->total_e4;
        return;
    }
    const int64_t all[DAY_GROUP_MEASURES] = {
        m->orders, m->units,    m->subtotal_e4,      m->discount_e4, m->shipping_e4,
        m->tax_e4, m->total_e4, m->cancelled_orders, m->refunds,     m->refunded_total_e4};
    memcpy(out, all, sizeof all);
}

void day_measures_add(struct measures *to, enum day_kind kind, const int64_t *sums) {
    int64_t *const of_group[DAY_GROUP_MEASURES] = {&to->orders,      &to->units,
                                                   &to->subtotal_e4, &to->discount_e4,
                                                   &to->shipping_e4, &to->tax_e4,
                                                   &to->total_e4,    &to->cancelled_orders,
                                                   &to->refunds,     &to->refunded_total_e4};
    int64_t *const of_product[DAY_PRODUCT_MEASURES] = {&to->orders, &to->units, &to->total_e4};
    int64_t *const *each = kind == DAY_PRODUCTS ? of_product : of_group;
    for (size_t i = 0; i < day_measures(kind); i++) {
        *each[i] = sales_plus(*each[i], sums[i]);
    }
}

bool day_sums_begin(struct day_sums *s, enum day_kind kind, uint32_t n_names) {
    size_t bytes = n_names * day_measures(kind) * sizeof *s->sums;
    *s = (struct day_sums){.kind = kind, .n_names = n_names};
    s->sums = try_alloc(bytes + 1);
    s->has = try_alloc(n_names + 1);
    if (s->sums == NULL || s->has == NULL) {
        return false;
    }
    memset(s->sums, 0, bytes);
    memset(s->has, 0, n_names);
    return true;
}

// Of k measures each, a constant to the compiler: millions are added for a question about a year.
static inline void add_rows(struct day_sums *s, const struct day_node *node, size_t k) {
    for (uint32_t i = 0; i < node->n; i++) {
        uint32_t number = node->names[i];
        int64_t *to = s->sums + (size_t)number * k;
        const int64_t *from = node->sums + (size_t)i * k;
        s->n += !s->has[number];
        s->has[number] = true;
        for (size_t m = 0; m < k; m++) {
            to[m] = sales_plus(to[m], from[m]);
        }
    }
}

void day_sums_add(struct day_sums *s, const struct day_node *node) {
    if (s->kind == DAY_PRODUCTS) {
        add_rows(s, node, DAY_PRODUCT_MEASURES);
    } else {
        add_rows(s, node, DAY_GROUP_MEASURES);
    }
}

void day_sums_free(struct day_sums *s) {
    free(s->sums);
    free(s->has);
}
