// SPDX-License-Identifier: MIT
// Answers with the largest groups, an order, or a second range.
//
// 1. The rows of the range go into a table by bucket and group; those of the second range, moved to
//    the buckets of the first, go beside them. Where the last bucket of the second range is cut, it
//    is read as hours and minutes.
// 2. For an order, each group's sums over all buckets are ranked within its currency, in both
//    ranges.
// 3. Rows of groups behind the top ones are added up into one row a bucket and currency.
// 4. The rows are sorted and handed over.
//
// A question with none of these is passed on row by row. Fails when the reader does, for want of
// memory, or when the rows are too many.
#include "store/sales_answer.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/hash.h"
#include "store/sales_query.h"
#include <stdlib.h>

#define MINUTE_MS INT64_C(60000)
#define HOUR_MS INT64_C(3600000)
enum { GROUPS_MAX = 500000, FIRST_ROWS = 64, MINUTES_AN_HOUR = 60 };

// Rows by bucket and group: open addressing from a key's hash to its number.
struct table {
    struct sales_answer_row *rows;
    uint32_t *slots; // number + 1; 0: free
    size_t n, cap;   // cap: of rows; twice as many slots
};

struct asking {
    struct sales_reader *reader;
    const struct sales_query *q;
    const struct zone *zone;
    struct arena texts;
    struct table rows;
    struct table folded_buckets; // the rows' sums over all buckets, with bucket 0
    struct table *groups;        // those, or the rows themselves where there are no buckets
    // Of what is being read.
    bool before;
    int32_t shift;      // added to a row's bucket
    bool into_one;      // rows are parts of the bucket `one`
    int32_t one;        // moved already
    int64_t n_rows_max; // of the table
    enum { ASKING_OK, ASKING_NO_MEMORY, ASKING_TOO_MANY } problem;
};

// --- The table

static uint64_t hash_key(const struct sales_row *k) {
    uint64_t product = k->product_id.num >= 0 ? hash_u64((uint64_t)k->product_id.num)
                                              : hash_text(k->product_id.text, 4);
    return hash_text(k->source, 1) ^ hash_u64(hash_text(k->state, 2)) ^ product ^
           hash_text(k->currency, 3) ^ hash_u64((uint64_t)(uint32_t)k->bucket + 5);
}

static uint32_t *find_slot(const struct table *t, const struct sales_row *key) {
    size_t mask = 2 * t->cap - 1;
    size_t i = (size_t)hash_key(key) & mask;
    while (t->slots[i] != 0 && sales_row_compare(&t->rows[t->slots[i] - 1].row, key) != 0) {
        i = (i + 1) & mask;
    }
    return &t->slots[i];
}

static bool grow(struct table *t) {
    size_t cap = t->cap > 0 ? 2 * t->cap : FIRST_ROWS;
    struct sales_answer_row *rows = try_realloc(t->rows, cap * sizeof *rows);
    if (rows == NULL) {
        return false;
    }
    t->rows = rows;
    uint32_t *slots = try_realloc(t->slots, 2 * cap * sizeof *slots);
    if (slots == NULL) {
        return false;
    }
    memset(slots, 0, 2 * cap * sizeof *slots);
    t->slots = slots;
    t->cap = cap;
    for (size_t i = 0; i < t->n; i++) {
        *find_slot(t, &rows[i].row) = (uint32_t)i + 1;
    }
    return true;
}

static bool keep(struct asking *a, struct text from, struct text *to) {
    return from.at == NULL || arena_try_copy(&a->texts, from, to);
}

// The row of this key, made with zeros when it is new; NULL: a->problem tells.
static struct sales_answer_row *row_of(struct asking *a, struct table *t,
                                       const struct sales_row *key) {
    if (t->n == t->cap && !grow(t)) {
        a->problem = ASKING_NO_MEMORY;
        return NULL;
    }
    uint32_t *slot = find_slot(t, key);
    if (*slot != 0) {
        return &t->rows[*slot - 1];
    }
    if ((int64_t)t->n >= a->n_rows_max) {
        a->problem = ASKING_TOO_MANY;
        return NULL;
    }
    struct sales_answer_row *row = &t->rows[t->n];
    *row = (struct sales_answer_row){.row = *key};
    row->row.sum = (struct measures){0};
    if (!keep(a, key->source, &row->row.source) || !keep(a, key->state, &row->row.state) ||
        !keep(a, key->currency, &row->row.currency) ||
        !keep(a, key->product_id.text, &row->row.product_id.text)) {
        a->problem = ASKING_NO_MEMORY;
        return NULL;
    }
    *slot = (uint32_t)++t->n;
    return row;
}

