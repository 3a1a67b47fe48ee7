// SPDX-License-Identifier: MIT
#include "store/sales_query.h"

bool sales_query_check(const struct sales_query *q, struct error *err) {
    bool by_day = q->bucket == BUCKET_NONE || q->bucket == BUCKET_DAY;
    return !q->by_product || (!q->by_source && !q->by_state && by_day) ||
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

enum cube_table sales_query_table(const struct sales_query *q) {
    if (q->by_product) {
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
    return by_all && (q->bucket != BUCKET_NONE || sales_query_table(q) == CUBE_TOTALS);
}
