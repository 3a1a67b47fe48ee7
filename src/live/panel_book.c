// SPDX-License-Identifier: MIT
// Rows of panels.
//
// 1. A span's sums are read at the finest grain that one of its panels needs, once for all of them,
//    and each row is added to each panel's own table, by the panel's keys.
// 2. Of panels that have changed the largest names are found (over all buckets), the others are
//    folded into one, and the rows are sorted: what is shown.
//
// Names are kept once and have numbers, so that rows are compared without their texts. A shop with
// ever new names must not grow memory: behind NAMES_MAX of them the book is full, and its owner
// clears it and reads all anew.
//
// More groups than GROUPS_MAX: each panel of the span is asked for by its own keys; one that still
// has too many is empty and says so.
#include "live/panel_book.h"

#include "base/arena.h"
#include "base/hash.h"
#include "base/mem.h"
#include "live/live_groups.h"
#include <stdlib.h>

enum { GROUPS_MAX = 50000, NAMES_MAX = 200000, FIRST_ROWS = 64, FIRST_NAMES = 256 };

struct panel_book {
    struct arena texts;
    struct text *names; // by number - 1
    size_t n_names, cap_names;
    uint32_t *name_slots; // number; 0: free; twice cap_names
    uint64_t generation;
    struct panel_rows rows[PANELS], shown[PANELS];
    bool changed[PANELS]; // since it was shown
    int64_t *totals;      // scratch, by number
    int64_t *orders;
    panel_name *used;
    bool *marked;
    size_t cap_scratch;
};

struct panel_book *panel_book_new(void) {
    struct panel_book *b = mem_zalloc(1, sizeof *b);
    b->generation = 1;
    return b;
}

static void rows_free(struct panel_rows *r) {
    free(r->at);
    free(r->slots);
    *r = (struct panel_rows){0};
}

void panel_book_clear(struct panel_book *b) {
    for (size_t p = 0; p < PANELS; p++) {
        rows_free(&b->rows[p]);
        rows_free(&b->shown[p]);
        b->changed[p] = true;
    }
    arena_free(&b->texts);
    free(b->names);
    free(b->name_slots);
    b->names = NULL;
    b->name_slots = NULL;
    b->n_names = b->cap_names = 0;
    b->generation++;
}

void panel_book_free(struct panel_book *b) {
    if (b != NULL) {
        panel_book_clear(b);
        free(b->totals);
        free(b->orders);
        free(b->used);
        free(b->marked);
        free(b);
    }
}

// --- Names

static uint32_t *find_name(const struct panel_book *b, struct text name) {
    size_t mask = 2 * b->cap_names - 1;
    size_t i = (size_t)hash_text(name, 0) & mask;
    while (b->name_slots[i] != 0 && !text_equal(b->names[b->name_slots[i] - 1], name)) {
        i = (i + 1) & mask;
    }
    return &b->name_slots[i];
}

static void grow_names(struct panel_book *b) {
    b->cap_names = b->cap_names > 0 ? 2 * b->cap_names : FIRST_NAMES;
    b->names = mem_realloc(b->names, b->cap_names * sizeof *b->names);
    free(b->name_slots);
    b->name_slots = mem_zalloc(2 * b->cap_names, sizeof *b->name_slots);
    for (size_t i = 0; i < b->n_names; i++) {
        *find_name(b, b->names[i]) = (uint32_t)i + 1;
    }
}

static panel_name name_of(struct panel_book *b, struct text name) {
    if (b->n_names == b->cap_names) {
        grow_names(b);
    }
    uint32_t *slot = find_name(b, name);
    if (*slot == 0) {
        char *copy = mem_must(arena_try_bytes(&b->texts, name.len + 1));
        memcpy(copy, name.at != NULL ? name.at : "", name.len);
        b->names[b->n_names++] = (struct text){copy, name.len};
        *slot = (uint32_t)b->n_names;
    }
    return *slot;
}

