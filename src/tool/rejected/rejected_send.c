// SPDX-License-Identifier: MIT
// An event's way: its try is claimed in rejected_retries, its text goes as a line of NDJSON to the
// server, the verdict to standard output and beside the claim. A try that came to nothing is
// forgotten again. What cannot be noted ends the whole, since it would be sent for ever.
#include "tool/rejected/rejected_send.h"

#include "base/clock.h"
#include "base/mem.h"
#include "format/envelope.h"
#include "store/rejected_texts.h"
#include "tool/http_client.h"
#include "tool/post_reply.h"
#include "tool/rejected/rejected_kafka.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    IN_FLIGHT = 8,
    ATTEMPT_TIMEOUT_MS = 30 * 1000,
    FIRST_CONTACT_MS = 5 * 1000,
    GIVE_UP_MS = 60 * 1000,
};

struct rejected_sender {
    struct rejected_retries *retries;
    struct rejected_found *tries; // all that were claimed; a request's tag is its place here
    size_t n_tries, cap_tries;
    struct http_client *client;   // NULL: into a topic
    struct rejected_kafka *topic; // NULL: to a server
    int64_t n_sent;               // into a topic
    int64_t n_accepted, n_duplicate, n_rejected, n_failed;
    struct order_json *parser; // opens what was kept of a message in an envelope
    struct arena arena;        // of one event
    struct error failure;      // ends it
};

void rejected_print_text(struct text t, bool one_line) {
    while (t.len > 0) {
        size_t taken;
        size_t n = text_shown(t, &taken);
        char c = t.at[0];
        if (n > 0 || (!one_line && (c == '\n' || c == '\t'))) {
            fwrite(t.at, 1, taken, stdout);
        } else {
            putchar(c == '\n' || c == '\t' || c == '\r' ? ' ' : '?');
        }
        t.at += taken;
        t.len -= taken;
    }
}

static void keep_failure(struct rejected_sender *s, const struct error *err) {
    if (s->failure.cls == ERROR_NONE) {
        s->failure = *err;
    }
}

// verdict NULL: it was not sent.
static void note(struct rejected_sender *s, int64_t tag, const char *verdict, const char *why) {
    const struct rejected_found *t = &s->tries[tag];
    struct error err = {0};
    if (verdict == NULL) {
        rejected_sender_skip(s, t->id, why);
    } else {
        printf("%" PRId64 " %s%s", t->id, verdict, why[0] != '\0' ? ": " : "");
        rejected_print_text(text_of(why), true);
        putchar('\n');
    }
    if (!s->retries->ops->put(s->retries, t->id, t->retried_ms, verdict, &err)) {
        keep_failure(s, &err);
    }
}

struct why {
    char text[600];
};

static void take_error(void *user, const struct post_error *error) {
    struct why *why = user;
    snprintf(why->text, sizeof why->text, "%s (%s)", error->message, error->code);
}

static void rejected_send_answered(void *user, const struct http_reply *reply) {
    struct rejected_sender *s = user;
    struct post_counts counts;
    struct why why = {""};
    if (reply->problem != NULL) {
        note(s, reply->tag, NULL, reply->problem);
        return;
    }
    if (!post_reply_read(reply->body, &counts, take_error, &why)) {
        note(s, reply->tag, NULL, "the answer is none of a Salestide server");
        return;
    }
    s->n_accepted += counts.accepted;
    s->n_duplicate += counts.duplicate;
    s->n_rejected += counts.rejected;
    note(s, reply->tag,
         counts.rejected > 0   ? "rejected" // of a webhook, several
         : counts.accepted > 0 ? "accepted"
                               : "duplicate",
         why.text);
}

static void tell_trouble(void *user, const char *text) {
    UNUSED(user);
    fprintf(stderr, "salestide rejected: %s\n", text);
}

static void sent(void *user, int64_t tag, const char *verdict, const char *why) {
    struct rejected_sender *s = user;
    bool rejected = verdict != NULL && strcmp(verdict, "rejected") == 0;
    s->n_rejected += rejected;
    s->n_sent += verdict != NULL && !rejected;
    note(s, tag, verdict, why);
}

static bool open_client(struct rejected_sender *s, const struct send_to *to, struct error *err) {
    const struct http_client_options options = {
        .url = to->url,
        .key = to->key,
        .max_in_flight = IN_FLIGHT,
        .attempt_timeout_ms = ATTEMPT_TIMEOUT_MS,
        .first_contact_ms = FIRST_CONTACT_MS,
        .give_up_ms = GIVE_UP_MS,
        .done = rejected_send_answered,
        .user = s,
        .trouble = tell_trouble,
    };
    return http_client_new(&options, &s->client, err);
}

