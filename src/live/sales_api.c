// SPDX-License-Identifier: MIT
// Answers of the query API. Rows are written as they are handed over, so that only the text of an
// answer is in memory; one that would be too long ends early and is refused.
#include "live/sales_api.h"

#include "live/sales_rows.h"

static void put_i64(struct buf *out, const char *key, int64_t v) {
    json_key(out, key);
    buf_put_i64(out, v);
}

static void put_money(struct buf *out, const char *key, int64_t amount_e4) {
    json_key(out, key);
    json_money(out, amount_e4);
}

// Rows go on while this is true.
static bool has_room(const struct buf *out) {
    return !out->failed && out->len <= API_ANSWER_MAX_BYTES;
}

bool sales_api_finish(const struct buf *out, const char *what_to_do, struct error *err) {
    if (out->failed) {
        return error_set(err, ERROR_RETRIABLE, "no memory for this answer");
    }
    return out->len <= API_ANSWER_MAX_BYTES ||
           error_set(err, ERROR_USAGE, "the answer would be longer than %d MiB: %s",
                     API_ANSWER_MAX_BYTES / (1024 * 1024), what_to_do);
}

// null when absent.
static void put_text(struct buf *out, const char *key, struct text t) {
    json_key(out, key);
    json_text(out, t);
}

static void put_ident(struct buf *out, const char *key, struct ident i) {
    json_key(out, key);
    json_ident(out, i);
}

static void put_instant(struct buf *out, const char *key, int64_t utc_ms) {
    json_key(out, key);
    json_instant(out, utc_ms);
}

// --- Sales

struct sales_writer {
    struct buf *out;
    const struct sales_query *query;
    bool any;
};

static bool write_row_json(void *user, const struct sales_answer_row *row) {
    struct sales_writer *w = user;
    buf_put_str(w->out, w->any ? ",\n" : "\n");
    w->any = true;
    sales_row_json(w->out, w->query, row);
    return has_room(w->out);
}

static bool write_row_csv(void *user, const struct sales_answer_row *row) {
    struct sales_writer *w = user;
    sales_row_csv(w->out, w->query, row);
    return has_room(w->out);
}

static void put_range_end(struct buf *out, const char *key, const struct sales_query *q, bool given,
                          int32_t number) {
    json_key(out, key);
    if (given) {
        sales_bucket_json(out, q->bucket, number);
    } else {
        buf_put_str(out, "null");
    }
}

// What the second range was in the end.
static void put_compare(struct buf *out, const struct sales_query *q,
                        const struct sales_answer *answer) {
    buf_put_str(out, ",\"compare\":{");
    put_range_end(out, "from", q, true, q->compare_from);
    buf_put_char(out, ',');
    put_range_end(out, "to", q, true, answer->compare_to);
    buf_put_str(out, ",\"until\":");
    if (answer->compare_end_ms != INT64_MAX) {
        json_instant(out, answer->compare_end_ms);
    } else {
        buf_put_str(out, "null");
    }
    buf_put_char(out, '}');
}

static void put_question(struct buf *out, const struct sales_request *request,
                         const struct sales_answer *answer, const char *timezone) {
    static const char *const bucket_names[] = {NULL, "minute", "hour", "day"};
    const struct sales_query *q = &request->query;
    buf_put_str(out, "],\n");
    put_range_end(out, "from", q, request->has_from, q->from);
    buf_put_char(out, ',');
    put_range_end(out, "to", q, request->has_to, q->to);
    buf_put_char(out, ',');
    put_text(out, "bucket", text_of(bucket_names[q->bucket]));
    if (q->compare) {
        put_compare(out, q, answer);
    }
    buf_put_char(out, ',');
    put_text(out, "timezone", text_of(timezone));
    buf_put_str(out, "}\n");
}

bool sales_api_sales(struct sales_reader *reader, const struct sales_request *request,
                     const struct question_facts *facts, struct buf *out, struct error *err) {
    struct sales_query query = request->query;
    const struct sales_query *q = &query;
    struct sales_writer w = {out, q, false};
    struct sales_answer answer;
    query.deadline_ns = facts->deadline_ns;
    if (request->csv) {
        sales_header_csv(out, q);
    } else {
        buf_put_str(out, "{\"rows\":[");
    }
    if (!sales_answer(reader, q, facts->zone, request->csv ? write_row_csv : write_row_json, &w,
                      &answer, err)) {
        return false;
    }
    if (!request->csv) {
        put_question(out, request, &answer, facts->timezone);
    }
    return sales_api_finish(out, "narrow from and to", err);
}

// --- One order

struct order_writer {
    struct buf *out;
    bool any_order, any_adjustment;
};

