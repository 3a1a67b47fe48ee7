// SPDX-License-Identifier: MIT
// An open-addressing table from names to sums, and a ranking by insertion into the few best.
#include "live/live_groups.h"

#include "base/hash.h"
#include "base/mem.h"
#include <stdlib.h>

struct live_group {
    struct text name;
    bool used;
    struct live_sum sum;
};

// The engine has refused every event that could push a sum past 64 bits; a file that somebody
// edited may still do so, and must not be undefined behaviour.
static int64_t plus(int64_t a, int64_t b) {
    return (int64_t)((uint64_t)a + (uint64_t)b);
}

void live_sum_more(struct live_sum *sum, const struct live_sum *more) {
    sum->orders = plus(sum->orders, more->orders);
    sum->units = plus(sum->units, more->units);
    sum->total_e4 = plus(sum->total_e4, more->total_e4);
    sum->cancelled_orders = plus(sum->cancelled_orders, more->cancelled_orders);
    sum->refunds = plus(sum->refunds, more->refunds);
    sum->refunded_total_e4 = plus(sum->refunded_total_e4, more->refunded_total_e4);
}

void live_sum_add(struct live_sum *sum, const struct measures *m) {
    live_sum_more(sum, &(struct live_sum){.orders = m->orders,
                                          .units = m->units,
                                          .total_e4 = m->total_e4,
                                          .cancelled_orders = m->cancelled_orders,
                                          .refunds = m->refunds,
                                          .refunded_total_e4 = m->refunded_total_e4});
}

// --- The table

static struct live_group *live_groups_find(struct live_group *table, size_t cap, struct text name) {
    size_t i = (size_t)hash_text(name, 0) & (cap - 1);
    while (table[i].used && !text_equal(table[i].name, name)) {
        i = (i + 1) & (cap - 1);
    }
    return &table[i];
}

static void live_groups_grow(struct live_groups *g) {
    size_t cap = g->cap > 0 ? 2 * g->cap : 128;
    struct live_group *table = mem_zalloc(cap, sizeof *table);
    for (size_t i = 0; i < g->cap; i++) {
        if (g->table[i].used) {
            *live_groups_find(table, cap, g->table[i].name) = g->table[i];
        }
    }
    free(g->table);
    g->table = table;
    g->cap = cap;
}

void live_groups_add(struct live_groups *g, struct text name, const struct measures *m) {
    if (2 * (g->n + 1) > g->cap) {
        live_groups_grow(g);
    }
    struct live_group *group = live_groups_find(g->table, g->cap, name);
    if (!group->used) {
        char *copy = arena_try_bytes(&g->names, name.len);
        if (copy == NULL && name.len > 0) {
            abort(); // the base layer has said why it refuses a few bytes
        }
        if (name.len > 0) {
            memcpy(copy, name.at, name.len);
        }
        *group = (struct live_group){.name = {copy, name.len}, .used = true};
        g->n++;
    }
    live_sum_add(&group->sum, m);
}

void live_groups_free(struct live_groups *g) {
    arena_free(&g->names);
    free(g->table);
    *g = (struct live_groups){0};
}

// --- The ranking

static int compare_text(struct text a, struct text b) {
    size_t n = a.len < b.len ? a.len : b.len;
    int order = n > 0 ? memcmp(a.at, b.at, n) : 0;
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static bool ranks_before(const struct live_group *a, const struct live_ranked *b) {
    if (a->sum.total_e4 != b->sum.total_e4) {
        return a->sum.total_e4 > b->sum.total_e4;
    }
    if (a->sum.orders != b->sum.orders) {
        return a->sum.orders > b->sum.orders;
    }
    return compare_text(a->name, live_name_text(&b->name)) < 0;
}

static void rank(struct live_ranking *r, const struct live_group *group) {
    size_t at = r->n;
    while (at > 0 && ranks_before(group, &r->rows[at - 1])) {
        at--;
    }
    if (r->n == LIVE_TOP) {
        r->n_others++;
        live_sum_more(&r->others, at == LIVE_TOP ? &group->sum : &r->rows[LIVE_TOP - 1].sum);
        if (at == LIVE_TOP) {
            return;
        }
        r->n--;
    }
    memmove(&r->rows[at + 1], &r->rows[at], (r->n - at) * sizeof r->rows[0]);
    r->n++;
    live_name_set(&r->rows[at].name, group->name);
    r->rows[at].sum = group->sum;
}

void live_groups_rank(const struct live_groups *g, struct live_ranking *out) {
    *out = (struct live_ranking){0};
    for (size_t i = 0; i < g->cap; i++) {
        if (g->table[i].used) {
            rank(out, &g->table[i]);
        }
    }
}
