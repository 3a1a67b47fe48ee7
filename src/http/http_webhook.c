// SPDX-License-Identifier: MIT
// POST /v1/webhooks/shopify, /woocommerce, /stripe, once the body is complete.
//
// 0. A body is taken at all only when a signature came before it, and a secret is known to hold it
//    against (or of a ping, a short one).
// 1. Whoever sent it knows a secret of this system: the signature is held against the bytes as they
//    came, before anything reads them. No API key is asked for: senders of webhooks have none.
// 2. The body becomes events (webhook/webhook_map.h), here or, a large one, on a worker.
// 3. They go the way of all orders (http_orders.c). What was rejected is kept, so there is nothing
//    for the sender to do about it: 200 or 202.
//
// Ways to fail: a wrong signature or no secret (401), and what may pass: no memory, queue full,
// store down (503). A sender tries all of these again; nothing of it was taken. What does not count
// (another topic, a test, not paid yet) is 200 and counted.
#include "http/http_internal.h"

#include "base/log.h"
#include "http/http_answer.h"
#include "http/http_header.h"
#include "webhook/webhook_signature.h"
#include <stdio.h>
#include <string.h>

#define PATH "/v1/webhooks/"
enum { MAP_HERE_MAX_BYTES = 64 * 1024, TELL_EVERY_MS = 60 * 1000 };

bool http_webhook_path(const char *url, enum webhook_system *system) {
    return strncmp(url, PATH, sizeof PATH - 1) == 0 &&
           webhook_system_of(text_of(url + sizeof PATH - 1), system);
}

const char *http_webhook_result_name(enum webhook_result result) {
    switch (result) {
    case WEBHOOK_RESULT_PING:
        return "ping";
    case WEBHOOK_RESULT_REFUSED:
        return "refused";
    default:
        return webhook_outcome_name((enum webhook_outcome)result);
    }
}

static void webhook_count(struct request *r, enum webhook_result result) {
    r->server->stats.webhooks[r->webhook.system][result]++;
}

static void reply_text(struct request *r, const char *name, const char *value) {
    struct buf body = {0};
    buf_printf(&body, "{\"%s\":\"%s\"}", name, value);
    http_reply_buf(r, 200, "application/json", &body);
}

// --- Who sent it

static void look_at_secrets(struct http_server *s) {
    struct error err = {0};
    if (s->webhook_looked_ms != 0 && s->now_ms - s->webhook_looked_ms < KEYS_LOOK_EVERY_MS) {
        return;
    }
    s->webhook_looked_ms = s->now_ms;
    if (!webhook_keyring_refresh(s->webhook_keyring, &err)) {
        log_error("http", "%s; all webhooks are refused until it can be read", err.text);
    }
}

// The best that any secret of this system makes of it.
static enum webhook_signed check_secrets(struct request *r, struct text signature, size_t *n) {
    struct http_server *s = r->server;
    const struct webhook_secrets *all = webhook_keyring_secrets(s->webhook_keyring);
    enum webhook_signed best = WEBHOOK_WRONG_SIGNATURE;
    int64_t now_ms = clock_now_ms(s->options.clock);
    *n = 0;
    for (size_t i = 0; i < all->n; i++) {
        const struct webhook_secret *secret = &all->list[i];
        if (secret->system != r->webhook.system) {
            continue;
        }
        ++*n;
        enum webhook_signed is =
            webhook_check(secret->system, (struct text){secret->secret, secret->len}, signature,
                          body_text(&r->body), now_ms);
        best = is == WEBHOOK_SIGNED || best == WEBHOOK_WRONG_SIGNATURE ? is : best;
        if (best == WEBHOOK_SIGNED) {
            break;
        }
    }
    return best;
}

static const char *why_refused(struct request *r, enum webhook_signed is, size_t n_secrets) {
    if (webhook_keyring_problem(r->server->webhook_keyring) != NULL) {
        return "the file of webhook secrets cannot be read, so all are refused; the server's log "
               "says why";
    }
    if (n_secrets == 0) {
        return "no secret of this system is known here: `salestide webhook add`";
    }
    return is == WEBHOOK_TOO_OLD        ? "it was signed more than five minutes from now"
           : is == WEBHOOK_NO_SIGNATURE ? "the signature is missing, or not in the system's form"
                                        : "the signature is made with none of the secrets here, or "
                                          "the body was changed on its way";
}

static void count_refused(struct request *r, const char *why) {
    struct http_server *s = r->server;
    webhook_count(r, WEBHOOK_RESULT_REFUSED);
    if (s->webhook_told_ms == 0 || s->now_ms - s->webhook_told_ms >= TELL_EVERY_MS) {
        s->webhook_told_ms = s->now_ms;
        log_warn("http", "a webhook of %s is refused: %s", webhook_system_name(r->webhook.system),
                 why);
    }
}

static struct text webhook_header(struct request *r, const char *name) {
    return name != NULL ? text_of(MHD_lookup_connection_value(r->mhd, MHD_HEADER_KIND, name))
                        : TEXT_NONE;
}

static bool may_be_ping(struct request *r) {
    return r->webhook.system == WEBHOOK_WOOCOMMERCE &&
           header_is_type(webhook_header(r, "Content-Type"), "application/x-www-form-urlencoded");
}

static size_t count_secrets(const struct request *r) {
    const struct webhook_secrets *all = webhook_keyring_secrets(r->server->webhook_keyring);
    size_t n = 0;
    for (size_t i = 0; i < all->n; i++) {
        n += all->list[i].system == r->webhook.system;
    }
    return n;
}

