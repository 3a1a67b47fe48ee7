// SPDX-License-Identifier: MIT
// The nodes, their places, and which goes first.
//
// Nodes are found by their place in a table of chains, and stand in one list by their last use. A
// node that somebody holds stays; it may be out of the table already, and is freed when it is let
// go. Names are only ever added; when they have taken half of the room, all is emptied as soon as
// nobody is in, and nothing of the kind that has so many names is kept from then on.
//
// How it fails: without memory nothing is kept, and the question is the store's.
#include "store/day_cache.h"

#include "base/hash.h"
#include "base/heap.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "store/day_names.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { CHAINS = 4096 };

struct kept_node {
    struct day_node node; // first: the two pointers are the same
    struct day_place at;
    uint64_t mark;
    struct kept_node *chain;
    struct kept_node *newer, *older; // by last use
    int64_t bytes;
    uint32_t holders;
    bool in_table;
};

struct day_cache {
    pthread_mutex_t lock;
    int64_t max_bytes, node_bytes;
    struct kept_node *chains[CHAINS];
    struct kept_node *newest, *oldest;
    struct day_names names[DAY_KINDS];
    bool refused[DAY_KINDS]; // there are more names than are kept
    int64_t n_inside;        // questions
    int64_t n_nodes;
    int64_t n_found, n_made, n_dropped; // of all time
};

struct day_cache *day_cache_new(int64_t max_bytes) {
    struct day_cache *c = mem_zalloc(1, sizeof *c);
    pthread_mutex_init(&c->lock, NULL);
    c->max_bytes = max_bytes;
    return c;
}

int64_t day_cache_max_bytes(const struct day_cache *c) {
    return c->max_bytes;
}

void day_cache_lock(struct day_cache *c) {
    pthread_mutex_lock(&c->lock);
}

void day_cache_unlock(struct day_cache *c) {
    pthread_mutex_unlock(&c->lock);
}

static int64_t names_bytes(const struct day_cache *c) {
    return day_names_bytes(&c->names[DAY_GROUPS]) + day_names_bytes(&c->names[DAY_PRODUCTS]);
}

uint32_t day_cache_n_names(const struct day_cache *c, enum day_kind kind) {
    return c->names[kind].n;
}

const struct sales_row *day_cache_name(const struct day_cache *c, enum day_kind kind,
                                       uint32_t number) {
    return day_names_at(&c->names[kind], number);
}

// --- Nodes

static size_t chain_of(struct day_place at) {
    uint64_t place = (uint64_t)(uint32_t)at.start << 8 | (uint64_t)at.level << 4 | at.kind;
    return (size_t)hash_u64(place) % CHAINS;
}

static bool is_at(const struct kept_node *n, struct day_place at) {
    return n->at.kind == at.kind && n->at.level == at.level && n->at.start == at.start;
}

static void node_free(struct day_cache *c, struct kept_node *n) {
    c->node_bytes -= n->bytes;
    c->n_nodes--;
    free(n);
}

static void unlink_use(struct day_cache *c, struct kept_node *n) {
    *(n->newer != NULL ? &n->newer->older : &c->newest) = n->older;
    *(n->older != NULL ? &n->older->newer : &c->oldest) = n->newer;
}

static void link_newest(struct day_cache *c, struct kept_node *n) {
    n->newer = NULL;
    n->older = c->newest;
    *(n->older != NULL ? &n->older->newer : &c->oldest) = n;
    c->newest = n;
}

// Out of the table; freed now, or when the last holder lets it go.
static void drop(struct day_cache *c, struct kept_node *n) {
    struct kept_node **at = &c->chains[chain_of(n->at)];
    while (*at != n) {
        at = &(*at)->chain;
    }
    *at = n->chain;
    unlink_use(c, n);
    n->in_table = false;
    if (n->holders == 0) {
        node_free(c, n);
    }
}

static void make_room(struct day_cache *c) {
    int64_t room = c->max_bytes - names_bytes(c);
    for (struct kept_node *n = c->oldest, *next; n != NULL && c->node_bytes > room; n = next) {
        next = n->newer;
        if (n->holders == 0) {
            c->n_dropped++;
            drop(c, n);
        }
    }
}

static struct kept_node *find_at(struct day_cache *c, struct day_place at) {
    struct kept_node *n = c->chains[chain_of(at)];
    while (n != NULL && !is_at(n, at)) {
        n = n->chain;
    }
    return n;
}

bool day_cache_has(struct day_cache *c, struct day_place at, uint64_t mark) {
    const struct kept_node *n = find_at(c, at);
    return n != NULL && n->mark == mark;
}

const struct day_node *day_cache_find(struct day_cache *c, struct day_place at, uint64_t mark,
                                      bool *other) {
    struct kept_node *n = find_at(c, at);
    *other = n != NULL && n->mark != mark;
    if (n == NULL || *other) {
        return NULL;
    }
    unlink_use(c, n);
    link_newest(c, n);
    n->holders++;
    c->n_found++;
    return &n->node;
}

void day_cache_let_go(struct day_cache *c, const struct day_node *node) {
    struct kept_node *n = (struct kept_node *)(uintptr_t)node;
    if (n == NULL || --n->holders > 0) {
        return;
    }
    if (!n->in_table) {
        node_free(c, n);
    } else {
        make_room(c); // what is held may go beyond the limit
    }
}

