// SPDX-License-Identifier: MIT
#include "http/http_deadline.h"

#include <stddef.h>

void deadline_disarm(struct deadlines *all, struct deadline *d) {
    if (d->kind == DEADLINE_NONE) {
        return;
    }
    if (d->prev != NULL) {
        d->prev->next = d->next;
    } else {
        all->of[d->kind].first = d->next;
    }
    if (d->next != NULL) {
        d->next->prev = d->prev;
    } else {
        all->of[d->kind].last = d->prev;
    }
    *d = (struct deadline){0};
}

void deadline_arm(struct deadlines *all, struct deadline *d, enum deadline_kind kind,
                  int64_t now_ms) {
    deadline_disarm(all, d);
    if (kind == DEADLINE_NONE) {
        return;
    }
    d->kind = kind;
    d->at_ms = now_ms + all->of[kind].after_ms;
    d->prev = all->of[kind].last;
    if (d->prev != NULL) {
        d->prev->next = d;
    } else {
        all->of[kind].first = d;
    }
    all->of[kind].last = d;
}

struct deadline *deadline_expired(struct deadlines *all, int64_t now_ms, enum deadline_kind *kind) {
    for (int k = 1; k < DEADLINE_KINDS; k++) {
        struct deadline *d = all->of[k].first;
        if (d != NULL && d->at_ms <= now_ms) {
            *kind = d->kind;
            deadline_disarm(all, d);
            return d;
        }
    }
    return NULL;
}

int64_t deadline_wait_ms(const struct deadlines *all, int64_t now_ms) {
    int64_t wait_ms = -1;
    for (int k = 1; k < DEADLINE_KINDS; k++) {
        const struct deadline *d = all->of[k].first;
        if (d != NULL) {
            int64_t left_ms = d->at_ms > now_ms ? d->at_ms - now_ms : 0;
            wait_ms = wait_ms < 0 || left_ms < wait_ms ? left_ms : wait_ms;
        }
    }
    return wait_ms;
}
