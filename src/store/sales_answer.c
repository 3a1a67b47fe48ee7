// SPDX-License-Identifier: MIT
// Answers with the largest groups, an order, or a second range.
//
// 1. The rows of the range go into a table by bucket and group; those of the second range, moved to
//    the buckets of the first, go beside them. Where the last bucket of the second range is cut, it
//    is read as hours and minutes: those before the cut, or, where these are fewer, all of it less
//    those behind.
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
#include "base/heap.h"
#include "store/sales_query.h"
#include "store/sales_rank.h"
#include <stdlib.h>

#define MINUTE_MS INT64_C(60000)
#define HOUR_MS INT64_C(3600000)
enum { GROUPS_MAX = 500000, MINUTES_AN_HOUR = 60 };

struct asking {
    struct sales_reader *reader;
    const struct sales_query *q;
    const struct zone *zone;
    struct arena texts;
    struct sales_table rows;
    struct sales_table folded_buckets; // the rows' sums over all buckets, with bucket 0
    struct sales_table *groups;        // those, or the rows themselves where there are no buckets
    // Of what is being read.
    bool before;
    int32_t shift;      // added to a row's bucket
    bool minus;         // is taken away
    bool into_one;      // rows are parts of the bucket `one`
    int32_t one;        // moved already
    int64_t n_rows_max; // of the table
    enum { ASKING_OK, ASKING_NO_MEMORY, ASKING_TOO_MANY } problem;
};

// The row of this key, made with zeros when it is new; NULL: a->problem tells.
static struct sales_answer_row *row_of(struct asking *a, struct sales_table *t,
                                       const struct sales_row *key) {
    size_t n = t->n;
    struct sales_answer_row *row = sales_table_row(t, &a->texts, key);
    if (row == NULL || (t->n > n && (int64_t)n >= a->n_rows_max)) {
        a->problem = row == NULL ? ASKING_NO_MEMORY : ASKING_TOO_MANY;
        return NULL;
    }
    return row;
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
    (a->minus ? sales_sum_subtract : sales_sum_add)(a->before ? &mine->before : &mine->row.sum,
                                                    &row->sum);
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

// Minutes between two instants, the later of which may be named first: then they are taken away.
static bool read_fringe(struct asking *a, int32_t from, int32_t to, struct error *err) {
    bool minus = a->minus;
    a->minus = minus != (from > to);
    bool ok = read_range(a, BUCKET_MINUTE, from < to ? from : to, from < to ? to : from, err);
    a->minus = minus;
    return ok;
}

// Minutes [from, to) as parts of one bucket: whole hours from the table of hours, from the nearest
// one to the nearest.
static bool read_minutes(struct asking *a, int32_t from, int32_t to, struct error *err) {
    int32_t first_hour = (from + MINUTES_AN_HOUR / 2) / MINUTES_AN_HOUR;
    int32_t last_hour = (to + MINUTES_AN_HOUR / 2) / MINUTES_AN_HOUR;
    if (first_hour >= last_hour) {
        return read_range(a, BUCKET_MINUTE, from, to, err);
    }
    return read_fringe(a, from, first_hour * MINUTES_AN_HOUR, err) &&
           read_range(a, BUCKET_HOUR, first_hour, last_hour, err) &&
           read_fringe(a, last_hour * MINUTES_AN_HOUR, to, err);
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

// The bucket that is cut, in minutes.
struct cut {
    bool can;              // else it is read whole
    int32_t from, at, end; // `at`: the first that does not count
};

// As it can be made with what is kept: to the minute, else to the hour.
static bool make_cut(struct asking *a, int32_t bucket, struct cut *out, struct error *err) {
    int32_t minute_floor, hour_floor;
    *out = (struct cut){.from = (int32_t)(start_ms(a, bucket) / MINUTE_MS),
                        .at = (int32_t)(a->q->compare_cut_ms / MINUTE_MS),
                        .end = (int32_t)(start_ms(a, bucket + 1) / MINUTE_MS)};
    if (a->q->bucket == BUCKET_MINUTE || sales_query_of_products(a->q)) {
        return true; // cannot be divided
    }
    if (!a->reader->ops->floors(a->reader, &minute_floor, &hour_floor, err)) {
        return false;
    }
    int32_t from_hour = out->from / MINUTES_AN_HOUR, cut_hour = out->at / MINUTES_AN_HOUR;
    bool whole = (out->from % MINUTES_AN_HOUR == 0 && out->end % MINUTES_AN_HOUR == 0) ||
                 from_hour * MINUTES_AN_HOUR >= minute_floor;
    if (cut_hour * MINUTES_AN_HOUR < minute_floor) {
        out->at = cut_hour * MINUTES_AN_HOUR;
    }
    out->can = whole && from_hour >= hour_floor && out->at >= out->from;
    return true;
}

static bool read_before(struct asking *a, struct sales_answer *out, struct error *err) {
    const struct sales_query *q = a->q;
    int32_t to = q->compare_from + (q->to - q->from), last = to - 1;
    size_t first = a->rows.n;
    struct cut cut = {.can = false};
    *out = (struct sales_answer){.compare_to = to, .compare_end_ms = INT64_MAX};
    a->before = true;
    a->shift = q->bucket == BUCKET_NONE ? 0 : q->from - q->compare_from;
    bool is_cut = q->compare_cut_ms < start_ms(a, to) && q->compare_cut_ms >= start_ms(a, last);
    if (is_cut && !make_cut(a, last, &cut, err)) {
        return false;
    }
    bool all_less = cut.can && cut.end - cut.at < cut.at - cut.from;
    if (!read_range(a, q->bucket, q->compare_from, cut.can && !all_less ? last : to, err)) {
        return false;
    }
    if (!cut.can) {
        return true;
    }
    out->compare_end_ms = cut.at * MINUTE_MS;
    a->into_one = true;
    a->one = q->bucket == BUCKET_NONE ? 0 : last + a->shift;
    a->minus = all_less;
    if (!read_minutes(a, all_less ? cut.at : cut.from, all_less ? cut.end : cut.at, err)) {
        return false;
    }
    // Groups that have nothing before the cut were never there.
    sales_table_drop_empty(&a->rows, first);
    return true;
}

// --- Ranks

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
        sales_sum_add(&group->row.sum, &a->rows.rows[i].row.sum);
        sales_sum_add(&group->before, &a->rows.rows[i].before);
    }
    return true;
}

