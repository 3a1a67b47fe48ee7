// SPDX-License-Identifier: MIT
// Time limits of connections and viewers. Every kind has one fixed length, so each kind is a list
// in order of expiry and arming, disarming and looking for the next one cost the same whatever
// their number. One thread.
#pragma once
#include "base/must.h"
#include <stdbool.h>
#include <stdint.h>

enum deadline_kind {
    DEADLINE_NONE,
    DEADLINE_HEADERS,   // a new connection has not sent its request's head yet
    DEADLINE_BODY,      // a request's body is coming in
    DEADLINE_SEND,      // an answer is going out
    DEADLINE_IDLE,      // between two requests
    DEADLINE_LINGER,    // answered early: what the client still sends is thrown away
    DEADLINE_DRAIN,     // likewise, of a connection that the library has closed already
    DEADLINE_HEARTBEAT, // a viewer got nothing for a while
    DEADLINE_STALL,     // a viewer does not take what it is sent
    DEADLINE_KINDS,
};

struct deadline {
    struct deadline *prev, *next;
    int64_t at_ms;
    enum deadline_kind kind; // DEADLINE_NONE: not armed. A zeroed struct is valid.
};

struct deadlines {
    struct {
        struct deadline *first, *last;
        int64_t after_ms;
    } of[DEADLINE_KINDS];
};

// Arms `d` (again) to expire after its kind's length.
void deadline_arm(struct deadlines *all, struct deadline *d, enum deadline_kind kind,
                  int64_t now_ms);
void deadline_disarm(struct deadlines *all, struct deadline *d);
// Disarms and returns one that has expired; NULL: none. `*kind` tells which it was.
MUST_CHECK struct deadline *deadline_expired(struct deadlines *all, int64_t now_ms,
                                             enum deadline_kind *kind);
// Milliseconds until the next one expires (0: now), -1: none is armed.
int64_t deadline_wait_ms(const struct deadlines *all, int64_t now_ms);
