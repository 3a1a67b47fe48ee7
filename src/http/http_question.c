// SPDX-License-Identifier: MIT
// Questions to the store: /v1/orders/{order_id}, /v1/sales, /v1/rejected. Parameters are checked on
// the loop's thread; the question is asked and its answer rendered on a worker, which has a reader
// of its own with a time limit.
#include "http/http_internal.h"

#include "base/log.h"
#include "base/mem.h"
#include "live/sales_api.h"
#include <stdio.h>
#include <stdlib.h>

enum { PARAMS_MAX = 16 };

struct question {
    union {
        struct sales_request sales;
        struct rejected_request rejected;
        struct ident order_id; // its text borrows from id_text
    };
    char id_text[ORDER_ID_MAX + 1];
};

void http_question_free(struct question *q) {
    free(q);
}

static void send_answer(struct request *r) {
    if (r->problem != PROBLEM_NONE) {
        buf_free(&r->answer);
        http_reply_problem(r, r->problem, r->detail);
    } else {
        http_reply_buf(r, 200, "application/json", &r->answer);
    }
}

static const char no_raw_orders[] =
    "raw orders are not kept where this server reads; start it with --raw to show them";

// Asks and renders. False: err tells.
static bool ask(struct request *r, struct sales_reader *reader, struct error *err) {
    struct question *q = r->question;
    bool found = true, ok;
    if (r->route == ROUTE_SALES) {
        ok = sales_api_sales(reader, &q->sales, r->server->options.timezone, &r->answer, err);
    } else if (r->route == ROUTE_REJECTED) {
        ok = sales_api_rejected(reader, &q->rejected, &r->answer, err);
    } else if (reader->ops->order == NULL) {
        r->problem = PROBLEM_NO_SUCH_ORDER;
        snprintf(r->detail, sizeof r->detail, "%s", no_raw_orders);
        return true;
    } else {
        ok = sales_api_order(reader, q->order_id, &r->answer, &found, err);
    }
    if (ok && !budget_take(&r->server->budget, r->answer.cap)) {
        ok = error_set(err, ERROR_RETRIABLE,
                       "memory for requests in flight (--max-inflight) is used up");
    } else if (ok) {
        r->charged_bytes += r->answer.cap; // until it is sent
    }
    if (ok && !found) {
        r->problem = PROBLEM_NO_SUCH_ORDER;
        snprintf(r->detail, sizeof r->detail, "no order and no adjustment with this order_id");
    }
    return ok;
}

static void ask_job(struct http_job *job, struct http_worker *worker) {
    struct request *r = (struct request *)((char *)job - offsetof(struct request, job));
    struct sales_reader *reader;
    struct error err = {0};
    if (!http_worker_reader(worker, &reader, &err) || !ask(r, reader, &err)) {
        r->problem = err.cls == ERROR_USAGE ? PROBLEM_TOO_MANY_ROWS : PROBLEM_QUERY_FAILED;
        snprintf(r->detail, sizeof r->detail, "%s", err.text);
        if (err.cls == ERROR_FATAL) {
            log_warn("dashboard", "%s", err.text);
            http_worker_drop_reader(worker);
        }
    }
    r->on_loop = send_answer;
    http_complete(r);
}

struct params {
    struct api_param at[PARAMS_MAX];
    size_t n;
};

static enum MHD_Result take_param(void *cls, enum MHD_ValueKind kind, const char *key,
                                  size_t key_len, const char *value, size_t value_len) {
    struct params *p = cls;
    UNUSED(kind);
    if (p->n == PARAMS_MAX) {
        return MHD_NO;
    }
    p->at[p->n++] = (struct api_param){{key, key_len}, {value != NULL ? value : "", value_len}};
    return MHD_YES;
}

// Fills r->question. False: the answer is in r->problem and r->detail.
static bool parse_question(struct request *r, const char *url) {
    struct http_server *s = r->server;
    struct question *q = r->question;
    struct params params = {.n = 0};
    char detail[API_DETAIL_BYTES] = "";
    MHD_get_connection_values_n(r->mhd, MHD_GET_ARGUMENT_KIND, take_param, &params);
    if (r->route == ROUTE_ORDER) {
        // Trimmed, as it was when the order was taken.
        struct text id = text_trim(text_of(url + strlen("/v1/orders/")));
        bool fits = id.len <= ORDER_ID_MAX;
        snprintf(q->id_text, sizeof q->id_text, "%.*s", TEXT_ARG(id));
        if (!fits || !order_request_parse(text_of(q->id_text), &q->order_id)) {
            r->problem = PROBLEM_NO_SUCH_ORDER;
            snprintf(r->detail, sizeof r->detail,
                     "an order_id has 1 to %d printable ASCII characters", ORDER_ID_MAX);
            return false;
        }
        return true;
    }
    bool ok = r->route == ROUTE_SALES
                  ? sales_request_parse(params.at, params.n, s->options.rules->zone,
                                        s->options.limits.rows, &q->sales, detail)
                  : rejected_request_parse(params.at, params.n, &q->rejected, detail);
    r->problem = ok ? PROBLEM_NONE : PROBLEM_BAD_PARAMETER;
    snprintf(r->detail, sizeof r->detail, "%s", detail);
    return ok;
}

void http_question(struct request *r, const char *url) {
    r->question = try_alloc(sizeof *r->question);
    if (r->question == NULL) {
        http_reply_problem(r, PROBLEM_MEMORY_FULL, "no memory for this question");
        return;
    }
    if (!parse_question(r, url)) {
        http_reply_problem(r, r->problem, r->detail);
        return;
    }
    r->job.run = ask_job;
    http_suspend(r);
    if (!http_workers_submit(r->server->workers, JOB_QUESTION, &r->job)) {
        http_reply_problem(r, PROBLEM_QUERY_FAILED, "too many questions wait already");
    }
}
