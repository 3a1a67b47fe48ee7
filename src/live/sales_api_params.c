// SPDX-License-Identifier: MIT
// Query parameters of /v1/sales and /v1/rejected. Every parameter is known, given once (a filter:
// up to SALES_FILTER_MAX times) and understood, or the question is refused: a typo never silently
// asks something else.
#include "live/sales_api.h"

#include "order/timestamp.h"
#include "store/sales_query.h"
#include <stdio.h>

enum { REJECTED_LIMIT_DEFAULT = 100, REJECTED_LIMIT_MAX = 1000 };

static bool sales_api_params_refuse(char *detail, struct text name, const char *what) {
    snprintf(detail, QUESTION_DETAIL_BYTES, "%.*s: %s", (int)(name.len < 40 ? name.len : 40),
             name.at != NULL ? name.at : "", what);
    return false;
}

// The value of `name`, absent when not given. False: given twice.
static bool sales_api_params_find(const struct question_param *params, size_t n, const char *name,
                                  struct text *value, char *detail) {
    *value = TEXT_NONE;
    for (size_t i = 0; i < n; i++) {
        if (text_equal(params[i].name, text_of(name))) {
            if (value->at != NULL) {
                return sales_api_params_refuse(detail, params[i].name, "given more than once");
            }
            *value = params[i].value.at != NULL ? params[i].value : TEXT_LIT("");
        }
    }
    return true;
}

static bool all_known(const struct question_param *params, size_t n, const char *const *names,
                      size_t n_names, const char *known, char *detail) {
    for (size_t i = 0; i < n; i++) {
        bool found = false;
        for (size_t k = 0; k < n_names; k++) {
            found |= text_equal(params[i].name, text_of(names[k]));
        }
        if (!found) {
            return sales_api_params_refuse(detail, params[i].name, known);
        }
    }
    return true;
}

static bool parse_by(struct text by, struct sales_query *q, char *detail) {
    static const char *const takes = "takes source, state or both, or product, separated by commas";
    if (by.at == NULL) {
        q->by_source = q->by_state = true;
        return true;
    }
    for (bool more = by.len > 0; more;) {
        const char *comma = by.len > 0 ? memchr(by.at, ',', by.len) : NULL;
        struct text word = {by.at, comma ? (size_t)(comma - by.at) : by.len};
        more = comma != NULL;
        by = comma ? (struct text){comma + 1, by.len - word.len - 1} : TEXT_LIT("");
        bool *flag = text_equal(word, TEXT_LIT("source"))    ? &q->by_source
                     : text_equal(word, TEXT_LIT("state"))   ? &q->by_state
                     : text_equal(word, TEXT_LIT("product")) ? &q->by_product
                                                             : NULL;
        if (flag == NULL || *flag) {
            return sales_api_params_refuse(detail, TEXT_LIT("by"), takes);
        }
        *flag = true;
    }
    if (q->by_product && (q->by_source || q->by_state)) {
        return sales_api_params_refuse(
            detail, TEXT_LIT("by"),
            "product cannot be combined with source or state: sales by product are kept "
            "by day and currency only");
    }
    return true;
}

static bool parse_bucket(struct text bucket, struct sales_query *q, char *detail) {
    static const struct {
        const char *name;
        enum sales_bucket bucket;
    } names[] = {{"minute", BUCKET_MINUTE}, {"hour", BUCKET_HOUR}, {"day", BUCKET_DAY}};
    q->bucket = BUCKET_NONE;
    for (size_t i = 0; bucket.at != NULL && i < COUNT_OF(names); i++) {
        if (text_equal(bucket, text_of(names[i].name))) {
            q->bucket = names[i].bucket;
        }
    }
    if (bucket.at != NULL && q->bucket == BUCKET_NONE) {
        return sales_api_params_refuse(detail, TEXT_LIT("bucket"), "takes minute, hour or day");
    }
    if (q->by_product && (q->bucket == BUCKET_MINUTE || q->bucket == BUCKET_HOUR)) {
        return sales_api_params_refuse(detail, TEXT_LIT("bucket"),
                                       "takes only day with by=product");
    }
    return true;
}

