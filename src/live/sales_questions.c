// SPDX-License-Identifier: MIT
// The table of questions: each is its parameters' parser and its answer's writer (sales_api.h).
#include "live/sales_questions.h"

#include "http/http_header.h"
#include "live/sales_api.h"
#include <stdio.h>

// --- /v1/orders/{order_id} and /v1/orders/{order_id}/trace

struct order_question {
    char text[ORDER_ID_MAX + 1]; // as the path has it
    size_t len;
};

static enum question_result parse_order(const struct question_facts *facts, struct text segment,
                                        const struct question_param *params, size_t n_params,
                                        void *q, char detail[static QUESTION_DETAIL_BYTES]) {
    struct order_question *o = q;
    struct ident order_id;
    UNUSED(facts);
    segment = text_trim(segment); // as it was when the order was taken
    if (!no_params_parse(params, n_params, detail)) {
        return QUESTION_BAD;
    }
    if (!order_request_parse(segment, &order_id)) {
        snprintf(detail, QUESTION_DETAIL_BYTES,
                 "an order_id has 1 to %d printable ASCII characters", ORDER_ID_MAX);
        return QUESTION_NOT_FOUND;
    }
    memcpy(o->text, segment.at, segment.len);
    o->len = segment.len;
    return QUESTION_OK;
}

// What is asked of one order: its events, or its trace.
typedef bool (*order_answer_fn)(struct sales_reader *reader, struct ident order_id,
                                const struct question_facts *facts, struct buf *out, bool *found,
                                struct error *err);

static enum question_result
ask_about_order(struct sales_reader *reader, const struct question_facts *facts,
                const struct order_question *o, order_answer_fn answer, struct buf *out,
                char detail[static QUESTION_DETAIL_BYTES], struct error *err) {
    bool found = false;
    if (reader->ops->order == NULL) {
        snprintf(detail, QUESTION_DETAIL_BYTES,
                 "raw orders are not kept where this server reads; start it with --raw to show "
                 "them");
        return QUESTION_NOT_FOUND;
    }
    struct ident order_id = ident_of_text((struct text){o->text, o->len});
    if (!answer(reader, order_id, facts, out, &found, err)) {
        return QUESTION_FAILED;
    }
    if (!found) {
        snprintf(detail, QUESTION_DETAIL_BYTES, "no order and no adjustment with this order_id");
        return QUESTION_NOT_FOUND;
    }
    return QUESTION_OK;
}

static bool answer_events(struct sales_reader *reader, struct ident order_id,
                          const struct question_facts *facts, struct buf *out, bool *found,
                          struct error *err) {
    UNUSED(facts);
    return sales_api_order(reader, order_id, out, found, err);
}

static enum question_result ask_order(struct sales_reader *reader,
                                      const struct question_facts *facts, const void *q,
                                      struct question_answer *out,
                                      char detail[static QUESTION_DETAIL_BYTES],
                                      struct error *err) {
    return ask_about_order(reader, facts, q, answer_events, &out->body, detail, err);
}

static bool answer_trace(struct sales_reader *reader, struct ident order_id,
                         const struct question_facts *facts, struct buf *out, bool *found,
                         struct error *err) {
    return sales_api_trace(reader, order_id, facts->zone, out, found, err);
}

static enum question_result ask_trace(struct sales_reader *reader,
                                      const struct question_facts *facts, const void *q,
                                      struct question_answer *out,
                                      char detail[static QUESTION_DETAIL_BYTES],
                                      struct error *err) {
    return ask_about_order(reader, facts, q, answer_trace, &out->body, detail, err);
}

// --- /v1/sales

static enum question_result parse_sales(const struct question_facts *facts, struct text segment,
                                        const struct question_param *params, size_t n_params,
                                        void *q, char detail[static QUESTION_DETAIL_BYTES]) {
    UNUSED(segment);
    return sales_request_parse(params, n_params, facts, q, detail) ? QUESTION_OK : QUESTION_BAD;
}

// What an answer depends on: the batches that were counted; for an unfinished bucket that is
// compared the minute; the form. The process is in it since another store may have as many batches.
static bool put_etag(struct sales_reader *reader, const struct question_facts *facts,
                     const struct sales_request *request, struct question_answer *out,
                     struct error *err) {
    struct store_counts counts;
    int64_t last_batch_id;
    if (!reader->ops->counts(reader, &counts, &last_batch_id, err)) {
        return false;
    }
    bool by_clock = request->query.compare && request->query.compare_cut_ms != INT64_MAX;
    snprintf(out->etag, sizeof out->etag, "\"%lld-%llx-%lld%s\"", (long long)last_batch_id,
             (unsigned long long)facts->started_ms,
             (long long)(by_clock ? facts->now_ms / 60000 : 0), request->csv ? "-csv" : "");
    return true;
}

static enum question_result answer_sales(struct sales_reader *reader,
                                         const struct question_facts *facts,
                                         const struct sales_request *request,
                                         struct question_answer *out, struct error *err) {
    if (!put_etag(reader, facts, request, out, err)) {
        return QUESTION_FAILED;
    }
    if (header_etag_matches(facts->known, out->etag)) {
        return QUESTION_UNCHANGED;
    }
    if (request->csv) {
        out->content_type = "text/csv; charset=utf-8; header=present";
        out->disposition = "attachment; filename=\"sales.csv\"";
    }
    return sales_api_sales(reader, request, facts, &out->body, err) ? QUESTION_OK : QUESTION_FAILED;
}

// One snapshot: the tag is of what the answer was made from.
static enum question_result ask_sales(struct sales_reader *reader,
                                      const struct question_facts *facts, const void *q,
                                      struct question_answer *out,
                                      char detail[static QUESTION_DETAIL_BYTES],
                                      struct error *err) {
    UNUSED(detail);
    if (!reader->ops->begin(reader, err)) {
        return QUESTION_FAILED;
    }
    enum question_result result = answer_sales(reader, facts, q, out, err);
    reader->ops->end(reader);
    return result;
}

// --- /v1/rejected

static enum question_result parse_rejected(const struct question_facts *facts, struct text segment,
                                           const struct question_param *params, size_t n_params,
                                           void *q, char detail[static QUESTION_DETAIL_BYTES]) {
    UNUSED(facts);
    UNUSED(segment);
    return rejected_request_parse(params, n_params, q, detail) ? QUESTION_OK : QUESTION_BAD;
}

static enum question_result ask_rejected(struct sales_reader *reader,
                                         const struct question_facts *facts, const void *q,
                                         struct question_answer *out,
                                         char detail[static QUESTION_DETAIL_BYTES],
                                         struct error *err) {
    UNUSED(facts);
    UNUSED(detail);
    return sales_api_rejected(reader, q, &out->body, err) ? QUESTION_OK : QUESTION_FAILED;
}

static const struct question_kind kinds[] = {
    {"/v1/orders/", "/trace", sizeof(struct order_question), parse_order, ask_trace},
    {"/v1/orders/", NULL, sizeof(struct order_question), parse_order, ask_order},
    {"/v1/sales", NULL, sizeof(struct sales_request), parse_sales, ask_sales},
    {"/v1/rejected", NULL, sizeof(struct rejected_request), parse_rejected, ask_rejected},
};
const struct http_questions sales_questions = {kinds, COUNT_OF(kinds)};
