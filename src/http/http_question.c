// SPDX-License-Identifier: MIT
// Questions to the store: those of options.questions. Parameters are checked on the loop's thread;
// the question is asked and its answer rendered on a worker, which has a reader of its own with a
// time limit.
#include "http/http_internal.h"

#include "base/log.h"
#include "base/mem.h"
#include "http/http_header.h"
#include <stdio.h>
#include <stdlib.h>

enum {
    PARAMS_MAX = 96,    // filters are given several times
    WAIT_MAX_MS = 5000, // for a worker; then it has as long again, by its reader's time limit
};
_Static_assert((int)QUESTION_DETAIL_BYTES <= (int)DETAIL_BYTES,
               "a question's detail is a request's");

static struct question_facts facts_of(struct request *r) {
    const struct http_server *s = r->server;
    // The library keeps a suspended connection's headers.
    const char *accept = MHD_lookup_connection_value(r->mhd, MHD_HEADER_KIND, "Accept");
    const char *known = MHD_lookup_connection_value(r->mhd, MHD_HEADER_KIND, "If-None-Match");
    return (struct question_facts){
        .zone = s->options.rules->zone,
        .timezone = s->options.timezone,
        .max_rows = s->options.limits.rows,
        .now_ms = clock_now_ms(s->options.clock),
        .started_ms = s->started_ms,
        .wants_csv = header_prefers_csv(text_of(accept)),
        .known = text_of(known),
    };
}

static void send_answer(struct request *r) {
    if (r->problem != PROBLEM_NONE) {
        buf_free(&r->answer.body);
        http_reply_problem(r, r->problem, r->detail);
    } else {
        http_reply_answer(r, r->status, &r->answer);
    }
}

static bool charge_answer(struct request *r, struct error *err) {
    if (!budget_take(&r->server->budget, r->answer.body.cap)) {
        return error_set(err, ERROR_RETRIABLE,
                         "memory for requests in flight (--max-inflight) is used up");
    }
    r->charged_bytes += r->answer.body.cap; // until it is sent
    return true;
}

// Asks and renders. PROBLEM_NONE: the answer is in r->answer; else r->detail tells.
static enum problem ask(struct request *r, struct http_worker *worker) {
    struct sales_reader *reader;
    struct error err = {0};
    if (clock_monotonic_ns(r->server->options.clock) / 1000000 - r->asked_ms > WAIT_MAX_MS) {
        snprintf(r->detail, sizeof r->detail,
                 "it waited for more than %d s while others were answered", WAIT_MAX_MS / 1000);
        return PROBLEM_QUERY_FAILED;
    }
    if (!http_worker_reader(worker, &reader, &err)) {
        snprintf(r->detail, sizeof r->detail, "%s", err.text);
        return PROBLEM_QUERY_FAILED; // whatever its class: the question is not to blame
    }
    r->facts.deadline_ns =
        clock_monotonic_ns(r->server->options.clock) + WAIT_MAX_MS * INT64_C(1000000);
    enum question_result result =
        r->question_kind->ask(reader, &r->facts, r->question, &r->answer, r->detail, &err);
    r->status = result == QUESTION_UNCHANGED ? 304 : 200;
    if (result == QUESTION_UNCHANGED) {
        return PROBLEM_NONE;
    }
    if (result == QUESTION_OK && charge_answer(r, &err)) {
        return PROBLEM_NONE;
    }
    if (result == QUESTION_NOT_FOUND) {
        return PROBLEM_NO_SUCH_ORDER;
    }
    snprintf(r->detail, sizeof r->detail, "%s", err.text);
    if (err.cls == ERROR_FATAL) {
        log_warn("http", "%s", err.text);
        http_worker_drop_reader(worker);
    }
    return err.cls == ERROR_USAGE ? PROBLEM_TOO_MANY_ROWS : PROBLEM_QUERY_FAILED;
}

static void ask_job(struct http_job *job, struct http_worker *worker) {
    struct request *r = (struct request *)((char *)job - offsetof(struct request, job));
    r->problem = ask(r, worker);
    r->on_loop = send_answer;
    http_complete(r);
}

struct params {
    struct question_param at[PARAMS_MAX];
    size_t n;
};

static enum MHD_Result take_param(void *cls, enum MHD_ValueKind kind, const char *key,
                                  size_t key_len, const char *value, size_t value_len) {
    struct params *p = cls;
    UNUSED(kind);
    if (p->n == PARAMS_MAX) {
        return MHD_NO;
    }
    p->at[p->n++] =
        (struct question_param){{key, key_len}, {value != NULL ? value : "", value_len}};
    return MHD_YES;
}

// Fills r->question. PROBLEM_NONE: it can be asked; else r->detail tells.
static enum problem parse_question(struct request *r, const char *url) {
    const struct question_kind *kind = r->question_kind;
    r->facts = facts_of(r);
    struct params params = {.n = 0};
    MHD_get_connection_values_n(r->mhd, MHD_GET_ARGUMENT_KIND, take_param, &params);
    r->question = try_alloc(kind->bytes);
    if (r->question == NULL) {
        snprintf(r->detail, sizeof r->detail, "no memory for this question");
        return PROBLEM_MEMORY_FULL;
    }
    memset(r->question, 0, kind->bytes);
    struct text segment = text_of(url + strlen(kind->path));
    segment.len -= kind->tail != NULL ? strlen(kind->tail) : 0;
    switch (kind->parse(&r->facts, segment, params.at, params.n, r->question, r->detail)) {
    case QUESTION_OK:
        return PROBLEM_NONE;
    case QUESTION_NOT_FOUND:
        return PROBLEM_NO_SUCH_ORDER;
    case QUESTION_BAD:
    case QUESTION_UNCHANGED:
    case QUESTION_FAILED:
        break;
    }
    return PROBLEM_BAD_PARAMETER;
}

void http_question(struct request *r, const char *url) {
    enum problem p = parse_question(r, url);
    if (p != PROBLEM_NONE) {
        http_reply_problem(r, p, r->detail);
        return;
    }
    r->job.run = ask_job;
    r->asked_ms = r->server->now_ms;
    http_suspend(r);
    if (!http_workers_submit(r->server->workers, JOB_QUESTION, &r->job)) {
        http_reply_problem(r, PROBLEM_QUERY_FAILED, "too many questions wait already");
    }
}