static bool rank_groups(struct asking *a, struct error *err) {
    a->groups = &a->rows;
    if (a->q->bucket != BUCKET_NONE && !fold_buckets(a, err)) {
        return false;
    }
    return sales_rank(a->q, a->groups, err);
}

// Each row has the rank of its group; rows behind the top ones go into the rest.
static bool fold(struct asking *a, struct sales_table *out, struct error *err) {
    size_t the_rest = SIZE_MAX; // the row that most go into
    a->n_rows_max = GROUPS_MAX;
    for (size_t i = 0; i < a->rows.n; i++) {
        const struct sales_answer_row *from = &a->rows.rows[i];
        struct sales_row key = group_key(&from->row);
        const struct sales_answer_row *group =
            a->groups == &a->rows ? from : sales_table_known(a->groups, &key);
        bool rest = a->q->top > 0 && group->rank > a->q->top;
        key = from->row;
        if (rest) {
            key.source = key.state = TEXT_NONE;
            // No text of an order has a control character: this is the key of no other row.
            key.product_id = (struct ident){-1, TEXT_LIT("\n")};
        }
        bool again =
            rest && the_rest < out->n && sales_row_compare(&out->rows[the_rest].row, &key) == 0;
        struct sales_answer_row *to = again ? &out->rows[the_rest] : row_of(a, out, &key);
        if (to == NULL) {
            return problem_of(a, err);
        }
        the_rest = rest ? (size_t)(to - out->rows) : the_rest;
        sales_sum_add(&to->row.sum, &from->row.sum);
        sales_sum_add(&to->before, &from->before);
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
    c = c != 0 ? c : sales_text_compare(a->row.currency, b->row.currency);
    uint32_t x = (uint32_t)a->rank - 1, y = (uint32_t)b->rank - 1; // the rest is last
    return c != 0 ? c : (x > y) - (x < y);
}

static bool hand_over(struct asking *a, struct sales_table *t, bool ranked, sales_answer_fn each,
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
    // Some rows of a second range may go again.
    a->n_rows_max = (ranked && q->top > 0) || q->compare ? GROUPS_MAX : q->max_rows;
    if (!read_range(a, q->bucket, q->from, q->to, err) ||
        (q->compare && !read_before(a, out, err))) {
        return false;
    }
    if (!ranked) {
        return hand_over(a, &a->rows, false, each, user, err);
    }
    struct sales_table folded = {0};
    bool ok = rank_groups(a, err) && fold(a, &folded, err) &&
              hand_over(a, &folded, true, each, user, err);
    sales_table_free(&folded);
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
    sales_table_free(&a.rows);
    sales_table_free(&a.folded_buckets);
    arena_free(&a.texts);
    return ok;
}
