// SPDX-License-Identifier: MIT
#include "store/sales_query.h"

#include "base/hash.h"
#include <string.h>

bool sales_query_check(const struct sales_query *q, struct error *err) {
    bool by_day = q->bucket == BUCKET_NONE || q->bucket == BUCKET_DAY;
    bool by_group = q->by_source || q->by_state || q->filters[SALES_SOURCE].n > 0 ||
                    q->filters[SALES_STATE].n > 0;
    return !sales_query_of_products(q) || (!by_group && by_day) ||
           error_set(err, ERROR_USAGE,
                     "sales by product are kept by day, not by minute, hour, source or state");
}

bool sales_query_too_long(const struct sales_query *q, struct error *err) {
    return error_set(err, ERROR_USAGE,
                     "the answer has more than %lld rows: ask for a shorter time range or fewer "
                     "groups",
                     (long long)q->max_rows);
}

bool sales_query_all_time(const struct sales_query *q) {
    return q->bucket == BUCKET_NONE && q->from == INT32_MIN && q->to == INT32_MAX;
}

bool sales_query_of_products(const struct sales_query *q) {
    return q->by_product || q->filters[SALES_PRODUCT].n > 0;
}

enum cube_table sales_query_table(const struct sales_query *q) {
    if (sales_query_of_products(q)) {
        return CUBE_PRODUCT;
    }
    switch (q->bucket) {
    case BUCKET_MINUTE:
        return CUBE_MINUTE;
    case BUCKET_HOUR:
        return CUBE_HOUR;
    case BUCKET_DAY:
        return CUBE_DAY;
    default:
        return sales_query_all_time(q) ? CUBE_TOTALS : CUBE_DAY;
    }
}

bool sales_query_is_cells(const struct sales_query *q) {
    bool by_all = q->by_product || (q->by_source && q->by_state);
    bool one_day = q->from < INT32_MAX && q->to == q->from + 1;
    return by_all && (q->bucket != BUCKET_NONE || one_day || sales_query_table(q) == CUBE_TOTALS);
}

bool sales_query_is_one_bucket(const struct sales_query *q) {
    return sales_query_table(q) == CUBE_TOTALS || (q->from < INT32_MAX && q->to == q->from + 1);
}

int sales_text_compare(struct text a, struct text b) {
    size_t n = a.len < b.len ? a.len : b.len;
    int c = n > 0 ? memcmp(a.at, b.at, n) : 0;
    return c != 0 ? c : (a.len > b.len) - (a.len < b.len);
}

static int compare_idents(struct ident a, struct ident b) {
    if (a.num >= 0 || b.num >= 0) {
        uint64_t x = (uint64_t)a.num, y = (uint64_t)b.num; // a text's -1 is the largest
        return (x > y) - (x < y);
    }
    return sales_text_compare(a.text, b.text);
}

int sales_row_compare(const struct sales_row *a, const struct sales_row *b) {
    int c = (a->bucket > b->bucket) - (a->bucket < b->bucket);
    c = c != 0 ? c : sales_text_compare(a->source, b->source);
    c = c != 0 ? c : sales_text_compare(a->state, b->state);
    c = c != 0 ? c : compare_idents(a->product_id, b->product_id);
    return c != 0 ? c : sales_text_compare(a->currency, b->currency);
}

// Most keys lack some.
static uint64_t hash_present(struct text t, uint64_t seed) {
    return t.len > 0 ? hash_text(t, seed) : seed;
}

uint64_t sales_row_hash(const struct sales_row *r) {
    uint64_t product = r->product_id.num >= 0 ? hash_u64((uint64_t)r->product_id.num)
                                              : hash_present(r->product_id.text, 4);
    return hash_present(r->source, 1) ^ hash_u64(hash_present(r->state, 2)) ^ product ^
           hash_present(r->currency, 3) ^ hash_u64((uint64_t)(uint32_t)r->bucket + 5);
}

bool sales_row_keep(struct arena *texts, struct sales_row *row) {
    struct text *const all[] = {&row->source, &row->state, &row->product_id.text, &row->currency};
    for (size_t i = 0; i < COUNT_OF(all); i++) {
        if (all[i]->at != NULL && !arena_try_copy(texts, *all[i], all[i])) {
            return false;
        }
    }
    return true;
}

enum { N_MEASURES = sizeof(struct measures) / sizeof(int64_t) };

void sales_sum_add(struct measures *sum, const struct measures *more) {
    uint64_t a[N_MEASURES], b[N_MEASURES];
    memcpy(a, sum, sizeof a);
    memcpy(b, more, sizeof b);
    for (size_t i = 0; i < N_MEASURES; i++) {
        a[i] += b[i];
    }
    memcpy(sum, a, sizeof a);
}

void sales_sum_subtract(struct measures *sum, const struct measures *less) {
    uint64_t a[N_MEASURES], b[N_MEASURES];
    memcpy(a, sum, sizeof a);
    memcpy(b, less, sizeof b);
    for (size_t i = 0; i < N_MEASURES; i++) {
        a[i] -= b[i];
    }
    memcpy(sum, a, sizeof a);
}

bool sales_sum_is_zero(const struct measures *sum) {
    static const struct measures zero;
    return memcmp(sum, &zero, sizeof zero) == 0;
}