// A "+" of an offset arrives as a space when a client did not write it as %2B.
static enum timestamp_result parse_instant(struct text value, const struct zone *zone,
                                           int64_t *ms) {
    enum timestamp_result result = timestamp_parse(value, zone, ms);
    char repaired[40];
    if (result != TIMESTAMP_MALFORMED || value.len < 7 || value.len >= sizeof repaired ||
        value.at[value.len - 6] != ' ') {
        return result;
    }
    memcpy(repaired, value.at, value.len);
    repaired[value.len - 6] = '+';
    return timestamp_parse((struct text){repaired, value.len}, zone, ms);
}

// A limit of the range as an instant.
static bool parse_moment(struct text name, struct text value, const struct zone *zone, int64_t *ms,
                         char *detail) {
    switch (parse_instant(text_trim(value), zone, ms)) {
    case TIMESTAMP_OK:
        break;
    case TIMESTAMP_OUT_OF_RANGE:
        return sales_api_params_refuse(detail, name, "must be between 1970 and 2200");
    case TIMESTAMP_MALFORMED:
    case TIMESTAMP_NO_SUCH_DATE:
        return sales_api_params_refuse(detail, name,
                                       "takes a date (2026-01-31, the shop's) or an instant "
                                       "(2026-01-31T12:00:00Z)");
    }
    return true;
}

static int32_t bucket_of(enum sales_bucket bucket, const struct zone *zone, int64_t ms) {
    return bucket == BUCKET_MINUTE ? (int32_t)(ms / 60000)
           : bucket == BUCKET_HOUR ? (int32_t)(ms / 3600000)
                                   : zone_day(zone, ms);
}

static bool parse_number(struct text name, struct text value, int64_t max, int64_t *out,
                         char *detail) {
    int64_t v = 0;
    bool ok = value.len > 0;
    for (size_t i = 0; ok && i < value.len; i++) {
        ok = value.at[i] >= '0' && value.at[i] <= '9' && v <= (max - (value.at[i] - '0')) / 10;
        v = ok ? v * 10 + (value.at[i] - '0') : v;
    }
    if (!ok || v < 1) {
        char what[64];
        snprintf(what, sizeof what, "takes a number from 1 to %lld", (long long)max);
        return sales_api_params_refuse(detail, name, what);
    }
    *out = v;
    return true;
}

static bool parse_format(struct text format, bool *csv, char *detail) {
    if (format.at == NULL) {
        return true;
    }
    *csv = text_equal(format, TEXT_LIT("csv"));
    return *csv || text_equal(format, TEXT_LIT("json")) ||
           sales_api_params_refuse(detail, TEXT_LIT("format"), "takes json or csv");
}

static bool parse_range(struct text from, struct text to, const struct zone *zone,
                        struct sales_request *out, char *detail) {
    struct sales_query *q = &out->query;
    int64_t from_ms = INT64_MIN, to_ms = INT64_MAX;
    out->has_from = from.at != NULL;
    out->has_to = to.at != NULL;
    if ((out->has_from && !parse_moment(TEXT_LIT("from"), from, zone, &from_ms, detail)) ||
        (out->has_to && !parse_moment(TEXT_LIT("to"), to, zone, &to_ms, detail))) {
        return false;
    }
    q->from = out->has_from ? bucket_of(q->bucket, zone, from_ms) : INT32_MIN;
    q->to = out->has_to ? bucket_of(q->bucket, zone, to_ms) : INT32_MAX;
    if (from_ms >= to_ms) {
        return sales_api_params_refuse(detail, TEXT_LIT("to"),
                                       "must come after from (it is the first moment left out)");
    }
    if (q->from < q->to) {
        return true;
    }
    return sales_api_params_refuse(
        detail, TEXT_LIT("to"),
        q->bucket == BUCKET_MINUTE ? "is in the same minute as from: take the next one"
        : q->bucket == BUCKET_HOUR
            ? "is in the same hour as from: take the next one, or bucket=minute"
        : sales_query_of_products(q)
            ? "is on the same day as from, and sales by product are kept by day: take the next day"
            : "is on the same day as from, and by day or without bucket whole days count: take "
              "the next day, or bucket=hour or bucket=minute");
}