struct text panel_book_name(const struct panel_book *b, panel_name name) {
    return name == 0 ? TEXT_NONE : b->names[name - 1];
}

bool panel_book_is_full(const struct panel_book *b) {
    return b->n_names > NAMES_MAX;
}

uint64_t panel_book_generation(const struct panel_book *b) {
    return b->generation;
}

// --- Rows by key

static int compare_keys(const void *left, const void *right) {
    const struct panel_row *a = left, *b = right;
    int c = (a->days_ago > b->days_ago) - (a->days_ago < b->days_ago);
    c = c != 0 ? c : (a->bucket > b->bucket) - (a->bucket < b->bucket);
    c = c != 0 ? c : (a->source > b->source) - (a->source < b->source);
    return c != 0 ? c : (a->state > b->state) - (a->state < b->state);
}

static uint32_t *find_row(const struct panel_rows *r, const struct panel_row *key) {
    size_t mask = 2 * r->cap - 1;
    uint64_t names = hash_u64((uint64_t)key->source << 32 | key->state);
    uint64_t time = hash_u64((uint64_t)(uint32_t)key->bucket << 8 ^ (uint64_t)key->days_ago);
    size_t i = (size_t)(names ^ time) & mask;
    while (r->slots[i] != 0 && compare_keys(&r->at[r->slots[i] - 1], key) != 0) {
        i = (i + 1) & mask;
    }
    return &r->slots[i];
}

static void put_into_slots(struct panel_rows *r) {
    memset(r->slots, 0, 2 * r->cap * sizeof *r->slots);
    for (size_t i = 0; i < r->n; i++) {
        *find_row(r, &r->at[i]) = (uint32_t)i + 1;
    }
}

static struct panel_row *row_of(struct panel_rows *r, const struct panel_row *key) {
    if (r->n == r->cap) {
        r->cap = r->cap > 0 ? 2 * r->cap : FIRST_ROWS;
        r->at = mem_realloc(r->at, r->cap * sizeof *r->at);
        r->slots = mem_realloc(r->slots, 2 * r->cap * sizeof *r->slots);
        put_into_slots(r);
    }
    uint32_t *slot = find_row(r, key);
    if (*slot == 0) {
        r->at[r->n] = *key;
        *slot = (uint32_t)++r->n;
    }
    return &r->at[*slot - 1];
}

static void rows_clear(struct panel_rows *r) {
    r->n = 0;
    r->too_many = false;
    if (r->cap > 0) {
        memset(r->slots, 0, 2 * r->cap * sizeof *r->slots);
    }
}

// Keeps the rows of other days and of buckets outside of [from, to).
static void rows_drop(struct panel_rows *r, int32_t days_ago, int32_t from, int32_t to) {
    size_t n = 0;
    for (size_t i = 0; i < r->n; i++) {
        bool inside =
            r->at[i].days_ago == days_ago && r->at[i].bucket >= from && r->at[i].bucket < to;
        if (!inside) {
            r->at[n++] = r->at[i];
        }
    }
    if (n != r->n) {
        r->n = n;
        put_into_slots(r);
    }
    r->too_many = false;
}

// --- Reading

static void add_to_panel(struct panel_book *b, size_t panel, int32_t days_ago, int32_t bucket,
                         const struct sales_row *row) {
    const struct panel *p = &panels[panel];
    struct panel_row key = {.days_ago = days_ago, .bucket = bucket};
    key.source = p->by_source ? name_of(b, row->source) : 0;
    key.state = p->by_state ? name_of(b, row->state) : 0;
    live_sum_add(&row_of(&b->rows[panel], &key)->sum, &row->sum);
}

void panel_book_add(struct panel_book *b, enum panel_span span, const struct sales_row *row) {
    for (size_t p = 0; p < PANELS; p++) {
        if (panels[p].span == span) {
            add_to_panel(b, p, 0, 0, row);
        }
    }
}