bool rejected_sender_open(const struct send_to *to, struct rejected_retries *retries,
                          struct rejected_sender **out, struct error *err) {
    struct rejected_sender *s = mem_zalloc(1, sizeof *s);
    s->retries = retries;
    s->parser = mem_must(order_json_new(NULL));
    bool ok = to->kind == SEND_TO_TOPIC ? rejected_kafka_open(to, sent, s, &s->topic, err)
                                        : open_client(s, to, err);
    if (!ok) {
        rejected_sender_close(s);
        return false;
    }
    *out = s;
    return true;
}

// False: somebody else was faster, or it failed.
static bool claim_try(struct rejected_sender *s, const struct rejected_found *found,
                      struct text event, int64_t *tag) {
    const struct rejected_claim claim = {.id = found->id,
                                         .seen_ms = found->retried_ms,
                                         .now_ms = clock_now_ms(clock_system()),
                                         .sent_hash = rejected_text_hash(event)};
    struct error err = {0};
    int64_t retried_ms;
    if (!s->retries->ops->claim(s->retries, &claim, &retried_ms, &err)) {
        keep_failure(s, &err);
        return false;
    }
    if (retried_ms == 0) {
        rejected_sender_skip(s, found->id, "somebody else has sent it again meanwhile");
        return false;
    }
    if (s->n_tries == s->cap_tries) {
        s->cap_tries = s->cap_tries > 0 ? s->cap_tries * 2 : 64;
        s->tries = mem_realloc(s->tries, s->cap_tries * sizeof *s->tries);
    }
    *tag = (int64_t)s->n_tries;
    s->tries[s->n_tries++] = (struct rejected_found){found->id, retried_ms};
    return true;
}

// An event's text is posted as a line, so it may not have several: outside of its strings JSON
// does not care which white space it has, inside it cannot have these.
static void post_line(struct rejected_sender *s, int64_t tag, struct text event) {
    struct buf body = {0};
    buf_put_text(&body, text_trim(event)); // as it is compared later
    for (size_t i = 0; i < body.len; i++) {
        body.at[i] = (char)(body.at[i] == '\n' || body.at[i] == '\r' ? ' ' : body.at[i]);
    }
    buf_put_char(&body, '\n');
    if (body.failed) {
        buf_free(&body);
        note(s, tag, NULL, "out of memory");
        return;
    }
    http_client_post(s->client, &body, tag);
}

// A message in an envelope is sent as the order within; one without an order is not sent.
static bool open_kept(struct rejected_sender *s, int64_t id, struct text kept, struct text *event) {
    struct rejection why = {0};
    arena_reset(&s->arena);
    switch (envelope_open_kept(s->parser, kept, &s->arena, event, &why)) {
    case ENVELOPE_EVENT:
        return true;
    case ENVELOPE_NO_EVENT:
        rejected_sender_skip(s, id, "there is no event in this message that could be counted");
        return false;
    case ENVELOPE_REJECTED:
        rejected_sender_skip(s, id, why.message);
        return false;
    case ENVELOPE_NO_MEMORY:
        break;
    }
    rejected_sender_skip(s, id, "out of memory");
    return false;
}

void rejected_sender_post(struct rejected_sender *s, const struct rejected_found *found,
                          struct text kept) {
    struct text event;
    int64_t tag;
    if (!open_kept(s, found->id, kept, &event) || !claim_try(s, found, event, &tag)) {
        return;
    }
    if (s->topic != NULL) {
        rejected_kafka_post(s->topic, tag, event);
    } else {
        post_line(s, tag, event);
    }
}

bool rejected_sender_mark(struct rejected_sender *s, struct sales_reader *reader,
                          struct error *err) {
    return rejected_mark_replaced(reader, s->retries, err);
}

void rejected_sender_skip(struct rejected_sender *s, int64_t id, const char *why) {
    s->n_failed++;
    printf("%" PRId64 " not sent: %s\n", id, why);
}

bool rejected_sender_failed(const struct rejected_sender *s) {
    return s->failure.cls != ERROR_NONE;
}

bool rejected_sender_end(struct rejected_sender *s, bool *all, struct error *err) {
    if (s->topic != NULL) {
        rejected_kafka_finish(s->topic);
        printf("%" PRId64 " sent into the topic again, %" PRId64 " rejected\n", s->n_sent,
               s->n_rejected);
    } else {
        http_client_finish(s->client);
        int64_t n = s->n_accepted + s->n_duplicate + s->n_rejected;
        printf("%" PRId64 " submitted again: %" PRId64 " accepted, %" PRId64 " duplicate, %" PRId64
               " rejected\n",
               n, s->n_accepted, s->n_duplicate, s->n_rejected);
    }
    *all = s->n_rejected == 0 && s->n_failed == 0;
    *err = s->failure;
    return s->failure.cls == ERROR_NONE;
}

void rejected_sender_close(struct rejected_sender *s) {
    if (s == NULL) {
        return;
    }
    http_client_free(s->client);
    rejected_kafka_close(s->topic);
    if (s->retries != NULL) {
        s->retries->ops->close(s->retries);
    }
    order_json_free(s->parser);
    arena_free(&s->arena);
    free(s->tries);
    free(s);
}