// --- Filters

static const char *const filter_names[SALES_FIELDS] = {"source", "state", "product_id", "currency"};

static bool add_filter(struct sales_request *out, struct sales_filter *filter,
                       const struct question_param *p, char *detail) {
    struct text value = p->value;
    if (value.len == 0 || !text_is_utf8(value)) {
        return sales_api_params_refuse(detail, p->name,
                                       "takes one value in UTF-8; give it again for each more");
    }
    if (filter->n == SALES_FILTER_MAX || value.len > FILTER_MAX_BYTES - out->n_texts_bytes) {
        return sales_api_params_refuse(detail, p->name, "given too often, or too long");
    }
    char *at = out->texts + out->n_texts_bytes;
    memcpy(at, value.at, value.len);
    out->n_texts_bytes += value.len;
    filter->values[filter->n++] = (struct text){at, value.len};
    return true;
}

static bool parse_filters(const struct question_param *params, size_t n, bool by_given,
                          struct sales_request *out, char *detail) {
    struct sales_query *q = &out->query;
    for (size_t i = 0; i < n; i++) {
        for (int f = 0; f < SALES_FIELDS; f++) {
            if (text_equal(params[i].name, text_of(filter_names[f])) &&
                !add_filter(out, &q->filters[f], &params[i], detail)) {
                return false;
            }
        }
    }
    if (!by_given && q->filters[SALES_PRODUCT].n > 0) {
        q->by_source = q->by_state = false; // what is asked for without a word about it
    }
    if (!sales_query_of_products(q)) {
        return true;
    }
    if (q->by_source || q->by_state || q->filters[SALES_SOURCE].n > 0 ||
        q->filters[SALES_STATE].n > 0) {
        return sales_api_params_refuse(
            detail, TEXT_LIT("product_id"),
            "cannot be combined with source or state, nor by=product with filters by them: sales "
            "by product are kept by day and currency only");
    }
    return q->bucket == BUCKET_NONE || q->bucket == BUCKET_DAY ||
           sales_api_params_refuse(detail, TEXT_LIT("bucket"),
                                   "takes only day with product_id: sales by product are kept by "
                                   "day");
}

// --- The largest groups

enum { TOP_MAX = 1000 };

static bool parse_order(struct text order, struct text top, struct sales_query *q, char *detail) {
    static const char *const names[] = {"key", "total", "orders", "units"};
    int64_t n = 0;
    if (top.at != NULL && !parse_number(TEXT_LIT("top"), top, TOP_MAX, &n, detail)) {
        return false;
    }
    q->top = (int32_t)n;
    q->order = n > 0 ? SALES_BY_TOTAL : SALES_BY_KEY;
    for (size_t i = 0; order.at != NULL && i < COUNT_OF(names); i++) {
        if (text_equal(order, text_of(names[i])) && (i > 0 || n == 0)) {
            q->order = (enum sales_order)i;
            return true;
        }
    }
    return order.at == NULL ||
           sales_api_params_refuse(detail, TEXT_LIT("order"),
                                   "takes total, orders or units, or without top also key");
}

// --- The second range

// First instant of a bucket.
static int64_t bucket_start_ms(enum sales_bucket bucket, const struct zone *zone, int32_t number) {
    return bucket == BUCKET_MINUTE ? number * INT64_C(60000)
           : bucket == BUCKET_HOUR ? number * INT64_C(3600000)
                                   : zone_day_start_ms(zone, number);
}

