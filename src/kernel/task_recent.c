// SPDX-License-Identifier: MIT
// The happy path: note, note, ...; keep at the end of each batch copies the messages of the last
// thousand that were noted into a ring whose buffers are used again; read parses what is there.
// What was accepted once is accepted again: parsing depends on the text and the shop alone.
//
// How it fails: memory is refused.
#include "kernel/task_recent.h"

#include "engine/store.h"
#include "format/log_message.h"
#include "sums/origin.h"

// So that a slot is seldom made longer: messages of one shop are about as long.
enum { KEPT_SLACK_BYTES = 32 };

struct kept_message {
    int64_t offset, arrival_ms;
    char *bytes;
    size_t len, cap;
};

static size_t at_most_recent(size_t n) {
    return n < SPLIT_RECENT_MAX ? n : SPLIT_RECENT_MAX;
}

static bool keep_message(struct task_recent *r, const struct message *m) {
    struct kept_message *k = &r->kept[r->n_kept % SPLIT_RECENT_MAX];
    if (k->bytes == NULL || m->value.len > k->cap) {
        char *bytes = heap_realloc(r->heap, k->bytes, m->value.len + KEPT_SLACK_BYTES);
        if (bytes == NULL) {
            return false;
        }
        k->bytes = bytes;
        k->cap = m->value.len + KEPT_SLACK_BYTES;
    }
    if (m->value.len > 0) { // as that of an order is
        memcpy(k->bytes, m->value.at, m->value.len);
    }
    k->len = m->value.len;
    k->offset = m->offset;
    k->arrival_ms = log_arrival_ms(m->stamp_ms);
    r->n_kept++;
    return true;
}

bool task_recent_keep(struct task_recent *r, const struct messages *batch) {
    if (r->kept == NULL && r->n_noted > 0) {
        r->kept = heap_zalloc(r->heap, SPLIT_RECENT_MAX, sizeof *r->kept);
        if (r->kept == NULL) {
            return false;
        }
    }
    for (size_t left = at_most_recent(r->n_noted); left > 0; left--) {
        struct message m;
        messages_at(batch, r->noted[(r->n_noted - left) % SPLIT_RECENT_MAX], &m);
        if (!keep_message(r, &m)) {
            return false;
        }
    }
    r->n_noted = 0;
    return true;
}

static bool read_one(struct task_recent *r, const struct salestide_shop *shop,
                     struct order_json *parser, const struct kept_message *k,
                     struct stored_event *out) {
    struct rejection why;
    enum order_json_result result = log_message_parse(
        parser, &shop->rules, (struct text){k->bytes, k->len}, false, &r->texts, &out->order, &why);
    if (result != ORDER_JSON_OK) {
        return false; // memory: it was an order before
    }
    order_mark_arrival(&out->order, k->arrival_ms, shop->late_limit_ms);
    origin_resolve(&out->order, NULL, shop->customers);
    out->arrival_ms = k->arrival_ms;
    return true;
}

bool task_recent_read(struct task_recent *r, const struct salestide_shop *shop,
                      struct order_json *parser, int32_t lane, size_t *n) {
    *n = at_most_recent(r->n_kept);
    r->texts.heap = r->heap;
    r->events = heap_zalloc(r->heap, *n, sizeof *r->events);
    if (r->events == NULL) {
        return false;
    }
    for (size_t i = 0; i < *n; i++) {
        const struct kept_message *k = &r->kept[(r->n_kept - *n + i) % SPLIT_RECENT_MAX];
        if (!read_one(r, shop, parser, k, &r->events[i])) {
            return false;
        }
        r->events[i].position = log_position(lane, k->offset);
    }
    return true;
}

void task_recent_free(struct task_recent *r) {
    for (size_t i = 0; r->kept != NULL && i < SPLIT_RECENT_MAX; i++) {
        heap_free(r->heap, r->kept[i].bytes);
    }
    heap_free(r->heap, r->kept);
    heap_free(r->heap, r->events);
    arena_free(&r->texts);
}
