// SPDX-License-Identifier: MIT
#include "live/sales_rows.h"

#include "order/timestamp.h"
#include "store/sales_query.h"

#define MINUTE_MS INT64_C(60000)
#define HOUR_MS INT64_C(3600000)

// --- Measures

static const struct measure_column {
    const char *name;
    size_t at; // in struct measures
    bool money, of_products;
} measure_columns[] = {
    {"orders", offsetof(struct measures, orders), false, true},
    {"units", offsetof(struct measures, units), false, true},
    {"subtotal", offsetof(struct measures, subtotal_e4), true, false},
    {"discount", offsetof(struct measures, discount_e4), true, false},
    {"shipping", offsetof(struct measures, shipping_e4), true, false},
    {"tax", offsetof(struct measures, tax_e4), true, false},
    {"total", offsetof(struct measures, total_e4), true, true},
    {"refunded_total", offsetof(struct measures, refunded_total_e4), true, false},
    {"cancelled_orders", offsetof(struct measures, cancelled_orders), false, false},
    {"refunds", offsetof(struct measures, refunds), false, false},
};

static int64_t value_of(const struct measures *m, const struct measure_column *c) {
    int64_t v;
    memcpy(&v, (const char *)m + c->at, sizeof v);
    return v;
}

void sales_measures_json(struct buf *out, const struct measures *m, bool of_products) {
    bool any = false;
    for (size_t i = 0; i < COUNT_OF(measure_columns); i++) {
        const struct measure_column *c = &measure_columns[i];
        if (of_products && !c->of_products) {
            continue;
        }
        buf_put_str(out, any ? "," : "");
        any = true;
        json_key(out, c->name);
        if (c->money) {
            json_money(out, value_of(m, c));
        } else {
            buf_put_i64(out, value_of(m, c));
        }
    }
}

static void put_measures_csv(struct buf *out, const struct measures *m, bool of_products) {
    for (size_t i = 0; i < COUNT_OF(measure_columns); i++) {
        const struct measure_column *c = &measure_columns[i];
        char digits[24];
        if (of_products && !c->of_products) {
            continue;
        }
        buf_put_char(out, ',');
        if (c->money) {
            buf_put(out, digits, money_format(value_of(m, c), digits));
        } else {
            buf_put_i64(out, value_of(m, c));
        }
    }
}

static void put_measure_names(struct buf *out, const char *prefix, bool of_products) {
    for (size_t i = 0; i < COUNT_OF(measure_columns); i++) {
        if (!of_products || measure_columns[i].of_products) {
            buf_printf(out, ",%s%s", prefix, measure_columns[i].name);
        }
    }
}

// --- Buckets

static int64_t bucket_ms(enum sales_bucket bucket, int32_t number) {
    return number * (bucket == BUCKET_MINUTE ? MINUTE_MS : HOUR_MS);
}

void sales_bucket_json(struct buf *out, enum sales_bucket bucket, int32_t number) {
    if (bucket == BUCKET_MINUTE || bucket == BUCKET_HOUR) {
        json_instant(out, bucket_ms(bucket, number));
    } else {
        json_date(out, number);
    }
}

// --- JSON

static bool is_ranked(const struct sales_query *q) {
    return q->order != SALES_BY_KEY || q->top > 0;
}

static void put_rank(struct buf *out, const char *key, int32_t rank) {
    buf_put_char(out, ',');
    json_key(out, key);
    if (rank > 0) {
        buf_put_i64(out, rank);
    } else {
        buf_put_str(out, "null");
    }
}

