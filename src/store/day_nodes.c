// SPDX-License-Identifier: MIT
// The nodes of a range of days, from memory or from the store.
//
// 1. Within a snapshot the store tells when each day of the range last changed. A hash over that of
//    some days is the mark that a node of them must have.
// 2. The range is cut into the largest aligned stretches of 512, 64, 8 or 1 days; for days as
//    buckets, into days. A stretch whose node is not there is made: of the sums of its eighths, or,
//    where nothing smaller is worth keeping, by asking the store.
//
// How it fails: the store's errors are the caller's, and what was read before them stays for the
// next try. Without memory or marks it gives up, and the store is asked for all of it.
#include "store/day_nodes.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/heap.h"
#include "store/sales_query.h"
#include <stdlib.h>
#include <string.h>

enum { ROWS_MAX = 1 << 20, FIRST_ROWS = 256, PARTS = 1 << DAY_CACHE_LEVEL_BITS };

// Rows of the store, with their texts.
struct kept_rows {
    struct arena texts;
    struct sales_row *rows;
    size_t n, cap;
    bool no_memory;
};

// --- Marks

static uint64_t mark_of(const struct day_change *c) {
    uint64_t h = hash_u64((uint64_t)(uint32_t)c->day + 1);
    h = hash_u64(h ^ (uint64_t)c->accepted);
    return hash_u64(h ^ (uint64_t)c->changed_ms);
}

static bool take_change(void *user, const struct day_change *change) {
    struct day_nodes *a = user;
    if (change->day == DAY_CHANGE_ALL) {
        a->all_days = mark_of(change);
    } else if (change->day >= a->q->from && change->day < a->q->to) {
        a->marks[change->day - a->q->from + 1] = mark_of(change);
    }
    return true;
}

static bool read_marks(struct day_nodes *a, struct error *err) {
    size_t n = (size_t)(a->q->to - a->q->from) + 1;
    bool complete;
    a->marks = try_alloc(n * sizeof *a->marks);
    a->held = try_alloc(n * sizeof(struct day_node *));
    if (a->marks == NULL || a->held == NULL) {
        a->give_up = true;
        return true;
    }
    memset(a->marks, 0, n * sizeof *a->marks);
    if (!a->inner->ops->day_changes(a->inner, a->q->from, a->q->to, take_change, a, &complete,
                                    err)) {
        return false;
    }
    for (size_t i = 1; i < n; i++) {
        a->marks[i] ^= a->marks[i - 1];
    }
    a->give_up = !complete;
    return true;
}

static uint64_t mark_between(const struct day_nodes *a, int32_t from, int32_t to) {
    return hash_u64(a->all_days ^ a->marks[from - a->q->from] ^ a->marks[to - a->q->from]);
}

// --- Asking the store

static bool keep_row(void *user, const struct sales_row *row) {
    struct kept_rows *k = user;
    if (k->n == k->cap) {
        size_t cap = k->cap > 0 ? 2 * k->cap : FIRST_ROWS;
        struct sales_row *rows = try_realloc(k->rows, cap * sizeof *rows);
        k->no_memory = rows == NULL;
        if (rows == NULL) {
            return false;
        }
        k->rows = rows;
        k->cap = cap;
    }
    struct sales_row *mine = &k->rows[k->n];
    *mine = *row;
    k->no_memory = !sales_row_keep(&k->texts, mine);
    k->n += !k->no_memory;
    return !k->no_memory;
}

static void kept_rows_free(struct kept_rows *k) {
    arena_free(&k->texts);
    free(k->rows);
}

static bool in_time(const struct day_nodes *a, struct error *err) {
    return a->q->deadline_ns == 0 || clock_monotonic_ns(clock_system()) <= a->q->deadline_ns ||
           error_set(err, ERROR_RETRIABLE,
                     "adding up sales took too long: ask for a shorter time range");
}

