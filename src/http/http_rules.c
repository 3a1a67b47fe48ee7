// SPDX-License-Identifier: MIT
// GET and PUT /v1/alerts/rules: the file of rules, as its text.
//
// A worker reads or replaces it (http_ports.h), since that waits for a disk; the loop answers. Each
// text has a tag (ETag). With If-Match a text takes the place of the one with that tag alone, so
// that of two people who edit the same text the second is told, instead of undoing the first.
//
// How a PUT fails: a rule is wrong (422, with its line, its name and the part of it that is), the
// text has been changed meanwhile (412), the file cannot be written (503). Nothing is changed then.
#include "http/http_internal.h"

#include "base/mem.h"
#include <stdio.h>

#define TEXT_TYPE "text/plain; charset=utf-8"

// In r->question while a worker has the request.
struct rules_call {
    char if_match[RULES_TAG_BYTES]; // empty: none
    struct rules_mistake mistake;
};

static void get_job(struct http_job *job, struct http_worker *worker) {
    struct request *r = (struct request *)((char *)job - offsetof(struct request, job));
    const struct http_rules *rules = &r->server->options.rules_of_alerts;
    struct error err = {0};
    UNUSED(worker);
    r->problem = PROBLEM_NONE;
    r->status = 200;
    r->answer.content_type = TEXT_TYPE;
    if (!rules->get(rules->of, &r->answer.body, r->answer.etag, &err)) {
        snprintf(r->detail, sizeof r->detail, "%s", err.text);
        r->problem = PROBLEM_RULES_UNAVAILABLE;
    }
    http_complete(r);
}

static void put_job(struct http_job *job, struct http_worker *worker) {
    struct request *r = (struct request *)((char *)job - offsetof(struct request, job));
    const struct http_rules *rules = &r->server->options.rules_of_alerts;
    struct rules_call *call = r->question;
    struct error err = {0};
    UNUSED(worker);
    r->status = 204;
    struct text lines = body_text(&r->body), known = text_of(call->if_match);
    switch (rules->put(rules->of, lines, known.len > 0 ? known : TEXT_NONE, r->answer.etag,
                       &call->mistake, &err)) {
    case RULES_TAKEN:
        r->problem = PROBLEM_NONE;
        break;
    case RULES_WRONG:
        r->problem = PROBLEM_RULES_WRONG;
        break;
    case RULES_OTHERS:
        r->problem = PROBLEM_RULES_CHANGED;
        snprintf(r->detail, sizeof r->detail,
                 "somebody has changed the rules since you read them: get them again");
        break;
    case RULES_NOT_WRITTEN:
        r->problem = PROBLEM_RULES_UNAVAILABLE;
        snprintf(r->detail, sizeof r->detail, "%s; no rule was changed", err.text);
        break;
    }
    http_complete(r);
}

static void send_mistake(struct request *r) {
    const struct rules_mistake *m = &((struct rules_call *)r->question)->mistake;
    struct buf body = {0};
    char detail[DETAIL_BYTES];
    bool named = m->rule[0] != '\0';
    snprintf(detail, sizeof detail, "line %zu%s%s: %s; no rule was changed", m->line,
             named ? ", rule " : "", m->rule, m->text);
    problem_open(&body, PROBLEM_RULES_WRONG, detail);
    buf_printf(&body, ",\"line\":%zu,\"rule\":", m->line);
    if (named) {
        buf_put_json(&body, text_of(m->rule));
    } else {
        buf_put_str(&body, "null");
    }
    buf_printf(&body, ",\"part\":\"%s\",\"message\":", m->part);
    buf_put_json(&body, text_of(m->text));
    buf_put_char(&body, '}');
    http_reply_buf(r, problem_kind(PROBLEM_RULES_WRONG)->status, "application/problem+json", &body);
}

static void send_answer(struct request *r) {
    if (r->problem == PROBLEM_NONE) {
        http_reply_answer(r, r->status, &r->answer);
        return;
    }
    buf_free(&r->answer.body);
    if (r->problem == PROBLEM_RULES_WRONG) {
        send_mistake(r);
    } else {
        http_reply_problem(r, r->problem, r->detail);
    }
}

// One tag; "*" is any.
static void read_if_match(struct request *r, struct rules_call *call) {
    struct text tag =
        text_trim(text_of(MHD_lookup_connection_value(r->mhd, MHD_HEADER_KIND, "If-Match")));
    if (tag.len > 2 && memcmp(tag.at, "W/", 2) == 0) { // a proxy that packs makes it weak
        tag.at += 2;
        tag.len -= 2;
    }
    if (!text_equal(tag, TEXT_LIT("*"))) {
        // One that is too long is none of ours, and stays that.
        snprintf(call->if_match, sizeof call->if_match, "%.*s", (int)tag.len,
                 tag.len > 0 ? tag.at : "");
    }
}

void http_rules(struct request *r) {
    struct rules_call *call = try_alloc(sizeof *call);
    r->question = call;
    if (call == NULL) {
        http_reply_problem(r, PROBLEM_MEMORY_FULL, "no memory for this call");
        return;
    }
    *call = (struct rules_call){.if_match = ""};
    read_if_match(r, call);
    r->job.run = r->route == ROUTE_RULES_PUT ? put_job : get_job;
    r->on_loop = send_answer;
    http_suspend(r);
    if (!http_workers_submit(r->server->workers, JOB_QUESTION, &r->job)) {
        http_reply_problem(r, PROBLEM_QUERY_FAILED, "too many questions wait already");
    }
}