static void forget(struct panel_book *b, size_t panel, struct panel_range range) {
    rows_drop(&b->rows[panel], range.days_ago, range.from - range.origin, range.to - range.origin);
    b->changed[panel] = true;
}

void panel_book_forget(struct panel_book *b, enum panel_span span, struct panel_range range) {
    for (size_t p = 0; p < PANELS; p++) {
        if (panels[p].span == span) {
            forget(b, p, range);
        }
    }
}

void panel_book_expire(struct panel_book *b, enum panel_span span, int32_t from) {
    panel_book_forget(b, span, (struct panel_range){.from = INT32_MIN, .to = from});
}

struct reading {
    struct panel_book *book;
    enum panel_span span;
    struct panel_range range;
    size_t only; // a panel; PANELS: all of the span
};

static bool take(void *user, const struct sales_row *row) {
    struct reading *u = user;
    for (size_t p = 0; p < PANELS; p++) {
        if (panels[p].span == u->span && (u->only == PANELS || u->only == p)) {
            add_to_panel(u->book, p, u->range.days_ago, row->bucket - u->range.origin, row);
        }
    }
    return true;
}

static struct sales_query query_of(enum panel_span span, struct panel_range range,
                                   const char *currency) {
    struct sales_query q = {.bucket =
                                span == SPAN_DAYS || span == SPAN_TODAY ? BUCKET_DAY : BUCKET_HOUR,
                            .from = range.from,
                            .to = range.to,
                            .max_rows = GROUPS_MAX,
                            .any_order = true};
    q.filters[SALES_CURRENCY] = (struct sales_filter){1, {text_of(currency)}};
    return q;
}

// One panel by its own keys.
static bool read_panel(struct reading *u, size_t panel, struct sales_reader *r,
                       const char *currency, struct error *err) {
    struct sales_query q = query_of(u->span, u->range, currency);
    struct panel_rows *rows = &u->book->rows[panel];
    q.by_source = panels[panel].by_source;
    q.by_state = panels[panel].by_state;
    u->only = panel;
    forget(u->book, panel, u->range);
    if (r->ops->sales(r, &q, take, u, err)) {
        return true;
    }
    rows_clear(rows);
    rows->too_many = err->cls == ERROR_USAGE;
    return rows->too_many;
}

bool panel_book_read_apart(struct panel_book *b, struct sales_reader *r, enum panel_span span,
                           struct panel_range range, const char *currency, struct error *err) {
    struct reading u = {.book = b, .span = span, .range = range};
    for (size_t p = 0; p < PANELS; p++) {
        if (panels[p].span == span && !read_panel(&u, p, r, currency, err)) {
            return false;
        }
    }
    return true;
}

bool panel_book_read(struct panel_book *b, struct sales_reader *r, enum panel_span span,
                     struct panel_range range, const char *currency, struct error *err) {
    struct reading u = {.book = b, .span = span, .range = range, .only = PANELS};
    struct sales_query q = query_of(span, range, currency);
    for (size_t p = 0; p < PANELS; p++) {
        q.by_source |= panels[p].span == span && panels[p].by_source;
        q.by_state |= panels[p].span == span && panels[p].by_state;
    }
    panel_book_forget(b, span, range);
    if (range.from >= range.to || r->ops->sales(r, &q, take, &u, err)) {
        return true;
    }
    return err->cls == ERROR_USAGE && panel_book_read_apart(b, r, span, range, currency, err);
}

// --- What is shown

static void reserve_scratch(struct panel_book *b) {
    if (b->cap_scratch < b->cap_names + 1) {
        b->cap_scratch = b->cap_names + 1;
        b->totals = mem_realloc(b->totals, b->cap_scratch * sizeof *b->totals);
        b->orders = mem_realloc(b->orders, b->cap_scratch * sizeof *b->orders);
        b->used = mem_realloc(b->used, b->cap_scratch * sizeof *b->used);
        b->marked = mem_realloc(b->marked, b->cap_scratch * sizeof *b->marked);
    }
    memset(b->marked, 0, b->cap_scratch * sizeof *b->marked);
    memset(b->totals, 0, b->cap_scratch * sizeof *b->totals);
    memset(b->orders, 0, b->cap_scratch * sizeof *b->orders);
}