void sales_event_json(struct buf *out, const struct stored_event *e) {
    const struct order *o = &e->order;
    buf_put_char(out, '{');
    put_ident(out, "order_id", o->order_id);
    buf_put_char(out, ',');
    put_text(out, "event", text_of(order_kind_name(o->kind)));
    buf_put_char(out, ',');
    put_text(out, "event_id", o->event_id);
    buf_put_char(out, ',');
    put_instant(out, "created_at", o->created_ms);
    buf_put_char(out, ',');
    put_instant(out, "received_at", e->arrival_ms);
    buf_put_char(out, ',');
    put_ident(out, "customer_id", o->customer_id);
    buf_put_char(out, ',');
    put_ident(out, "product_id", o->product_id);
    buf_put_char(out, ',');
    put_i64(out, "quantity", o->quantity);
    buf_put_str(out, ",\"items\":");
    buf_put_text(out, o->items_json.at != NULL ? o->items_json : TEXT_LIT("null"));
    const struct {
        const char *key;
        int64_t amount_e4;
    } amounts[] = {{"subtotal", o->subtotal_e4},
                   {"discount", o->discount_e4},
                   {"shipping", o->shipping_e4},
                   {"tax", o->tax_e4},
                   {"total", o->total_e4}};
    for (size_t i = 0; i < COUNT_OF(amounts); i++) {
        buf_put_char(out, ',');
        put_money(out, amounts[i].key, amounts[i].amount_e4);
    }
    buf_put_char(out, ',');
    put_text(out, "currency", text_of(o->currency));
    buf_put_char(out, ',');
    put_text(out, "source", o->source);
    buf_put_char(out, ',');
    put_text(out, "state", o->state);
    buf_put_char(out, ',');
    put_i64(out, "position", e->position);
    buf_put_char(out, '}');
}

static bool write_stored_event(void *user, const struct stored_event *e) {
    struct order_writer *w = user;
    if (e->order.kind == ORDER_PLACED) {
        w->any_order = true;
        sales_event_json(w->out, e);
        return has_room(w->out);
    }
    if (!w->any_order && !w->any_adjustment) {
        buf_put_str(w->out, "null"); // adjustments of an order that was never seen itself
    }
    buf_put_str(w->out, w->any_adjustment ? ",\n" : ",\n\"adjustments\":[");
    w->any_adjustment = true;
    sales_event_json(w->out, e);
    return has_room(w->out);
}

bool sales_api_order(struct sales_reader *reader, struct ident order_id, struct buf *out,
                     bool *found, struct error *err) {
    struct order_writer w = {out, false, false};
    buf_put_str(out, "{\"order\":");
    if (!reader->ops->order(reader, order_id, write_stored_event, &w, err)) {
        return false;
    }
    buf_put_str(out, w.any_adjustment ? "]}\n" : ",\n\"adjustments\":[]}\n");
    *found = w.any_order || w.any_adjustment;
    return sales_api_finish(out, "this order has too many adjustments to be shown", err);
}

// --- Rejected events

struct rejected_writer {
    struct buf *out;
    int64_t n, last_id;
};

static bool write_rejected_row(void *user, const struct rejected_row *row) {
    struct rejected_writer *w = user;
    struct buf *out = w->out;
    buf_put_str(out, w->n++ > 0 ? ",\n{" : "\n{");
    w->last_id = row->id;
    put_i64(out, "id", row->id);
    buf_put_char(out, ',');
    put_instant(out, "received_at", row->arrival_ms);
    buf_put_char(out, ',');
    put_text(out, "field", row->field);
    buf_put_char(out, ',');
    put_text(out, "code", row->code);
    buf_put_char(out, ',');
    put_text(out, "message", row->message);
    buf_put_char(out, ',');
    put_text(out, "raw", row->raw);
    buf_put_str(out, row->raw_cut ? ",\"raw_cut\":true" : ",\"raw_cut\":false");
    if (row->retried_ms != 0) {
        buf_put_char(out, ',');
        put_instant(out, "retried_at", row->retried_ms);
        buf_put_char(out, ',');
        put_text(out, "retried_verdict", row->retried_verdict);
    }
    buf_put_char(out, '}');
    return has_room(out);
}

bool sales_api_rejected(struct sales_reader *reader, const struct rejected_request *request,
                        struct buf *out, struct error *err) {
    struct rejected_writer w = {out, 0, 0};
    buf_put_str(out, "{\"rows\":[");
    if (!reader->ops->rejected(reader, request->before_id, request->limit, write_rejected_row, &w,
                               err)) {
        return false;
    }
    buf_put_str(out, "],\n\"next_before\":");
    if (w.n == request->limit && w.last_id > 1) {
        buf_put_i64(out, w.last_id);
    } else {
        buf_put_str(out, "null");
    }
    buf_put_str(out, "}\n");
    return sales_api_finish(out, "ask for fewer with limit", err);
}