// An empty node of this size, held. The arrays stand behind it.
static struct kept_node *node_new(struct day_place at, uint64_t mark, uint32_t n_rows) {
    size_t sums = n_rows * day_measures(at.kind) * sizeof(int64_t), names = n_rows * 4;
    struct kept_node *n = try_alloc(sizeof *n + sums + names);
    if (n != NULL) {
        *n = (struct kept_node){.at = at, .mark = mark, .holders = 1, .in_table = true};
        n->bytes = (int64_t)(sizeof *n + sums + names);
        n->node = (struct day_node){
            .n = n_rows, .sums = (int64_t *)(n + 1), .names = (uint32_t *)((char *)(n + 1) + sums)};
    }
    return n;
}

static const struct day_node *keep(struct day_cache *c, struct kept_node *n) {
    struct kept_node *old = find_at(c, n->at);
    if (old != NULL) {
        drop(c, old);
    }
    n->chain = c->chains[chain_of(n->at)];
    c->chains[chain_of(n->at)] = n;
    link_newest(c, n);
    c->node_bytes += n->bytes;
    c->n_nodes++;
    c->n_made++;
    make_room(c);
    return &n->node;
}

struct numbered {
    uint32_t number;
    const struct sales_row *row;
};

static int by_number(const void *left, const void *right) {
    uint32_t a = ((const struct numbered *)left)->number;
    uint32_t b = ((const struct numbered *)right)->number;
    return (a > b) - (a < b);
}

const struct day_node *day_cache_put(struct day_cache *c, struct day_place at, uint64_t mark,
                                     const struct sales_row *rows, size_t n_rows) {
    struct kept_node *n = node_new(at, mark, (uint32_t)n_rows);
    struct numbered *sorted = try_alloc((n_rows + 1) * sizeof *sorted);
    bool ok = n != NULL && sorted != NULL, in_order = true;
    for (size_t i = 0; ok && i < n_rows; i++) {
        uint32_t before = i > 0 ? sorted[i - 1].number + 1 : 0;
        uint32_t number = day_names_number(&c->names[at.kind], &rows[i], before);
        ok = number > 0;
        in_order = in_order && number > before;
        sorted[i] = (struct numbered){number - 1, &rows[i]};
    }
    if (!ok) {
        free(n);
        free(sorted);
        return NULL;
    }
    if (!in_order) {
        qsort(sorted, n_rows, sizeof *sorted, by_number);
    }
    int64_t *sums = (int64_t *)(uintptr_t)n->node.sums;
    uint32_t *names = (uint32_t *)(uintptr_t)n->node.names;
    for (size_t i = 0; i < n_rows; i++) {
        names[i] = sorted[i].number;
        day_measures_put(&sorted[i].row->sum, at.kind, sums + i * day_measures(at.kind));
    }
    free(sorted);
    return keep(c, n);
}

const struct day_node *day_cache_put_sums(struct day_cache *c, struct day_place at, uint64_t mark,
                                          const struct day_sums *s) {
    struct kept_node *n = node_new(at, mark, s->n);
    if (n == NULL) {
        return NULL;
    }
    size_t k = day_measures(at.kind);
    int64_t *sums = (int64_t *)(uintptr_t)n->node.sums;
    uint32_t *names = (uint32_t *)(uintptr_t)n->node.names;
    for (uint32_t number = 0, i = 0; number < s->n_names; number++) {
        if (s->has[number]) {
            names[i] = number;
            memcpy(sums + i++ * k, s->sums + number * k, k * sizeof *sums);
        }
    }
    return keep(c, n);
}

// --- Questions

static void empty(struct day_cache *c) {
    for (struct kept_node *n = c->oldest, *next; n != NULL; n = next) {
        next = n->newer;
        drop(c, n);
    }
    for (int kind = 0; kind < DAY_KINDS; kind++) {
        day_names_free(&c->names[kind]);
    }
}

// A shop of so many names would fill the room anew with each question, for nothing.
static void refuse_more_names(struct day_cache *c) {
    bool products = day_names_bytes(&c->names[DAY_PRODUCTS]) > c->max_bytes / 4;
    c->refused[products ? DAY_PRODUCTS : DAY_GROUPS] = true;
    empty(c);
}

bool day_cache_enter(struct day_cache *c, enum day_kind kind) {
    day_cache_lock(c);
    bool full = names_bytes(c) > c->max_bytes / 2;
    if (full && c->n_inside == 0) {
        refuse_more_names(c);
        full = false;
    }
    bool may = !full && !c->refused[kind];
    c->n_inside += may;
    day_cache_unlock(c);
    return may;
}

void day_cache_leave(struct day_cache *c) {
    day_cache_lock(c);
    c->n_inside--;
    day_cache_unlock(c);
}

void day_cache_free(struct day_cache *c) {
    if (c != NULL) {
        empty(c);
        pthread_mutex_destroy(&c->lock);
        free(c);
    }
}

void day_cache_metrics(struct day_cache *c, struct buf *out) {
    day_cache_lock(c);
    int64_t bytes = c->node_bytes + names_bytes(c), found = c->n_found, made = c->n_made,
            dropped = c->n_dropped;
    day_cache_unlock(c);
    metric_value(out, "day_sums_bytes", "gauge",
                 "Memory that sums of whole days take, kept for questions (--day-memory).", bytes);
    metric_value(out, "day_sums_used_total", "counter",
                 "Sums of 1 to 512 days that a question found in memory.", found);
    metric_value(out, "day_sums_made_total", "counter",
                 "Sums of 1 to 512 days that were read from the store, or added up from such.",
                 made);
    metric_value(out, "day_sums_dropped_total", "counter",
                 "Sums of 1 to 512 days that made room for others.", dropped);
}