void sales_row_json(struct buf *out, const struct sales_query *q,
                    const struct sales_answer_row *row) {
    bool of_products = sales_query_of_products(q);
    buf_put_char(out, '{');
    if (q->bucket != BUCKET_NONE) {
        json_key(out, "bucket");
        sales_bucket_json(out, q->bucket, row->row.bucket);
        buf_put_char(out, ',');
    }
    if (q->by_source) {
        json_key(out, "source");
        json_text(out, row->row.source);
        buf_put_char(out, ',');
    }
    if (q->by_state) {
        json_key(out, "state");
        json_text(out, row->row.state);
        buf_put_char(out, ',');
    }
    if (q->by_product) {
        json_key(out, "product_id");
        json_ident(out, row->row.product_id);
        buf_put_char(out, ',');
    }
    json_key(out, "currency");
    json_text(out, row->row.currency);
    buf_put_char(out, ',');
    sales_measures_json(out, &row->row.sum, of_products);
    if (is_ranked(q)) {
        put_rank(out, "rank", row->rank);
        buf_printf(out, ",\"others\":%lld", (long long)row->n_others);
    }
    if (q->compare) {
        if (is_ranked(q)) {
            put_rank(out, "rank_before", row->rank_before);
        }
        buf_put_str(out, ",\"before\":{");
        sales_measures_json(out, &row->before, of_products);
        buf_put_char(out, '}');
    }
    buf_put_char(out, '}');
}

// --- CSV

// A zero byte is none of them.
static bool is_one_of(char c, const char *characters) {
    return c != '\0' && strchr(characters, c) != NULL;
}

static bool is_formula(struct text t) {
    return t.len > 0 && is_one_of(t.at[0], "=+-@\t\r\n");
}

static void put_text_csv(struct buf *out, struct text t) {
    bool formula = is_formula(t), quoted = formula;
    for (size_t i = 0; i < t.len; i++) {
        quoted = quoted || is_one_of(t.at[i], "\",\r\n");
    }
    buf_put_str(out, quoted ? "\"" : "");
    buf_put_str(out, formula ? "'" : "");
    for (size_t i = 0; i < t.len; i++) {
        buf_put_str(out, t.at[i] == '"' ? "\"" : "");
        buf_put_char(out, t.at[i]);
    }
    buf_put_str(out, quoted ? "\"" : "");
}

void sales_header_csv(struct buf *out, const struct sales_query *q) {
    bool of_products = sales_query_of_products(q);
    buf_put_str(out, q->bucket != BUCKET_NONE ? "bucket," : "");
    buf_put_str(out, q->by_source ? "source," : "");
    buf_put_str(out, q->by_state ? "state," : "");
    buf_put_str(out, q->by_product ? "product_id," : "");
    buf_put_str(out, "currency");
    put_measure_names(out, "", of_products);
    buf_put_str(out, is_ranked(q) ? ",rank,others" : "");
    buf_put_str(out, is_ranked(q) && q->compare ? ",rank_before" : "");
    if (q->compare) {
        put_measure_names(out, "before_", of_products);
    }
    buf_put_str(out, "\r\n");
}

static void put_bucket_csv(struct buf *out, const struct sales_query *q, int32_t number) {
    char text[32];
    size_t len = q->bucket == BUCKET_DAY ? date_format(number, text)
                                         : timestamp_format(bucket_ms(q->bucket, number), text);
    buf_put(out, text, len);
    buf_put_char(out, ',');
}

static void put_rank_csv(struct buf *out, int32_t rank) {
    buf_put_char(out, ',');
    if (rank > 0) {
        buf_put_i64(out, rank);
    }
}

void sales_row_csv(struct buf *out, const struct sales_query *q,
                   const struct sales_answer_row *row) {
    bool of_products = sales_query_of_products(q);
    char digits[24];
    if (q->bucket != BUCKET_NONE) {
        put_bucket_csv(out, q, row->row.bucket);
    }
    const struct {
        bool is;
        struct text t;
    } names[] = {{q->by_source, row->row.source},
                 {q->by_state, row->row.state},
                 {q->by_product, ident_present(row->row.product_id)
                                     ? ident_text(row->row.product_id, digits)
                                     : TEXT_NONE}};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (names[i].is) {
            put_text_csv(out, names[i].t);
            buf_put_char(out, ',');
        }
    }
    put_text_csv(out, row->row.currency);
    put_measures_csv(out, &row->row.sum, of_products);
    if (is_ranked(q)) {
        put_rank_csv(out, row->rank);
        buf_printf(out, ",%lld", (long long)row->n_others);
    }
    if (q->compare) {
        if (is_ranked(q)) {
            put_rank_csv(out, row->rank_before);
        }
        put_measures_csv(out, &row->before, of_products);
    }
    buf_put_str(out, "\r\n");
}