static bool parse_compare(struct text compare, const struct question_facts *facts,
                          struct sales_request *out, char *detail) {
    struct sales_query *q = &out->query;
    int64_t ms;
    q->compare_cut_ms = INT64_MAX;
    if (compare.at == NULL) {
        return true;
    }
    if (!out->has_from || !out->has_to) {
        return sales_api_params_refuse(detail, TEXT_LIT("compare"), "needs from and to");
    }
    q->compare = true;
    if (!parse_moment(TEXT_LIT("compare"), compare, facts->zone, &ms, detail)) {
        return false;
    }
    q->compare_from = bucket_of(q->bucket, facts->zone, ms);
    // A bucket that is not over is compared with as much of the other one.
    int64_t last_ms = bucket_start_ms(q->bucket, facts->zone, q->to - 1);
    if (facts->now_ms >= last_ms &&
        facts->now_ms < bucket_start_ms(q->bucket, facts->zone, q->to)) {
        int32_t other = q->compare_from + (q->to - 1 - q->from);
        q->compare_cut_ms =
            bucket_start_ms(q->bucket, facts->zone, other) + (facts->now_ms - last_ms);
    }
    return true;
}

bool sales_request_parse(const struct question_param *params, size_t n,
                         const struct question_facts *facts, struct sales_request *out,
                         char detail[static QUESTION_DETAIL_BYTES]) {
    enum { BY, FROM, TO, BUCKET, TOP, ORDER, COMPARE, FORMAT, SINGLES };
    static const char *const names[SINGLES + SALES_FIELDS] = {
        "by",      "from",   "to",     "bucket", "top",        "order",
        "compare", "format", "source", "state",  "product_id", "currency"};
    struct text v[SINGLES];
    out->query = (struct sales_query){.max_rows = facts->max_rows};
    out->n_texts_bytes = 0;
    struct sales_query *q = &out->query;
    if (!all_known(params, n, names, COUNT_OF(names),
                   "is not a parameter of this call: by, from, to, bucket, source, state, "
                   "product_id, currency, top, order, compare and format are",
                   detail)) {
        return false;
    }
    for (size_t i = 0; i < SINGLES; i++) {
        if (!sales_api_params_find(params, n, names[i], &v[i], detail)) {
            return false;
        }
    }
    out->csv = facts->wants_csv;
    if (!parse_by(v[BY], q, detail) || !parse_bucket(v[BUCKET], q, detail) ||
        !parse_filters(params, n, v[BY].at != NULL, out, detail) ||
        !parse_order(v[ORDER], v[TOP], q, detail) || !parse_format(v[FORMAT], &out->csv, detail) ||
        !parse_range(v[FROM], v[TO], facts->zone, out, detail)) {
        return false;
    }
    return parse_compare(v[COMPARE], facts, out, detail);
}

bool rejected_request_parse(const struct question_param *params, size_t n,
                            struct rejected_request *out,
                            char detail[static QUESTION_DETAIL_BYTES]) {
    static const char *const names[] = {"limit", "before"};
    struct text limit, before;
    *out = (struct rejected_request){.before_id = INT64_MAX, .limit = REJECTED_LIMIT_DEFAULT};
    return all_known(params, n, names, COUNT_OF(names),
                     "is not a parameter of this call: limit and before are", detail) &&
           sales_api_params_find(params, n, "limit", &limit, detail) &&
           sales_api_params_find(params, n, "before", &before, detail) &&
           (limit.at == NULL ||
            parse_number(TEXT_LIT("limit"), limit, REJECTED_LIMIT_MAX, &out->limit, detail)) &&
           (before.at == NULL ||
            parse_number(TEXT_LIT("before"), before, INT64_MAX, &out->before_id, detail));
}

bool no_params_parse(const struct question_param *params, size_t n,
                     char detail[static QUESTION_DETAIL_BYTES]) {
    return all_known(params, n, NULL, 0, "is not a parameter of this call: it takes none", detail);
}

bool order_request_parse(struct text path_segment, struct ident *out) {
    if (path_segment.len == 0 || path_segment.len > ORDER_ID_MAX) {
        return false;
    }
    for (size_t i = 0; i < path_segment.len; i++) {
        if (path_segment.at[i] < 0x20 || path_segment.at[i] > 0x7E) {
            return false;
        }
    }
    *out = ident_of_text(path_segment);
    return true;
}