// All rows of some days. A day with more than fit here is the store's to answer.
static bool ask_store(struct day_nodes *a, enum sales_bucket bucket, int32_t from, int32_t to,
                      struct kept_rows *out, struct error *err) {
    bool products = a->kind == DAY_PRODUCTS;
    struct sales_query part = {.by_source = !products,
                               .by_state = !products,
                               .by_product = products,
                               .bucket = bucket,
                               .from = from,
                               .to = to,
                               .max_rows = ROWS_MAX,
                               .any_order = true,
                               .deadline_ns = a->q->deadline_ns};
    if (!in_time(a, err)) {
        return false;
    }
    if (!a->inner->ops->sales(a->inner, &part, keep_row, out, err)) {
        a->give_up = err->cls == ERROR_USAGE;
        return a->give_up;
    }
    a->give_up = out->no_memory;
    return true;
}

// --- Nodes

static struct day_place place_of(const struct day_nodes *a, int level, int32_t start) {
    return (struct day_place){.kind = a->kind, .level = level, .start = start};
}

static int32_t days_of(int level) {
    return 1 << (level * DAY_CACHE_LEVEL_BITS);
}

static const struct day_node *find(struct day_nodes *a, int level, int32_t start, bool *other) {
    uint64_t mark = mark_between(a, start, start + days_of(level));
    day_cache_lock(a->cache);
    const struct day_node *node = day_cache_find(a->cache, place_of(a, level, start), mark, other);
    day_cache_unlock(a->cache);
    return node;
}

static void let_go(struct day_nodes *a, const struct day_node *const *nodes, size_t n) {
    day_cache_lock(a->cache);
    for (size_t i = 0; i < n; i++) {
        day_cache_let_go(a->cache, nodes[i]);
    }
    day_cache_unlock(a->cache);
}

static const struct day_node *put(struct day_nodes *a, int level, int32_t start,
                                  const struct sales_row *rows, size_t n) {
    uint64_t mark = mark_between(a, start, start + days_of(level));
    day_cache_lock(a->cache);
    const struct day_node *node = day_cache_put(a->cache, place_of(a, level, start), mark, rows, n);
    day_cache_unlock(a->cache);
    a->give_up = a->give_up || node == NULL;
    return node;
}

// A node of what the store says.
static bool read_node(struct day_nodes *a, int level, int32_t start, const struct day_node **out,
                      struct error *err) {
    struct kept_rows rows = {0};
    bool ok = ask_store(a, BUCKET_NONE, start, start + days_of(level), &rows, err);
    if (ok && !a->give_up) {
        *out = put(a, level, start, rows.rows, rows.n);
    }
    kept_rows_free(&rows);
    return ok;
}

static int by_bucket(const void *left, const void *right) {
    int32_t a = ((const struct sales_row *)left)->bucket;
    int32_t b = ((const struct sales_row *)right)->bucket;
    return (a > b) - (a < b);
}

// Nodes of single days that are not there, several with one question: days of groups have few rows.
static bool read_days(struct day_nodes *a, int32_t from, int32_t to, struct error *err) {
    struct kept_rows rows = {0};
    bool ok = ask_store(a, BUCKET_DAY, from, to, &rows, err);
    if (ok && rows.n > 1) {
        qsort(rows.rows, rows.n, sizeof *rows.rows, by_bucket);
    }
    size_t at = 0;
    for (int32_t day = from; ok && day < to && !a->give_up; day++) {
        size_t end = at;
        while (end < rows.n && rows.rows[end].bucket == day) {
            end++;
        }
        const struct day_node *node = put(a, 0, day, rows.rows + at, end - at);
        let_go(a, &node, 1);
        at = end;
    }
    kept_rows_free(&rows);
    return ok;
}

// Days of groups in [from, to): from the first that is not there to the last.
static bool read_missing_days(struct day_nodes *a, int32_t from, int32_t to, struct error *err) {
    int32_t first = to, last = from;
    day_cache_lock(a->cache);
    for (int32_t day = from; day < to; day++) {
        if (!day_cache_has(a->cache, place_of(a, 0, day), mark_between(a, day, day + 1))) {
            first = day < first ? day : first;
            last = day;
        }
    }
    day_cache_unlock(a->cache);
    return first == to || read_days(a, first, last + 1, err);
}

static bool get_node(struct day_nodes *a, int level, int32_t start, const struct day_node **out,
                     struct error *err);

