// SPDX-License-Identifier: MIT
// Rules with what has become of them: a state machine each, moved by values and a clock that the
// caller hands in. Pure but for its own memory; one owner at a time.
//
//   ok        the value is within its limit, or is not known
//   pending   it is beyond, but not for long enough
//   firing    it has been beyond for long enough: this is told
//   clearing  it is back behind the limit that clears, but not for long enough: it still fires
//
// A value that is not known neither fires nor clears anything: what is pending is ok again, what
// is clearing fires on.
#pragma once
#include "alerts/alert_measures.h"
#include "alerts/alert_rules.h"
#include "base/buf.h"
#include "base/state.h"

enum alert_state { ALERT_OK, ALERT_PENDING, ALERT_FIRING, ALERT_CLEARING, ALERT_STATES };
extern const struct state_table alert_states; // of a struct alert

struct alert {
    struct alert_rule rule;
    struct state state;
    int64_t turned_ns; // monotonic: since when it is in this state
    int64_t since_ms;  // UTC: since when it is beyond; 0: it is not
    int64_t fired;     // times, of this process
    struct alert_value value;
};

struct alert_board {
    size_t n;
    struct alert at[ALERT_RULES_MAX];
};

struct alert_now {
    int64_t utc_ms, monotonic_ns;
};

// Makes these the rules. A rule of a name that was there keeps its state.
void alert_board_set(struct alert_board *b, const struct alert_rules *rules);
// Moves one alert by its value. True: people are to see it at once: its state is another, or its
// value has become known or unknown.
bool alert_step(struct alert *a, const struct alert_value *value, struct alert_now now);
// It was told before a restart that it fires, and not that it ended: it goes on from there.
void alert_resume(struct alert *a, int64_t since_ms, struct alert_now now);
struct alert *alert_board_find(struct alert_board *b, const char *name); // NULL: none

static inline bool alert_is_active(const struct alert *a) {
    return a->state.now == ALERT_FIRING || a->state.now == ALERT_CLEARING;
}

// {"active":1,"rules":[{"name","rule","state","firing","since_ms","value"},...]}
void alert_board_json(const struct alert_board *b, struct buf *out);
void alert_board_metrics(const struct alert_board *b, struct buf *out);