static void table_free(struct table *t) {
    free(t->rows);
    free(t->slots);
}

// Wraps: the engine has refused what could push a sum past 64 bits.
static void add(struct measures *sum, const struct measures *more) {
    int64_t a[sizeof *sum / sizeof(int64_t)], b[sizeof *sum / sizeof(int64_t)];
    memcpy(a, sum, sizeof a);
    memcpy(b, more, sizeof b);
    for (size_t i = 0; i < sizeof a / sizeof a[0]; i++) {
        a[i] = (int64_t)((uint64_t)a[i] + (uint64_t)b[i]);
    }
    memcpy(sum, a, sizeof a);
}

// --- Reading

static bool take(void *user, const struct sales_row *row) {
    struct asking *a = user;
    struct sales_row key = *row;
    key.bucket = a->into_one ? a->one : row->bucket + a->shift;
    struct sales_answer_row *mine = row_of(a, &a->rows, &key);
    if (mine == NULL) {
        return false;
    }
    add(a->before ? &mine->before : &mine->row.sum, &row->sum);
    return true;
}

static bool problem_of(struct asking *a, struct error *err) {
    switch (a->problem) {
    case ASKING_NO_MEMORY:
        return error_set(err, ERROR_RETRIABLE, "out of memory while adding up sales");
    case ASKING_TOO_MANY:
        return sales_query_too_long(a->q, err);
    case ASKING_OK:
        break;
    }
    return true;
}

static bool past_deadline(const struct sales_query *q) {
    return q->deadline_ns != 0 && clock_monotonic_ns(clock_system()) > q->deadline_ns;
}

// Buckets `from` to `to` (exclusive) of the table of `bucket`.
static bool read_range(struct asking *a, enum sales_bucket bucket, int32_t from, int32_t to,
                       struct error *err) {
    struct sales_query part = *a->q;
    part.bucket = bucket;
    part.from = from;
    part.to = to;
    part.max_rows = GROUPS_MAX;
    part.any_order = true; // they are sorted in the end
    if (from < to && past_deadline(a->q)) {
        return error_set(err, ERROR_RETRIABLE,
                         "adding up sales took too long: ask for a shorter time range");
    }
    return from >= to ||
           (a->reader->ops->sales(a->reader, &part, take, a, err) && problem_of(a, err));
}

// Minutes [from, to) as parts of one bucket: whole hours from the table of hours.
static bool read_minutes(struct asking *a, int32_t from, int32_t to, struct error *err) {
    int32_t first_hour = (from + MINUTES_AN_HOUR - 1) / MINUTES_AN_HOUR;
    int32_t last_hour = to / MINUTES_AN_HOUR; // the one that is cut
    if (first_hour >= last_hour) {
        return read_range(a, BUCKET_MINUTE, from, to, err);
    }
    return read_range(a, BUCKET_MINUTE, from, first_hour * MINUTES_AN_HOUR, err) &&
           read_range(a, BUCKET_HOUR, first_hour, last_hour, err) &&
           read_range(a, BUCKET_MINUTE, last_hour * MINUTES_AN_HOUR, to, err);
}

// --- The second range

// First instant of a bucket.
static int64_t start_ms(const struct asking *a, int32_t bucket) {
    switch (a->q->bucket) {
    case BUCKET_MINUTE:
        return bucket * MINUTE_MS;
    case BUCKET_HOUR:
        return bucket * HOUR_MS;
    default:
        return zone_day_start_ms(a->zone, bucket);
    }
}

// The cut as it can be made with what is kept: to the minute, else to the hour. False: not at all.
static bool cut_minute(struct asking *a, int32_t bucket, int32_t *from, int32_t *to, bool *can,
                       struct error *err) {
    int32_t minute_floor, hour_floor;
    *from = (int32_t)(start_ms(a, bucket) / MINUTE_MS);
    *to = (int32_t)(a->q->compare_cut_ms / MINUTE_MS);
    *can = false;
    if (a->q->bucket == BUCKET_MINUTE || sales_query_of_products(a->q)) {
        return true; // cannot be divided
    }
    if (!a->reader->ops->floors(a->reader, &minute_floor, &hour_floor, err)) {
        return false;
    }
    int32_t cut_hour = *to / MINUTES_AN_HOUR;
    bool whole = *from % MINUTES_AN_HOUR == 0 || *from >= minute_floor;
    if (cut_hour * MINUTES_AN_HOUR < minute_floor) {
        *to = cut_hour * MINUTES_AN_HOUR;
    }
    *can = whole && *from / MINUTES_AN_HOUR >= hour_floor && *to >= *from;
    return true;
}

