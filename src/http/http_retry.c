// SPDX-License-Identifier: MIT
// POST /v1/rejected/{id}/retry: a rejected event submitted again, with the text that the body has.
//
// 1. A worker parses the text as one event, finds the rejected one, and claims the try
//    (store/rejected_retries.h): of several at once one sends.
// 2. The event goes through the same intake as any order.
// 3. Settled, a worker notes the verdict beside the rejected event, and marks those whose places
//    newer ones have taken, as this one's when it was rejected again. Behind a log the new one
//    comes later: readers see that by its text (store/rejected_texts.h), and the next retry marks
//    it.
// 4. The answer is that of POST /v1/orders.
//
// How it fails: no text, or none that can be read (400), no such event (404), somebody else is
// sending it (409), the intake or the place of retries does not take it (503): nothing was sent,
// and the try is forgotten. A verdict that cannot be noted is answered all the same: until the try
// is old it looks as if under way, and a second one of an accepted event is a duplicate.
#include "http/http_internal.h"

#include "base/log.h"
#include "format/envelope.h"
#include "http/http_answer.h"
#include "order/timestamp.h"
#include "store/rejected_texts.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#define PATH "/v1/rejected/"
#define TAIL "/retry"
#define NOT_NOTED "what became of the retry of rejected event %lld cannot be noted: "
enum { ID_DIGITS_MAX = 18 }; // so none is beyond 63 bits

bool http_retry_path(const char *url, int64_t *id) {
    if (strncmp(url, PATH, sizeof PATH - 1) != 0) {
        return false;
    }
    const char *digits = url + sizeof PATH - 1;
    size_t n = 0;
    while (isdigit((unsigned char)digits[n])) {
        n++;
    }
    *id = strtoll(digits, NULL, 10);
    return n > 0 && n <= ID_DIGITS_MAX && strcmp(digits + n, TAIL) == 0;
}

// --- The try. Worker's thread.

static enum problem failed(struct request *r, enum problem p, const struct error *err) {
    snprintf(r->detail, sizeof r->detail, "%s", err->text);
    return p;
}

struct wanted {
    struct request *r;
    bool found, busy;
};

static bool take_rejected(void *user, const struct rejected_row *row) {
    struct wanted *w = user;
    struct rejected_claim *c = &w->r->retry;
    w->found = row->id == c->id;
    if (w->found) {
        c->seen_ms = row->retried_ms;
        w->busy = rejected_is_busy(row, c->now_ms);
    }
    return false;
}

static enum problem under_way(struct request *r) {
    char until[32] = "";
    if (r->retry.seen_ms != 0) {
        until[timestamp_format(r->retry.seen_ms + REJECTED_TRY_MS, until)] = '\0';
    }
    snprintf(r->detail, sizeof r->detail,
             "somebody else is sending rejected event %lld again; look at what became of it%s%s",
             (long long)r->retry.id,
             until[0] != '\0' ? "; if that was broken off, it can be sent from then on: " : "",
             until);
    return PROBLEM_RETRY_UNDER_WAY;
}

// Which event it is, and whether it may be sent.
static enum problem find_rejected(struct request *r, struct http_worker *worker) {
    struct wanted w = {.r = r};
    struct sales_reader *reader;
    struct error err = {0};
    if (!http_worker_reader(worker, &reader, &err)) {
        return failed(r, PROBLEM_QUERY_FAILED, &err);
    }
    if (!reader->ops->rejected(reader, r->retry.id + 1, 1, take_rejected, &w, &err)) {
        if (err.cls == ERROR_FATAL) {
            http_worker_drop_reader(worker);
        }
        return failed(r, PROBLEM_QUERY_FAILED, &err);
    }
    if (!w.found) {
        snprintf(r->detail, sizeof r->detail,
                 "there is no rejected event %lld (any more?); see /v1/rejected",
                 (long long)r->retry.id);
        return PROBLEM_NO_SUCH_EVENT;
    }
    return w.busy ? under_way(r) : PROBLEM_NONE;
}

static enum problem claim_try(struct request *r) {
    const struct http_options *o = &r->server->options;
    struct rejected_retries *retries;
    struct error err = {0};
    int64_t retried_ms = 0;
    if (!o->open_retries(o->user, &retries, &err)) {
        return failed(r, PROBLEM_STORE_UNAVAILABLE, &err);
    }
    bool ok = retries->ops->claim(retries, &r->retry, &retried_ms, &err);
    retries->ops->close(retries);
    if (!ok) {
        return failed(r, PROBLEM_STORE_UNAVAILABLE, &err);
    }
    if (retried_ms == 0) {
        r->retry.seen_ms = 0;
        return under_way(r);
    }
    r->retry.now_ms = retried_ms;
    return PROBLEM_NONE;
}

static void mark_replaced(struct rejected_retries *retries, struct http_worker *worker) {
    struct sales_reader *reader;
    struct error err = {0};
    if (!http_worker_reader(worker, &reader, &err)) {
        log_warn("http", "replaced rejected events cannot be marked: %s", err.text);
    } else if (!rejected_mark_replaced(reader, retries, &err)) {
        log_warn("http", "replaced rejected events cannot be marked: %s", err.text);
        http_worker_drop_reader(worker);
    }
}

