// SPDX-License-Identifier: MIT
#include "alerts/alert_outbox.h"

#define MS_NS INT64_C(1000000)
#define KEPT_NS (INT64_C(24) * 3600 * 1000 * MS_NS) // older news is none
enum {
    BACK_OFF_FIRST_MS = 1000,
    BACK_OFF_LONGEST_MS = 60 * 1000,
    RETRY_AFTER_LONGEST_MS = 10 * 60 * 1000,
};

static struct outbox_message *at(struct alert_outbox *o, uint64_t number) {
    return &o->ring[number % OUTBOX_MAX];
}

static void drop_first(struct alert_outbox *o) {
    buf_free(&at(o, o->first)->body);
    o->first++;
}

size_t outbox_waiting(const struct alert_outbox *o) {
    return (size_t)(o->end - o->first);
}

void outbox_put(struct alert_outbox *o, struct buf *body, int64_t now_ns) {
    if (body->failed) {
        o->dropped++;
        buf_free(body);
        return;
    }
    if (outbox_waiting(o) == OUTBOX_MAX) {
        o->dropped++;
        drop_first(o);
    }
    *at(o, o->end++) = (struct outbox_message){.body = *body, .put_ns = now_ns};
    *body = (struct buf){0};
}

void outbox_free(struct alert_outbox *o) {
    while (outbox_waiting(o) > 0) {
        drop_first(o);
    }
}

int64_t outbox_due_ns(const struct alert_outbox *o) {
    return outbox_waiting(o) > 0 ? o->next_try_ns : INT64_MAX;
}

bool outbox_take(struct alert_outbox *o, int64_t now_ns, struct buf *copy, uint64_t *number) {
    while (outbox_waiting(o) > 0 && now_ns - at(o, o->first)->put_ns > KEPT_NS) {
        o->dropped++;
        drop_first(o);
    }
    if (outbox_waiting(o) == 0 || o->next_try_ns > now_ns) {
        return false;
    }
    buf_clear(copy);
    buf_put_text(copy, buf_text(&at(o, o->first)->body));
    *number = o->first;
    return !copy->failed;
}

static int64_t wait_ms(struct alert_outbox *o, int64_t retry_after_ms) {
    o->back_off_ms = o->back_off_ms == 0 ? BACK_OFF_FIRST_MS : o->back_off_ms * 2;
    if (o->back_off_ms > BACK_OFF_LONGEST_MS) {
        o->back_off_ms = BACK_OFF_LONGEST_MS;
    }
    if (retry_after_ms > RETRY_AFTER_LONGEST_MS) {
        return RETRY_AFTER_LONGEST_MS;
    }
    return retry_after_ms > o->back_off_ms ? retry_after_ms : o->back_off_ms;
}

bool outbox_done(struct alert_outbox *o, uint64_t number, enum outbox_result result,
                 int64_t retry_after_ms, int64_t now_ns) {
    bool is_first = number == o->first && outbox_waiting(o) > 0; // else it made room meanwhile
    o->sent += result == OUTBOX_SENT;
    o->failed += result != OUTBOX_SENT;
    o->dropped += result == OUTBOX_REFUSED && is_first;
    if (result == OUTBOX_RETRY) {
        o->next_try_ns = now_ns + wait_ms(o, retry_after_ms) * MS_NS;
        return false;
    }
    o->back_off_ms = 0;
    o->next_try_ns = now_ns;
    if (is_first) {
        drop_first(o);
    }
    return true;
}
