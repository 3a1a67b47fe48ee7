// SPDX-License-Identifier: MIT
// POST /v1/orders, once the body is complete.
//
// 1. Small bodies are parsed here, on the loop's thread (an order takes less than a microsecond);
//    large or packed ones on a worker.
// 2. The submission goes to the engine's queue; the request is parked.
// 3. The engine settles it after the commit and gives it back; the answer is rendered (long ones on
//    a worker) and sent.
//
// Ways to fail: the body as a whole is unreadable (400), too many events (413), no memory or queue
// full (503), the engine could not store it (503: nothing of it was stored). Who has the request:
// loop -> (worker) -> engine -> loop -> (worker -> loop).
#include "http/http_internal.h"

#include "base/log.h"
#include "format/order_json.h"
#include "http/http_answer.h"
#include "webhook/webhook_map.h"
#include <stdio.h>
#include <stdlib.h>

enum {
    PARSE_HERE_MAX_BYTES = 64 * 1024,
    RENDER_HERE_MAX_ERRORS = 200,
    ERROR_BYTES = 400, // of one rendered error, about
    KEPT_SUBMISSION_MAX_BYTES = 64 * 1024,
    FREE_SUBMISSIONS_MAX = 2048,
    CHARGE_EVERY_EVENTS = 1024,
    // So many times its length is what a body takes: a guess, by which slow uploads give way to one
    // that is complete.
    PARSED_TO_ABOUT = 2,
    UNPACKS_TO_ABOUT = 8,
};

// --- Submissions are reused: their memory is the largest part of a small request.

struct submission *http_submission_get(struct http_server *s) {
    struct submission *sub = s->free_submissions;
    if (sub == NULL) {
        return submission_new(NULL);
    }
    s->free_submissions = sub->next;
    s->n_free_submissions--;
    if (s->n_free_submissions < s->low_free_submissions) {
        s->low_free_submissions = s->n_free_submissions;
    }
    return sub;
}

void http_submission_recycle(struct http_server *s, struct submission *sub) {
    if (sub == NULL) {
        return;
    }
    if (s->n_free_submissions >= FREE_SUBMISSIONS_MAX ||
        submission_bytes(sub) > KEPT_SUBMISSION_MAX_BYTES) {
        submission_free(sub);
        return;
    }
    arena_reset(&sub->arena);
    sub->n_events = 0;
    sub->next = s->free_submissions;
    s->free_submissions = sub;
    s->n_free_submissions++;
}

void http_submissions_trim(struct http_server *s, bool all) {
    size_t spare = all ? s->n_free_submissions : s->low_free_submissions;
    for (; spare > 0; spare--) { // as many as were never needed since the last time
        struct submission *sub = s->free_submissions;
        s->free_submissions = sub->next;
        s->n_free_submissions--;
        submission_free(sub);
    }
    s->low_free_submissions = s->n_free_submissions;
}

// --- Parsing. Loop's or a worker's thread.

static bool charge(struct request *r, size_t n_bytes) {
    if (n_bytes <= r->charged_bytes) {
        return true;
    }
    if (!budget_take(&r->server->budget, n_bytes - r->charged_bytes)) {
        return false;
    }
    r->charged_bytes = n_bytes;
    return true;
}

bool http_orders_charge(struct request *r) {
    return charge(r, submission_bytes(r->submission));
}

static enum problem no_memory(struct request *r) {
    snprintf(r->detail, sizeof r->detail,
             "memory for requests in flight (--max-inflight) is used up");
    return PROBLEM_MEMORY_FULL;
}

static enum problem unreadable(struct request *r, size_t offset, const char *what) {
    snprintf(r->detail, sizeof r->detail, "at byte %zu of the body: %s", offset, what);
    return PROBLEM_BODY_UNREADABLE;
}

// A rejected webhook that is submitted again, in the place of the newest event.
static enum problem take_kept_webhook(struct request *r, struct order_json *parser,
                                      struct text raw) {
    r->submission->n_events--;
    enum webhook_outcome outcome =
        webhook_map_kept(raw, parser, r->server->options.rules, r->submission);
    return outcome == WEBHOOK_NO_MEMORY ? no_memory(r) : PROBLEM_NONE;
}