static bool read_before(struct asking *a, struct sales_answer *out, struct error *err) {
    const struct sales_query *q = a->q;
    int32_t to = q->compare_from + (q->to - q->from), last = to - 1, from_minute, to_minute;
    bool can = false;
    *out = (struct sales_answer){.compare_to = to, .compare_end_ms = INT64_MAX};
    a->before = true;
    a->shift = q->bucket == BUCKET_NONE ? 0 : q->from - q->compare_from;
    bool cut = q->compare_cut_ms < start_ms(a, to) && q->compare_cut_ms >= start_ms(a, last);
    if (cut && !cut_minute(a, last, &from_minute, &to_minute, &can, err)) {
        return false;
    }
    if (!read_range(a, q->bucket, q->compare_from, can ? last : to, err)) {
        return false;
    }
    if (can) {
        out->compare_end_ms = to_minute * MINUTE_MS;
        a->into_one = true;
        a->one = q->bucket == BUCKET_NONE ? 0 : last + a->shift;
        return read_minutes(a, from_minute, to_minute, err);
    }
    return true;
}

// --- Ranks

static int64_t measure_of(const struct measures *m, enum sales_order order) {
    return order == SALES_BY_ORDERS ? m->orders : order == SALES_BY_UNITS ? m->units : m->total_e4;
}

// What mostly decides stands beside each other: thousands are compared.
struct ranked {
    struct sales_answer_row *row;
    int64_t measure, orders;
    uint32_t currency; // its letters, the first the highest
};

static int compare_currency(const struct sales_row *a, const struct sales_row *b) {
    return sales_text_compare(a->currency, b->currency);
}

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

static bool is_zero(const struct measures *m) {
    static const struct measures zero;
    return memcmp(m, &zero, sizeof zero) == 0;
}

static void rank(struct asking *a, struct ranked *sorted, bool before) {
    enum sales_order order = a->q->order == SALES_BY_KEY ? SALES_BY_TOTAL : a->q->order;
    for (size_t i = 0; i < a->groups->n; i++) {
        struct sales_answer_row *row = &a->groups->rows[i];
        const struct measures *m = before ? &row->before : &row->row.sum;
        sorted[i] =
            (struct ranked){row, measure_of(m, order), m->orders, currency_key(row->row.currency)};
    }
    if (a->groups->n > 1) {
        qsort(sorted, a->groups->n, sizeof *sorted, compare_ranked);
    }
    int32_t n = 0;
    for (size_t i = 0; i < a->groups->n; i++) {
        n = i > 0 && sorted[i - 1].currency != sorted[i].currency ? 0 : n;
        if (!before) {
            sorted[i].row->rank = ++n;
        } else if (!is_zero(&sorted[i].row->before)) {
            sorted[i].row->rank_before = ++n;
        }
    }
}

static struct sales_row group_key(const struct sales_row *row) {
    struct sales_row key = *row;
    key.bucket = 0;
    return key;
}

static bool fold_buckets(struct asking *a, struct error *err) {
    a->n_rows_max = GROUPS_MAX;
    a->groups = &a->folded_buckets;
    for (size_t i = 0; i < a->rows.n; i++) {
        struct sales_row key = group_key(&a->rows.rows[i].row);
        struct sales_answer_row *group = row_of(a, a->groups, &key);
        if (group == NULL) {
            return problem_of(a, err);
        }
        add(&group->row.sum, &a->rows.rows[i].row.sum);
        add(&group->before, &a->rows.rows[i].before);
    }
    return true;
}

static bool rank_groups(struct asking *a, struct error *err) {
    a->groups = &a->rows;
    if (a->q->bucket != BUCKET_NONE && !fold_buckets(a, err)) {
        return false;
    }
    struct ranked *sorted = try_alloc((a->groups->n + 1) * sizeof *sorted);
    if (sorted == NULL) {
        return error_set(err, ERROR_RETRIABLE, "out of memory while ranking sales");
    }
    rank(a, sorted, false);
    if (a->q->compare) {
        rank(a, sorted, true);
    }
    free(sorted);
    return true;
}

