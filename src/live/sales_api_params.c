// SPDX-License-Identifier: MIT
// Query parameters of /v1/sales and /v1/rejected. Every parameter is known, given once and
// understood, or the question is refused: a typo never silently asks something else.
#include "live/sales_api.h"

#include "order/timestamp.h"
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

// A limit of the range as a bucket number.
static bool parse_limit(struct text name, struct text value, enum sales_bucket bucket,
                        const struct zone *zone, int32_t *out, char *detail) {
    int64_t ms;
    switch (parse_instant(text_trim(value), zone, &ms)) {
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
    *out = bucket == BUCKET_MINUTE ? (int32_t)(ms / 60000)
           : bucket == BUCKET_HOUR ? (int32_t)(ms / 3600000)
                                   : zone_day(zone, ms);
    return true;
}

bool sales_request_parse(const struct question_param *params, size_t n, const struct zone *zone,
                         int64_t max_rows, struct sales_request *out,
                         char detail[static QUESTION_DETAIL_BYTES]) {
    static const char *const names[] = {"by", "from", "to", "bucket"};
    struct text by, from, to, bucket;
    *out = (struct sales_request){.query = {.from = INT32_MIN, .to = INT32_MAX}};
    struct sales_query *q = &out->query;
    q->max_rows = max_rows;
    if (!all_known(params, n, names, COUNT_OF(names),
                   "is not a parameter of this call: by, from, to and bucket are", detail) ||
        !sales_api_params_find(params, n, "by", &by, detail) ||
        !sales_api_params_find(params, n, "from", &from, detail) ||
        !sales_api_params_find(params, n, "to", &to, detail) ||
        !sales_api_params_find(params, n, "bucket", &bucket, detail) || !parse_by(by, q, detail) ||
        !parse_bucket(bucket, q, detail)) {
        return false;
    }
    out->has_from = from.at != NULL;
    out->has_to = to.at != NULL;
    if ((out->has_from &&
         !parse_limit(TEXT_LIT("from"), from, q->bucket, zone, &q->from, detail)) ||
        (out->has_to && !parse_limit(TEXT_LIT("to"), to, q->bucket, zone, &q->to, detail))) {
        return false;
    }
    return q->from < q->to ||
           sales_api_params_refuse(detail, TEXT_LIT("to"),
                                   "must come after from (it is the first moment left out)");
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