// Larger first; equals by name, so that they stand in one order.
static int compare_names(const void *left, const void *right, void *user) {
    const struct panel_book *b = user;
    panel_name x = *(const panel_name *)left, y = *(const panel_name *)right;
    int c = (b->totals[x] < b->totals[y]) - (b->totals[x] > b->totals[y]);
    c = c != 0 ? c : (b->orders[x] < b->orders[y]) - (b->orders[x] > b->orders[y]);
    if (c != 0) {
        return c;
    }
    struct text s = panel_book_name(b, x), t = panel_book_name(b, y);
    size_t n = s.len < t.len ? s.len : t.len;
    c = n > 0 && s.at != NULL && t.at != NULL ? memcmp(s.at, t.at, n) : 0;
    return c != 0 ? c : (s.len > t.len) - (s.len < t.len);
}

// The names of a kind that are not among the largest `top` become 0.
static void fold_names(struct panel_book *b, struct panel_row *rows, size_t n, size_t kind_at,
                       int top) {
    size_t n_used = 0;
    reserve_scratch(b);
    for (size_t i = 0; i < n; i++) {
        panel_name name = *(panel_name *)((char *)&rows[i] + kind_at);
        if (!b->marked[name]) {
            b->marked[name] = true;
            b->used[n_used++] = name;
        }
        b->totals[name] = (int64_t)((uint64_t)b->totals[name] + (uint64_t)rows[i].sum.total_e4);
        b->orders[name] += rows[i].sum.orders;
    }
    if (n_used <= (size_t)top) {
        return;
    }
    qsort_r(b->used, n_used, sizeof *b->used, compare_names, b);
    for (size_t i = (size_t)top; i < n_used; i++) {
        b->marked[b->used[i]] = false;
    }
    for (size_t i = 0; i < n; i++) {
        panel_name *name = (panel_name *)((char *)&rows[i] + kind_at);
        if (!b->marked[*name]) {
            *name = 0;
            rows[i].n_others = 1;
        }
    }
}

static void show(struct panel_book *b, size_t panel) {
    const struct panel *p = &panels[panel];
    const struct panel_rows *from = &b->rows[panel];
    struct panel_rows *to = &b->shown[panel];
    rows_clear(to);
    to->too_many = from->too_many;
    if (from->n == 0) {
        return;
    }
    struct panel_row *copy = mem_alloc(from->n * sizeof *copy);
    memcpy(copy, from->at, from->n * sizeof *copy);
    if (p->top_sources > 0) {
        fold_names(b, copy, from->n, offsetof(struct panel_row, source), p->top_sources);
    }
    if (p->top_states > 0) {
        fold_names(b, copy, from->n, offsetof(struct panel_row, state), p->top_states);
    }
    for (size_t i = 0; i < from->n; i++) {
        struct panel_row key = {.days_ago = copy[i].days_ago,
                                .bucket = copy[i].bucket,
                                .source = copy[i].source,
                                .state = copy[i].state};
        struct panel_row *row = row_of(to, &key);
        live_sum_more(&row->sum, &copy[i].sum);
        row->n_others += copy[i].n_others;
    }
    free(copy);
    qsort(to->at, to->n, sizeof *to->at, compare_keys); // the slots are made anew before their use
}

void panel_book_show(struct panel_book *b) {
    for (size_t p = 0; p < PANELS; p++) {
        if (b->changed[p] && panel_has_rows(&panels[p])) {
            show(b, p);
            b->changed[p] = false;
        }
    }
}

const struct panel_rows *panel_book_shown(const struct panel_book *b, size_t panel) {
    return &b->shown[panel];
}
