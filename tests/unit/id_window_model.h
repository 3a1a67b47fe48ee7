// SPDX-License-Identifier: MIT
// What tests of the window of identities share: logs by dice, with what each verdict has to be by
// the plain model. Include after cmocka.h.
#pragma once
#include "base/hash.h"
#include "window/id_window.h"
#include <stdlib.h>
#include <string.h>

#include "window_model.h"

enum { WINDOW_MS = 100000, STEP_MS = WINDOW_MS / 100 };

static inline struct order_digest digest_of(uint64_t id, uint64_t content) {
    struct order_digest d = {.content = hash_u64(content + 1)};
    hash_bytes_128(&id, sizeof id, &d.identity.high, &d.identity.low);
    return d;
}

static inline struct id_window *window_of(struct id_budget *budget, struct id_window_start start) {
    const struct id_window_options options = {.window_ms = WINDOW_MS, .budget = budget};
    struct id_window *w = id_window_new(&options, start);
    assert_non_null(w);
    return w;
}

static inline enum known_as known_of(struct id_window *w, const struct order_digest *d,
                                     int64_t offset, int64_t at_ms) {
    enum known_as as;
    assert_true(id_window_known(w, d, offset, at_ms, &as));
    return as;
}

// --- Logs by dice

enum { IDS = 3000, LOG = 60000 };

struct dice {
    uint64_t at;
};
static inline uint64_t roll(struct dice *d, uint64_t n) {
    d->at = hash_u64(d->at + UINT64_C(0x9e3779b97f4a7c15));
    return d->at % n;
}

// Stamps that creep, stand, leap, go back, are of 1970 or years ahead; holes in the offsets.
static inline void fill_log(struct record *log, struct dice *dice, const struct id_budget *budget) {
    struct model *m = model_new(WINDOW_MS, budget->max_bytes);
    uint64_t kind = roll(dice, 4), n_ids = 1 + roll(dice, IDS);
    int64_t now_ms = INT64_C(1700000000000), offset = 0;
    for (int i = 0; i < LOG; i++) {
        struct record *r = &log[i];
        now_ms +=
            roll(dice, 2000) == 0 ? (int64_t)roll(dice, 3 * WINDOW_MS) : (int64_t)roll(dice, 20);
        int64_t any_ms = now_ms + (int64_t)roll(dice, 4 * WINDOW_MS) - 2 * WINDOW_MS;
        r->at_ms = kind == 0 ? now_ms : kind == 1 ? any_ms : kind == 2 ? 1 : now_ms;
        if (kind == 3) {
            uint64_t odd = roll(dice, 40);
            r->at_ms = odd == 0 ? INT64_C(1) << 52 : odd == 1 ? 1 : odd == 2 ? any_ms : now_ms;
        }
        r->offset = offset;
        offset += 1 + (roll(dice, 10) == 0 ? (int64_t)roll(dice, 5) : 0);
        r->id = roll(dice, n_ids);
        r->content = roll(dice, 20) == 0 ? 1 : 0;
        r->refused = roll(dice, 30) == 0;
        r->verdict = model_see(m, r);
    }
    free(m);
}

static inline bool leaves_nothing(const struct record *r) {
    return r->verdict == KNOWN_OTHER || (r->verdict == KNOWN_NEW && r->refused);
}

// A process that was killed: another reads the log from the start that was kept, up to what was
// committed.
static inline struct id_window *read_back(struct id_window *w, struct id_budget *budget,
                                          const struct record *log, int committed) {
    struct id_window_start start = id_window_start(w);
    id_window_free(w);
    w = window_of(budget, start);
    for (int i = 0; i < committed; i++) {
        if (log[i].offset >= start.offset) {
            struct order_digest d = digest_of(log[i].id, log[i].content);
            assert_true(id_window_remember(w, leaves_nothing(&log[i]) ? NULL : &d, log[i].offset,
                                           log[i].at_ms));
        }
    }
    return w;
}
