// SPDX-License-Identifier: MIT
// A delivery as events.
//
// 1. The body is read as JSON, numbers as their digits: no amount and no id goes through a float.
// 2. The system's mapping adds events (webhook_shopify.c, ...).
// 3. What cannot be mapped is kept: one rejected event with the reason and all that was sent.
//
// How it fails: no memory. All else is an event or an outcome.
#include "webhook/webhook_map.h"

#include "webhook/webhook_map_internal.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static const yyjson_read_flag READ_FLAGS = YYJSON_READ_NUMBER_AS_RAW;
#define KEPT_START "{\"webhook\":\""

const char *webhook_outcome_name(enum webhook_outcome outcome) {
    switch (outcome) {
    case WEBHOOK_MAPPED:
        return "mapped";
    case WEBHOOK_UNKNOWN_TOPIC:
        return "unknown_topic";
    case WEBHOOK_TEST:
        return "test";
    case WEBHOOK_NOT_SOLD:
        return "not_sold";
    case WEBHOOK_NO_MEMORY:
        break;
    }
    return "no_memory";
}

bool webhook_unmapped(struct mapping *m, const char *field, const char *code, const char *format,
                      ...) {
    char message[sizeof m->why.message];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    m->unmapped = true;
    return reject(&m->why, field, code, "%s: %s", webhook_system_name(m->hook->system), message);
}

// --- What cannot be mapped

enum webhook_outcome webhook_map_deleted(struct mapping *m) {
    (void)webhook_unmapped(m, "total", REJECT_MISSING,
                           "%.*s has no amounts; if order %s is to be taken back, send a "
                           "cancelled event with its amounts",
                           TEXT_ARG(m->hook->topic), excerpt_of(webhook_text(m->root, "id")).text);
    return WEBHOOK_MAPPED;
}

static void put_kept(struct buf *out, const struct webhook *hook, bool is_json) {
    buf_printf(out, KEPT_START "%s\",\"topic\":", webhook_system_name(hook->system));
    buf_put_json(out, hook->topic);
    buf_put_str(out, is_json ? ",\"body\":" : ",\"text\":");
    if (is_json) {
        buf_put_text(out, text_trim(hook->body));
    } else {
        buf_put_json(out, hook->body);
    }
    buf_put_char(out, '}');
}

// One line: line ends can only be white space in JSON.
static void make_line(struct buf *b) {
    for (size_t i = 0; i < b->len; i++) {
        b->at[i] = (char)(b->at[i] == '\n' || b->at[i] == '\r' ? ' ' : b->at[i]);
    }
}

static bool keep_text(struct mapping *m, struct text raw) {
    struct event *e = submission_add(m->sub);
    return e != NULL && arena_try_copy(&m->sub->arena, raw, &e->raw) &&
           submission_reject(m->sub, e, &m->why);
}

static bool keep(struct mapping *m) {
    struct buf raw = {.heap = m->sub->arena.heap};
    put_kept(&raw, m->hook, m->root != NULL);
    bool ok = !raw.failed;
    if (ok) {
        make_line(&raw);
        ok = keep_text(m, buf_text(&raw));
    }
    buf_free(&raw);
    return ok;
}

// --- The calls

static enum webhook_outcome map_by_system(struct mapping *m) {
    switch (m->hook->system) {
    case WEBHOOK_SHOPIFY:
        return webhook_map_shopify(m);
    case WEBHOOK_WOOCOMMERCE:
        return webhook_map_woocommerce(m);
    default:
        return webhook_map_stripe(m);
    }
}

static enum webhook_outcome map_root(struct mapping *m) {
    enum webhook_outcome outcome = WEBHOOK_MAPPED;
    if (m->root == NULL || !yyjson_is_obj(m->root)) {
        (void)webhook_unmapped(m, "", m->root == NULL ? REJECT_NOT_JSON : REJECT_NOT_OBJECT,
                               "the body is no JSON object");
    } else {
        outcome = map_by_system(m);
    }
    buf_free(&m->line);
    if (m->unmapped && !m->no_memory) {
        outcome = WEBHOOK_MAPPED;
        m->no_memory = !keep(m);
    }
    return m->no_memory ? WEBHOOK_NO_MEMORY : outcome;
}

enum webhook_outcome webhook_map(const struct webhook *hook, struct order_json *parser,
                                 const struct order_rules *rules, struct submission *sub) {
    struct mapping m = {.hook = hook,
                        .parser = parser,
                        .rules = rules,
                        .sub = sub,
                        .line = {.heap = sub->arena.heap}};
    yyjson_read_err err = {0};
    // The library copies what it reads: the flag for reading in place is not set.
    yyjson_doc *doc = hook->body.len > 0 ? yyjson_read_opts((char *)(uintptr_t)hook->body.at,
                                                            hook->body.len, READ_FLAGS, NULL, &err)
                                         : NULL;
    if (err.code == YYJSON_READ_ERROR_MEMORY_ALLOCATION) {
        return WEBHOOK_NO_MEMORY;
    }
    m.root = yyjson_doc_get_root(doc);
    enum webhook_outcome outcome = map_root(&m);
    yyjson_doc_free(doc);
    return outcome;
}

bool webhook_is_kept(struct text event) {
    return event.len >= sizeof KEPT_START &&
           memcmp(event.at, KEPT_START, sizeof KEPT_START - 1) == 0;
}

static bool reject_kept(struct submission *sub, struct text event, const char *field,
                        const char *message) {
    struct event *e = submission_add(sub);
    struct rejection why;
    (void)reject(&why, field, REJECT_UNKNOWN_VALUE, "%s", message);
    if (e == NULL) {
        return false;
    }
    e->raw = event;
    return submission_reject(sub, e, &why);
}

// The body lies in the event's text: where, the document cannot tell, so it is written again.
static enum webhook_outcome map_kept(yyjson_val *root, struct text event, struct order_json *parser,
                                     const struct order_rules *rules, struct submission *sub) {
    struct webhook hook = {.topic = webhook_text(root, "topic")};
    size_t n = 0;
    char *body = yyjson_val_write(yyjson_obj_get(root, "body"), 0, &n);
    if (!webhook_system_of(webhook_text(root, "webhook"), &hook.system) || body == NULL) {
        free(body);
        return reject_kept(sub, event, "webhook", "no webhook that was kept") ? WEBHOOK_MAPPED
                                                                              : WEBHOOK_NO_MEMORY;
    }
    hook.body = (struct text){body, n};
    enum webhook_outcome outcome = webhook_map(&hook, parser, rules, sub);
    free(body);
    if (outcome != WEBHOOK_MAPPED && outcome != WEBHOOK_NO_MEMORY) {
        bool ok = reject_kept(sub, event, "topic", "there is nothing in this webhook that counts");
        return ok ? outcome : WEBHOOK_NO_MEMORY;
    }
    return outcome;
}

enum webhook_outcome webhook_map_kept(struct text event, struct order_json *parser,
                                      const struct order_rules *rules, struct submission *sub) {
    yyjson_doc *doc =
        yyjson_read_opts((char *)(uintptr_t)event.at, event.len, READ_FLAGS, NULL, NULL);
    enum webhook_outcome outcome = map_kept(yyjson_doc_get_root(doc), event, parser, rules, sub);
    yyjson_doc_free(doc);
    return outcome;
}