// Parses one event's text into the submission.
static enum problem take_event(struct request *r, struct order_json *parser, struct text body,
                               struct text raw, enum split_state form) {
    struct submission *sub = r->submission;
    struct event *e = submission_add(sub);
    if (e == NULL) {
        return no_memory(r);
    }
    e->raw = raw;
    struct rejection why;
    switch (order_json_parse(parser, r->server->options.rules, raw, &sub->arena, &e->order, &why)) {
    case ORDER_JSON_OK:
        return PROBLEM_NONE;
    case ORDER_JSON_NO_MEMORY:
        return no_memory(r);
    case ORDER_JSON_BROKEN:
        // One document: where it breaks nobody can tell what follows, unless it is in a string.
        if (form == SPLIT_ONE ||
            (form == SPLIT_ARRAY && !order_json_is_whole(parser, raw, &sub->arena))) {
            return unreadable(r, (size_t)(raw.at - body.at), why.message);
        }
        break;
    case ORDER_JSON_REJECTED:
        // Alone, as it is retried: what it is mapped to would shift the places of those after it.
        if (raw.len == text_trim(body).len && webhook_is_kept(raw)) {
            return take_kept_webhook(r, parser, raw);
        }
        break;
    }
    return submission_reject(sub, e, &why) ? PROBLEM_NONE : no_memory(r);
}

enum problem http_orders_parse(struct request *r, struct order_json *parser, struct text body) {
    const struct http_limits *limits = &r->server->options.limits;
    struct body_split split;
    struct text raw;
    enum body_next next;
    body_split_start(&split, body, r->form);
    const enum split_state form = split.state;
    while ((next = body_split_next(&split, &raw)) == BODY_EVENT) {
        size_t n = r->submission->n_events;
        if (n >= (size_t)limits->events) {
            snprintf(r->detail, sizeof r->detail,
                     "more than %lld events in one request: send several requests",
                     (long long)limits->events);
            return PROBLEM_TOO_MANY_EVENTS;
        }
        if (n % CHARGE_EVERY_EVENTS == 0 && !charge(r, submission_bytes(r->submission))) {
            return no_memory(r);
        }
        enum problem p = take_event(r, parser, body, raw, form);
        if (p != PROBLEM_NONE) {
            return p;
        }
    }
    if (next == BODY_MALFORMED) {
        size_t offset = 0;
        const char *what = body_split_problem(&split, &offset);
        return unreadable(r, offset, what);
    }
    return http_orders_charge(r) ? PROBLEM_NONE : no_memory(r);
}

// --- To the engine and back.

static void on_settled(struct submission *sub, enum settle_result result) {
    struct request *r = sub->user;
    r->settled = result;
    r->on_loop = r->route == ROUTE_RETRY     ? http_retry_settled
                 : r->route == ROUTE_WEBHOOK ? http_webhook_answer
                                             : http_orders_answer;
    http_complete(r);
}

enum problem http_orders_offer(struct request *r) {
    struct http_server *s = r->server;
    struct submission *sub = r->submission;
    sub->arrival_ms = clock_now_ms(s->options.clock);
    sub->budget_bytes = r->charged_bytes;
    sub->settled = on_settled;
    sub->user = r;
    if (intake_offer(s->options.intake, sub)) {
        return PROBLEM_NONE; // from here on the intake has the submission, and with it the request
    }
    struct intake intake = s->options.intake;
    char problem[INTAKE_PROBLEM_BYTES];
    bool full = intake_ready(intake, problem) || intake_events(intake) >= intake_capacity(intake);
    snprintf(r->detail, sizeof r->detail, "%s; nothing of this request was taken",
             full ? "too many events wait to be stored (--queue-events)" : problem);
    return full ? PROBLEM_QUEUE_FULL : PROBLEM_STORE_UNAVAILABLE;
}

// --- The answer. Loop's thread, long ones rendered by a worker.

static void send_rendered(struct request *r) {
    bool problem = r->status == 422;
    http_reply_buf(r, r->status, problem ? "application/problem+json" : "application/json",
                   &r->answer.body);
}

static void render(struct request *r, const struct answer_counts *counts) {
    r->status = answer_status(counts);
    answer_put(&r->answer.body, r->submission, counts);
}

static void render_job(struct http_job *job, struct http_worker *worker) {
    struct request *r = (struct request *)((char *)job - offsetof(struct request, job));
    UNUSED(worker);
    struct answer_counts counts = answer_count(r->submission);
    render(r, &counts);
    r->on_loop = send_rendered;
    http_complete(r);
}

static void reply_try_later(struct request *r) {
    const struct http_options *o = &r->server->options;
    char problem[INTAKE_PROBLEM_BYTES], detail[DETAIL_BYTES];
    if (o->ready(o->user, problem)) { // again by now
        snprintf(problem, sizeof problem, "it could not be stored");
    }
    snprintf(detail, sizeof detail, "%s; %s", problem, o->intake.ops->try_later);
    http_reply_problem(r, PROBLEM_STORE_UNAVAILABLE, detail);
}

