// SPDX-License-Identifier: MIT
// Fuzzes what webhooks are made of. The first byte of an input is the system and its topic; the
// rest is the body, and a signature's header too.
//
// What must hold, beside no crash and no read outside the input:
// - events come with the outcome that says so, and with no other;
// - an event is rejected with a reason and a text, or is an order whose text, read as any order's,
//   is the same order, once more;
// - the same delivery makes the same events;
// - what cannot be mapped can be read back from what is kept of it, and comes to the same reason;
// - no signature is right by chance.
#include "base/mem.h"
#include "engine/zone_file.h"
#include "webhook/webhook_map.h"
#include "webhook/webhook_signature.h"
#include <stdio.h>
#include <stdlib.h>

#define HOLDS(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);         \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct {
    struct order_json *parser;
    struct zone *zone;
    struct order_rules rules;
} f;

static void start(void) {
    struct error err;
    if (!zone_open("America/New_York", &f.zone, &err)) {
        fprintf(stderr, "%s\n", err.text);
        abort();
    }
    f.rules = (struct order_rules){.zone = f.zone, .currency = "USD"};
    f.parser = mem_must(order_json_new(NULL));
}

static void check_event(struct submission *sub, const struct event *e) {
    struct order again;
    struct rejection why;
    HOLDS(e->raw.at != NULL && memchr(e->raw.at, '\n', e->raw.len) == NULL);
    HOLDS((e->verdict == VERDICT_REJECTED) == (e->why != NULL));
    if (e->why != NULL) {
        HOLDS(reject_code_of(text_of(e->why->code)) != NULL && e->why->message[0] != '\0');
        return;
    }
    HOLDS(order_json_parse(f.parser, &f.rules, e->raw, &sub->arena, &again, &why) == ORDER_JSON_OK);
    HOLDS(order_same_content(&e->order, &again) && e->order.created_ms == again.created_ms);
    HOLDS(e->order.kind != ORDER_REFUNDED || e->order.event_id.len > 0);
}

static void check_same(const struct submission *a, const struct submission *b) {
    HOLDS(a->n_events == b->n_events);
    for (size_t i = 0; i < a->n_events; i++) {
        HOLDS(text_equal(a->events[i].raw, b->events[i].raw));
        HOLDS(a->events[i].verdict == b->events[i].verdict);
    }
}

static void check_kept(const struct event *e) {
    struct submission *sub = mem_must(submission_new(NULL));
    enum webhook_outcome outcome = webhook_map_kept(e->raw, f.parser, &f.rules, sub);
    HOLDS(outcome != WEBHOOK_NO_MEMORY && sub->n_events > 0);
    const struct event *last = &sub->events[sub->n_events - 1];
    HOLDS(last->why != NULL);
    HOLDS(memmem(e->raw.at, e->raw.len, "\"text\":", 7) != NULL ||
          strcmp(last->why->code, e->why->code) == 0);
    submission_free(sub);
}

static void check_delivery(const struct webhook *hook) {
    struct submission *one = mem_must(submission_new(NULL)), *two = mem_must(submission_new(NULL));
    enum webhook_outcome outcome = webhook_map(hook, f.parser, &f.rules, one);
    HOLDS(outcome != WEBHOOK_NO_MEMORY);
    HOLDS((outcome == WEBHOOK_MAPPED) == (one->n_events > 0));
    HOLDS(webhook_map(hook, f.parser, &f.rules, two) == outcome);
    check_same(one, two);
    for (size_t i = 0; i < one->n_events; i++) {
        check_event(one, &one->events[i]);
        if (webhook_is_kept(one->events[i].raw)) {
            check_kept(&one->events[i]);
        }
    }
    submission_free(one);
    submission_free(two);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const topics[] = {"orders/updated", "refunds/create", "order.updated",
                                         "order.deleted"};
    if (f.parser == NULL) {
        start();
    }
    if (size == 0) {
        return 0;
    }
    const struct webhook hook = {.system = (enum webhook_system)(data[0] % WEBHOOK_SYSTEMS),
                                 .topic = text_of(topics[data[0] / WEBHOOK_SYSTEMS % 4]),
                                 .body = {(const char *)data + 1, size - 1}};
    HOLDS(webhook_check(hook.system, TEXT_LIT("secret"), hook.body, hook.body, 0) !=
          WEBHOOK_SIGNED);
    check_delivery(&hook);
    return 0;
}
