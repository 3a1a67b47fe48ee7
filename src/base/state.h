// SPDX-License-Identifier: MIT
// A state machine as a table: named states, the moves that each allows, and what must hold of the
// owner in each. An owner keeps one byte; its table is static. After the model of dqlite's sm.h.
//
// A move that the table does not allow is a mistake of the program: it ends with one line that
// names the machine and both states (all that was acknowledged is durable). The invariant is
// checked after each move in test builds (-DSALESTIDE_CHECKS).
//
// A state belongs to the thread that holds its owner. Hooks: set before threads start.
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum { STATES_MAX = 32 };
#define STATE_BIT(state) (UINT32_C(1) << (state))

struct state_row {
    const char *name;
    uint32_t moves; // STATE_BIT of each state that may follow
};

struct state_table {
    const char *name;             // "request": what it is a state of
    const struct state_row *rows; // by state
    uint8_t n_rows;               // 1..STATES_MAX
    // What must hold of the owner once it is in `now`. NULL: nothing is to be held.
    bool (*holds)(const void *owner, uint8_t now);
};

struct state {
    uint8_t now; // index of a row
};

// Told of each move; for people (--log-level trace) and for tests. NULL switches it off.
typedef void (*state_trace_fn)(const struct state_table *t, const void *owner, uint8_t from,
                               uint8_t to);
void state_trace(state_trace_fn trace);
// A state_trace_fn: one log line of level trace.
void state_trace_log(const struct state_table *t, const void *owner, uint8_t from, uint8_t to);

// The parts of state_move that are not on its fast path.
extern state_trace_fn state_tracer;
_Noreturn void state_forbidden(const struct state_table *t, uint8_t from, uint8_t to);
_Noreturn void state_broken(const struct state_table *t, uint8_t now);

static inline bool state_may_move(const struct state_table *t, struct state s, uint8_t to) {
    return (t->rows[s.now].moves & STATE_BIT(to)) != 0;
}

// Moves on. `owner` is what the state is of: handed to the invariant and the trace.
static inline void state_move(const struct state_table *t, struct state *s, uint8_t to,
                              const void *owner) {
    const uint8_t from = s->now;
    if (__builtin_expect(!state_may_move(t, *s, to), 0)) {
        state_forbidden(t, from, to);
    }
    s->now = to;
    if (__builtin_expect(state_tracer != 0, 0)) {
        state_tracer(t, owner, from, to);
    }
#ifdef SALESTIDE_CHECKS
    if (t->holds != 0 && !t->holds(owner, to)) {
        state_broken(t, to);
    }
#endif
}

static inline const char *state_name(const struct state_table *t, struct state s) {
    return t->rows[s.now].name;
}
