// SPDX-License-Identifier: MIT
// Demo orders to a server: each body is posted, some at a time.
#include "base/clock.h"
#include "base/mem.h"
#include "base/stop.h"
#include "tool/generate/demo_target.h"
#include "tool/http_client.h"
#include "tool/post_reply.h"
#include "webhook/webhook_signature.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    IN_FLIGHT = 4,
    ATTEMPT_TIMEOUT_MS = 30 * 1000,
    FIRST_CONTACT_MS = 10 * 1000,
    GIVE_UP_MS = 60 * 1000,
};

struct demo_http {
    struct demo_target base;
    struct http_client *client;
    struct demo_signing signing;
    struct post_counts answered;
    char problem[512]; // "" until something went wrong for good
};

static struct demo_http *demo_http_of(struct demo_target *t) {
    return (struct demo_http *)t;
}

static void demo_http_answered(void *user, const struct http_reply *reply) {
    struct demo_http *d = user;
    struct post_counts counts;
    if (reply->problem == NULL && post_reply_read(reply->body, &counts, NULL, NULL)) {
        d->answered.accepted += counts.accepted;
        d->answered.duplicate += counts.duplicate;
        d->answered.rejected += counts.rejected;
        return;
    }
    snprintf(d->problem, sizeof d->problem, "%s",
             reply->problem != NULL ? reply->problem
                                    : "the answer cannot be understood; is it a Salestide server?");
}

static bool user_stops(void *user) {
    UNUSED(user);
    return stop_asked();
}

static void tell_trouble(void *user, const char *text) {
    UNUSED(user);
    fprintf(stderr, "salestide generate: %s\n", text);
}

static void send_body(struct demo_target *t, struct buf *body) {
    // What takes an order back must not overtake it.
    if (memmem(body->at, body->len, "\"event\"", 7) != NULL) {
        http_client_finish(demo_http_of(t)->client);
    }
    http_client_post(demo_http_of(t)->client, body, 0);
}

static void send_webhook(struct demo_target *t, const char *topic, struct buf *body) {
    struct demo_http *d = demo_http_of(t);
    enum webhook_system system = d->signing.system;
    char mac[WEBHOOK_SIGNED_MAX_BYTES], lines[HTTP_CLIENT_LINES_MAX][256];
    if (!webhook_sign(system, text_of(d->signing.secret), buf_text(body),
                      clock_now_ms(clock_system()), mac)) {
        snprintf(d->problem, sizeof d->problem, "OpenSSL has no SHA-256");
        buf_free(body);
        return;
    }
    snprintf(lines[0], sizeof lines[0], "%s: %s", webhook_signature_header(system), mac);
    snprintf(lines[1], sizeof lines[1], "%s: %s",
             topic != NULL ? webhook_topic_header(system) : "Accept",
             topic != NULL ? topic : "*/*");
    const char *const both[] = {lines[0], lines[1]};
    http_client_post_with(d->client, body, 0, both, topic != NULL ? 2 : 1);
}

static void drive(struct demo_target *t, int timeout_ms) {
    http_client_drive(demo_http_of(t)->client, timeout_ms);
}

static void demo_http_finish(struct demo_target *t) {
    http_client_finish(demo_http_of(t)->client);
}

static const char *problem_of(const struct demo_target *t) {
    const struct demo_http *d = (const struct demo_http *)t;
    return d->problem[0] != '\0' ? d->problem : NULL;
}

static struct demo_counts counts_of(struct demo_target *t) {
    const struct post_counts *c = &demo_http_of(t)->answered;
    return (struct demo_counts){c->accepted, c->duplicate, c->rejected, .judged = true};
}

static void close_target(struct demo_target *t) {
    http_client_free(demo_http_of(t)->client);
    free(t);
}

bool demo_http_open(const struct send_to *to, struct demo_signing signing, struct demo_target **out,
                    struct error *err) {
    static const struct demo_target_ops ops = {.send = send_body,
                                               .send_webhook = send_webhook,
                                               .drive = drive,
                                               .finish = demo_http_finish,
                                               .problem = problem_of,
                                               .counts = counts_of,
                                               .close = close_target};
    struct demo_http *d = mem_zalloc(1, sizeof *d);
    struct http_client_options options = {.url = to->url,
                                          .key = to->key,
                                          .max_in_flight = IN_FLIGHT,
                                          .attempt_timeout_ms = ATTEMPT_TIMEOUT_MS,
                                          .first_contact_ms = FIRST_CONTACT_MS,
                                          .give_up_ms = GIVE_UP_MS,
                                          .done = demo_http_answered,
                                          .user = d,
                                          .stopping = user_stops,
                                          .trouble = tell_trouble};
    char path[64];
    if (signing.secret != NULL) {
        snprintf(path, sizeof path, "/v1/webhooks/%s", webhook_system_name(signing.system));
        options.path = path;
        options.content_type = "application/json";
    }
    d->signing = signing;
    d->base.ops = &ops;
    if (!http_client_new(&options, &d->client, err)) {
        free(d);
        return false;
    }
    *out = &d->base;
    return true;
}