// Each row has the rank of its group; rows behind the top ones go into the rest.
static bool fold(struct asking *a, struct table *out, struct error *err) {
    a->n_rows_max = GROUPS_MAX;
    for (size_t i = 0; i < a->rows.n; i++) {
        const struct sales_answer_row *from = &a->rows.rows[i];
        struct sales_row key = group_key(&from->row);
        const struct sales_answer_row *group =
            a->groups == &a->rows ? from : &a->groups->rows[*find_slot(a->groups, &key) - 1];
        bool rest = a->q->top > 0 && group->rank > a->q->top;
        key = from->row;
        if (rest) {
            key.source = key.state = TEXT_NONE;
            // No text of an order has a control character: this is the key of no other row.
            key.product_id = (struct ident){-1, TEXT_LIT("\n")};
        }
        struct sales_answer_row *to = row_of(a, out, &key);
        if (to == NULL) {
            return problem_of(a, err);
        }
        add(&to->row.sum, &from->row.sum);
        add(&to->before, &from->before);
        to->n_others += rest;
        to->rank = rest ? 0 : group->rank;
        to->rank_before = rest ? 0 : group->rank_before;
    }
    return true;
}

// --- Handing over

static int compare_by_key(const void *left, const void *right) {
    const struct sales_answer_row *a = left, *b = right;
    return sales_row_compare(&a->row, &b->row);
}

static int compare_by_rank(const void *left, const void *right) {
    const struct sales_answer_row *a = left, *b = right;
    int c = (a->row.bucket > b->row.bucket) - (a->row.bucket < b->row.bucket);
    c = c != 0 ? c : compare_currency(&a->row, &b->row);
    uint32_t x = (uint32_t)a->rank - 1, y = (uint32_t)b->rank - 1; // the rest is last
    return c != 0 ? c : (x > y) - (x < y);
}

static bool hand_over(struct asking *a, struct table *t, bool ranked, sales_answer_fn each,
                      void *user, struct error *err) {
    if ((int64_t)t->n > a->q->max_rows) {
        return sales_query_too_long(a->q, err);
    }
    if (t->n > 1) {
        qsort(t->rows, t->n, sizeof *t->rows, ranked ? compare_by_rank : compare_by_key);
    }
    for (size_t i = 0; i < t->n; i++) {
        if (t->rows[i].n_others > 0) {
            t->rows[i].row.product_id = IDENT_NONE;
        }
        if (!each(user, &t->rows[i])) {
            break;
        }
    }
    return true;
}

static bool ask_all(struct asking *a, sales_answer_fn each, void *user, struct sales_answer *out,
                    struct error *err) {
    const struct sales_query *q = a->q;
    bool ranked = q->order != SALES_BY_KEY || q->top > 0;
    a->n_rows_max = ranked && q->top > 0 ? GROUPS_MAX : q->max_rows;
    if (!read_range(a, q->bucket, q->from, q->to, err) ||
        (q->compare && !read_before(a, out, err))) {
        return false;
    }
    if (!ranked) {
        return hand_over(a, &a->rows, false, each, user, err);
    }
    struct table folded = {0};
    bool ok = rank_groups(a, err) && fold(a, &folded, err) &&
              hand_over(a, &folded, true, each, user, err);
    table_free(&folded);
    return ok;
}

struct passing {
    sales_answer_fn each;
    void *user;
};

static bool pass(void *user, const struct sales_row *row) {
    const struct passing *p = user;
    struct sales_answer_row whole = {.row = *row};
    return p->each(p->user, &whole);
}

bool sales_answer(struct sales_reader *r, const struct sales_query *q, const struct zone *zone,
                  sales_answer_fn each, void *user, struct sales_answer *out, struct error *err) {
    *out = (struct sales_answer){.compare_end_ms = INT64_MAX};
    if (!q->compare && q->top == 0 && q->order == SALES_BY_KEY) {
        struct passing p = {each, user};
        return r->ops->sales(r, q, pass, &p, err);
    }
    struct asking a = {.reader = r, .q = q, .zone = zone};
    bool ok = ask_all(&a, each, user, out, err);
    table_free(&a.rows);
    table_free(&a.folded_buckets);
    arena_free(&a.texts);
    return ok;
}