// What became of the try; NULL: nothing was sent.
static void note_try(struct request *r, const char *verdict, struct http_worker *worker) {
    const struct http_options *o = &r->server->options;
    struct rejected_retries *retries;
    struct error err = {0};
    if (!o->open_retries(o->user, &retries, &err)) {
        log_warn("http", NOT_NOTED "%s", (long long)r->retry.id, err.text);
        return;
    }
    if (!retries->ops->put(retries, r->retry.id, r->retry.now_ms, verdict, &err)) {
        log_warn("http", NOT_NOTED "%s", (long long)r->retry.id, err.text);
    } else if (verdict != NULL) {
        mark_replaced(retries, worker);
    }
    retries->ops->close(retries);
}

// As one line, which is how what is submitted again is compared and parsed: outside of its strings
// JSON does not care which white space it has, inside it cannot have these.
static struct text as_line(struct http_body *body) {
    for (size_t i = 0; i < body->len; i++) {
        body->at[i] = (char)(body->at[i] == '\n' || body->at[i] == '\r' ? ' ' : body->at[i]);
    }
    return text_trim(body_text(body));
}

// A message of a topic that was kept in its envelope is submitted as the order within it.
static enum problem open_kept(struct request *r, struct order_json *parser, struct text *event) {
    struct rejection why;
    switch (envelope_open_kept(parser, *event, &r->submission->arena, event, &why)) {
    case ENVELOPE_EVENT:
        return PROBLEM_NONE;
    case ENVELOPE_NO_EVENT:
        snprintf(r->detail, sizeof r->detail, "there is no event in this message");
        return PROBLEM_BODY_UNREADABLE;
    case ENVELOPE_REJECTED:
        snprintf(r->detail, sizeof r->detail, "%s", why.message);
        return PROBLEM_BODY_UNREADABLE;
    case ENVELOPE_NO_MEMORY:
        break;
    }
    snprintf(r->detail, sizeof r->detail, "no memory for this event");
    return PROBLEM_MEMORY_FULL;
}

static enum problem read_event(struct request *r, struct http_worker *worker) {
    struct text body;
    enum problem p = http_orders_unpack(r, &body);
    if (p != PROBLEM_NONE) {
        return p;
    }
    struct text event = as_line(r->gzipped ? &r->unpacked : &r->body);
    r->form = BODY_LINES;
    p = open_kept(r, worker->parser, &event);
    if (p != PROBLEM_NONE) {
        return p;
    }
    p = http_orders_parse(r, worker->parser, event);
    if (p == PROBLEM_NONE && r->submission->n_events == 0) {
        snprintf(r->detail, sizeof r->detail, "the body has to be the event's text");
        return PROBLEM_BODY_UNREADABLE;
    }
    r->retry.sent_hash = rejected_text_hash(event);
    return p;
}

// --- From the loop to a worker, to the intake, to a worker, and back

static void send_problem(struct request *r) {
    http_reply_problem(r, r->problem, r->detail);
}

static void claim_job(struct http_job *job, struct http_worker *worker) {
    struct request *r = (struct request *)((char *)job - offsetof(struct request, job));
    enum problem p = read_event(r, worker);
    p = p == PROBLEM_NONE ? find_rejected(r, worker) : p;
    p = p == PROBLEM_NONE ? claim_try(r) : p;
    if (p == PROBLEM_NONE) {
        p = http_orders_offer(r);
        if (p == PROBLEM_NONE) {
            return; // not ours to touch any more
        }
        note_try(r, NULL, worker);
    }
    r->problem = p;
    r->on_loop = send_problem;
    http_complete(r);
}

static const char *verdict_of(const struct request *r) {
    bool later = r->server->options.intake.ops->judged_later;
    if (r->settled == SETTLE_TRY_LATER) {
        return NULL;
    }
    struct answer_counts n = answer_count(r->submission); // of a webhook, several
    return n.rejected > 0    ? "rejected"
           : n.accepted == 0 ? "duplicate"
           : later           ? "sent"
                             : "accepted";
}

static void note_job(struct http_job *job, struct http_worker *worker) {
    struct request *r = (struct request *)((char *)job - offsetof(struct request, job));
    note_try(r, verdict_of(r), worker);
    r->on_loop = http_orders_answer;
    http_complete(r);
}

void http_retry_settled(struct request *r) {
    r->job.run = note_job;
    if (!http_workers_submit(r->server->workers, JOB_ORDERS, &r->job)) {
        log_warn("http", NOT_NOTED "too many large requests wait", (long long)r->retry.id);
        http_orders_answer(r);
    }
}

void http_retry(struct request *r, const char *url) {
    struct http_server *s = r->server;
    r->retry = (struct rejected_claim){.now_ms = clock_now_ms(s->options.clock)};
    bool is_one = http_retry_path(url, &r->retry.id);
    r->submission = is_one ? http_submission_get(s) : NULL;
    if (r->submission == NULL) {
        http_reply_problem(r, PROBLEM_MEMORY_FULL, "no memory for this event");
        return;
    }
    r->job.run = claim_job;
    http_suspend(r);
    if (!http_workers_submit(s->workers, JOB_QUESTION, &r->job)) {
        http_reply_problem(r, PROBLEM_QUERY_FAILED, "too many questions wait already");
    }
}