void http_orders_answer(struct request *r) {
    struct submission *sub = r->submission;
    if (r->settled == SETTLE_TRY_LATER) {
        reply_try_later(r);
        return;
    }
    if (sub->n_events == 1 && sub->events[0].verdict != VERDICT_REJECTED) {
        http_reply_cached(r, sub->events[0].verdict == VERDICT_ACCEPTED ? ANSWER_ACCEPTED_ONE
                                                                        : ANSWER_DUPLICATE_ONE);
        return;
    }
    struct answer_counts counts = answer_count(sub);
    if (counts.rejected > RENDER_HERE_MAX_ERRORS) {
        // Charged without asking: the orders are stored, the client must hear of it.
        size_t more = counts.rejected * ERROR_BYTES;
        atomic_fetch_add(&r->server->budget.used_bytes, more);
        r->charged_bytes += more;
        r->job.run = render_job;
        if (r->state.now == REQUEST_RETURNED) {
            http_suspend(r);
        }
        if (http_workers_submit(r->server->workers, JOB_ORDERS, &r->job)) {
            return;
        }
    }
    render(r, &counts);
    send_rendered(r);
}

// --- A complete body.

static void send_problem(struct request *r) {
    http_reply_problem(r, r->problem, r->detail);
}

// An empty array: nothing for the engine to do.
static void send_nothing(struct request *r) {
    struct answer_counts none = {0};
    render(r, &none);
    send_rendered(r);
}

// Unpacks the body if need be. Worker's thread.
enum problem http_orders_unpack(struct request *r, struct text *body) {
    const struct http_limits *limits = &r->server->options.limits;
    *body = body_text(&r->body);
    if (!r->gzipped) {
        return PROBLEM_NONE;
    }
    switch (body_gunzip(*body, limits->decompressed_bytes, &r->server->budget, &r->unpacked)) {
    case BODY_OK:
        body_clear(&r->body, &r->server->budget); // the packed bytes are no longer needed
        *body = body_text(&r->unpacked);
        return PROBLEM_NONE;
    case BODY_NO_BUDGET:
        return no_memory(r);
    case BODY_TOO_LARGE:
        snprintf(r->detail, sizeof r->detail,
                 "the body unpacks to more than %zu bytes: send several requests",
                 limits->decompressed_bytes);
        return PROBLEM_BODY_TOO_LARGE;
    case BODY_BROKEN:
        break;
    }
    snprintf(r->detail, sizeof r->detail, "the body is not whole gzip data");
    return PROBLEM_BODY_UNREADABLE;
}

static void parse_job(struct http_job *job, struct http_worker *worker) {
    struct request *r = (struct request *)((char *)job - offsetof(struct request, job));
    struct text body;
    enum problem p = http_orders_unpack(r, &body);
    if (p == PROBLEM_NONE) {
        p = http_orders_parse(r, worker->parser, body);
    }
    if (p == PROBLEM_NONE && r->submission->n_events == 0) {
        r->on_loop = send_nothing;
        http_complete(r);
        return;
    }
    if (p == PROBLEM_NONE) {
        p = http_orders_offer(r);
    }
    if (p != PROBLEM_NONE) { // otherwise the engine has it: not ours to touch any more
        r->problem = p;
        r->on_loop = send_problem;
        http_complete(r);
    }
}

static void parse_on_worker(struct request *r) {
    struct http_server *s = r->server;
    size_t needs = r->body.len * (r->gzipped ? UNPACKS_TO_ABOUT : 1) * PARSED_TO_ABOUT;
    while (budget_left(&s->budget) < needs && http_upload_shed(s, r)) {
    }
    r->job.run = parse_job;
    http_suspend(r);
    if (!http_workers_submit(r->server->workers, JOB_ORDERS, &r->job)) {
        http_reply_problem(
            r, PROBLEM_QUEUE_FULL,
            "too many large requests wait to be read; nothing of this one was taken");
    }
}

void http_orders(struct request *r) {
    struct http_server *s = r->server;
    r->submission = http_submission_get(s);
    if (r->submission == NULL) {
        http_reply_problem(r, no_memory(r), r->detail);
        return;
    }
    if (r->gzipped || r->body.len > PARSE_HERE_MAX_BYTES) {
        parse_on_worker(r);
        return;
    }
    enum problem p = http_orders_parse(r, s->parser, body_text(&r->body));
    if (p == PROBLEM_NONE && r->submission->n_events == 0) {
        send_nothing(r);
        return;
    }
    if (p == PROBLEM_NONE) {
        p = http_orders_offer(r);
    }
    if (p == PROBLEM_NONE) {
        http_park(r);
    } else {
        http_reply_problem(r, p, r->detail);
    }
}