static bool put_sum(struct day_nodes *a, int level, int32_t start,
                    const struct day_node *const *parts, const struct day_node **out) {
    uint64_t mark = mark_between(a, start, start + days_of(level));
    struct day_sums sums;
    day_cache_lock(a->cache);
    bool ok = day_sums_begin(&sums, a->kind, day_cache_n_names(a->cache, a->kind));
    for (size_t i = 0; ok && i < PARTS; i++) {
        day_sums_add(&sums, parts[i]);
    }
    *out = ok ? day_cache_put_sums(a->cache, place_of(a, level, start), mark, &sums) : NULL;
    day_cache_unlock(a->cache);
    day_sums_free(&sums);
    a->give_up = *out == NULL;
    return true;
}

// From its eighths.
static bool add_up_node(struct day_nodes *a, int level, int32_t start, const struct day_node **out,
                        struct error *err) {
    const struct day_node *parts[PARTS];
    int32_t days = days_of(level - 1);
    size_t n = 0;
    bool ok = level > 1 || a->kind == DAY_PRODUCTS ||
              read_missing_days(a, start, start + days_of(level), err);
    for (; ok && !a->give_up && n < PARTS; n++) {
        ok = get_node(a, level - 1, start + (int32_t)n * days, &parts[n], err);
        if (!ok || a->give_up) {
            break;
        }
    }
    if (n == PARTS) {
        ok = put_sum(a, level, start, parts, out);
    }
    let_go(a, parts, n);
    return ok;
}

// The node, held; a->give_up: there is none. Eight days of products are read as one, unless one of
// them has changed before: the next change will be of that day, too.
static bool get_node(struct day_nodes *a, int level, int32_t start, const struct day_node **out,
                     struct error *err) {
    bool other;
    *out = find(a, level, start, &other);
    if (*out != NULL) {
        return true;
    }
    if (a->q->to - a->q->from == 1 && other) { // today, as orders come: not worth keeping
        a->give_up = true;
        return true;
    }
    bool whole = level == 0 || (level == 1 && a->kind == DAY_PRODUCTS && !other);
    return whole ? read_node(a, level, start, out, err) : add_up_node(a, level, start, out, err);
}

// The largest level of a stretch that begins here.
static int level_at(const struct day_nodes *a, int32_t start) {
    int level = a->q->bucket == BUCKET_DAY ? 0 : DAY_CACHE_LEVELS - 1;
    while (level > 0 && (start % days_of(level) != 0 || start + days_of(level) > a->q->to)) {
        level--;
    }
    return level;
}

static int32_t least(int32_t a, int32_t b) {
    return a < b ? a : b;
}

// Days as buckets are all held at once: where they would take more than half of the room, each
// question would drop what the next one needs.
static bool take_too_much(const struct day_nodes *a) {
    enum { ROW_BYTES = sizeof(uint32_t) + DAY_GROUP_MEASURES * sizeof(int64_t) };
    int64_t n_days = a->q->to - a->q->from, n_rows = 0;
    if (a->q->bucket != BUCKET_DAY || a->n_held % PARTS != 0 || a->n_held == 0) {
        return false;
    }
    for (size_t i = 0; i < a->n_held; i++) {
        n_rows += a->held[i]->n;
    }
    int64_t bytes = n_rows * n_days / (int64_t)a->n_held * ROW_BYTES;
    return bytes > day_cache_max_bytes(a->cache) / 2;
}

static bool get_all(struct day_nodes *a, struct error *err) {
    const struct sales_query *q = a->q;
    for (int32_t at = q->from; at < q->to && !a->give_up;) {
        int level = level_at(a, at);
        bool first = at == q->from || at % PARTS == 0;
        if (level == 0 && a->kind == DAY_GROUPS && first &&
            !read_missing_days(a, at, least((at / PARTS + 1) * PARTS, q->to), err)) {
            return false;
        }
        if (a->give_up) {
            return true;
        }
        if (!get_node(a, level, at, &a->held[a->n_held], err)) {
            return false;
        }
        a->n_held += !a->give_up;
        at += days_of(level);
        a->give_up = a->give_up || take_too_much(a);
    }
    return true;
}

bool day_nodes_get(struct day_nodes *a, struct error *err) {
    return read_marks(a, err) && (a->give_up || get_all(a, err));
}

void day_nodes_let_go(struct day_nodes *a) {
    let_go(a, a->held, a->n_held);
    free(a->marks);
    free(a->held);
}