size_t http_webhook_body_limit(struct request *r) {
    return may_be_ping(r) ? LOGIN_BODY_MAX_BYTES : WEBHOOK_BODY_MAX_BYTES;
}

void http_webhook_check_signature(struct request *r) {
    if (may_be_ping(r)) {
        return;
    }
    look_at_secrets(r->server);
    size_t n = count_secrets(r);
    if (n == 0 || webhook_header(r, webhook_signature_header(r->webhook.system)).len == 0) {
        const char *why = why_refused(r, WEBHOOK_NO_SIGNATURE, n);
        count_refused(r, why);
        http_refuse(r, PROBLEM_WRONG_SIGNATURE, why);
    }
}

// False: it is answered.
static bool is_signed(struct request *r) {
    size_t n = 0;
    look_at_secrets(r->server);
    struct text signature = webhook_header(r, webhook_signature_header(r->webhook.system));
    enum webhook_signed is = check_secrets(r, signature, &n);
    if (n > 0 && is == WEBHOOK_SIGNED) {
        return true;
    }
    const char *why = why_refused(r, is, n);
    count_refused(r, why);
    http_reply_problem(r, PROBLEM_WRONG_SIGNATURE, why);
    return false;
}

// When a webhook is made WooCommerce posts webhook_id=7 as a form, without a signature, and goes on
// only if that is answered 200. It says nothing, so nothing is lost by believing it.
static bool is_ping(struct request *r) {
    char id[24];
    size_t len;
    return may_be_ping(r) &&
           header_form_field(body_text(&r->body), "webhook_id", id, sizeof id, &len);
}

// --- What it says. Loop's or a worker's thread.

static enum problem map_body(struct request *r, struct order_json *parser) {
    const struct webhook hook = {.system = r->webhook.system,
                                 .topic = text_of(r->webhook.topic),
                                 .body = body_text(&r->body)};
    r->webhook.outcome = webhook_map(&hook, parser, r->server->options.rules, r->submission);
    if (r->webhook.outcome == WEBHOOK_NO_MEMORY || !http_orders_charge(r)) {
        snprintf(r->detail, sizeof r->detail,
                 "memory for requests in flight (--max-inflight) is used up");
        return PROBLEM_MEMORY_FULL;
    }
    return r->webhook.outcome == WEBHOOK_MAPPED ? http_orders_offer(r) : PROBLEM_NONE;
}

static void reply_ignored(struct request *r) {
    webhook_count(r, (enum webhook_result)r->webhook.outcome);
    reply_text(r, "ignored", webhook_outcome_name(r->webhook.outcome));
}

static void reply_failed(struct request *r) {
    http_reply_problem(r, r->problem, r->detail);
}

static void map_job(struct http_job *job, struct http_worker *worker) {
    struct request *r = (struct request *)((char *)job - offsetof(struct request, job));
    enum problem p = map_body(r, worker->parser);
    if (p == PROBLEM_NONE && r->webhook.outcome == WEBHOOK_MAPPED) {
        return; // the intake has it: not ours to touch any more
    }
    r->problem = p;
    r->on_loop = p == PROBLEM_NONE ? reply_ignored : reply_failed;
    http_complete(r);
}

static void map_on_worker(struct request *r) {
    r->job.run = map_job;
    http_suspend(r);
    if (!http_workers_submit(r->server->workers, JOB_ORDERS, &r->job)) {
        http_reply_problem(
            r, PROBLEM_QUEUE_FULL,
            "too many large requests wait to be read; nothing of this one was taken");
    }
}

void http_webhook(struct request *r) {
    struct http_server *s = r->server;
    if (is_ping(r)) {
        webhook_count(r, WEBHOOK_RESULT_PING);
        reply_text(r, "status", "ready");
        return;
    }
    if (!is_signed(r)) {
        return;
    }
    struct text topic = webhook_header(r, webhook_topic_header(r->webhook.system));
    snprintf(r->webhook.topic, sizeof r->webhook.topic, "%.*s", TEXT_ARG(topic));
    r->submission = http_submission_get(s);
    if (r->submission == NULL) {
        http_reply_problem(r, PROBLEM_MEMORY_FULL, "no memory for this webhook");
        return;
    }
    if (r->body.len > MAP_HERE_MAX_BYTES) {
        map_on_worker(r);
        return;
    }
    enum problem p = map_body(r, s->parser);
    if (p != PROBLEM_NONE) {
        http_reply_problem(r, p, r->detail);
    } else if (r->webhook.outcome == WEBHOOK_MAPPED) {
        http_park(r);
    } else {
        reply_ignored(r);
    }
}

// --- The answer

void http_webhook_answer(struct request *r) {
    if (r->settled == SETTLE_TRY_LATER) {
        http_orders_answer(r);
        return;
    }
    webhook_count(r, WEBHOOK_RESULT_MAPPED);
    struct answer_counts counts = answer_count(r->submission);
    if (r->submission->n_events == 1 && counts.rejected == 0) {
        http_reply_cached(r, counts.accepted > 0 ? ANSWER_ACCEPTED_ONE : ANSWER_DUPLICATE_ONE);
        return;
    }
    buf_put_char(&r->answer.body, '{');
    answer_put_counts(&r->answer.body, r->submission, &counts);
    http_reply_buf(r, counts.accepted + counts.duplicate > 0 ? 202 : 200, "application/json",
                   &r->answer.body);
}
