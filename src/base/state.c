// SPDX-License-Identifier: MIT
// What a state machine does when it is not on its fast path: telling a move, and ending the process
// when a move or an invariant shows a mistake of the program.
#include "base/state.h"

#include "base/log.h"
#include <stdlib.h>

state_trace_fn state_tracer;

void state_trace(state_trace_fn trace) {
    state_tracer = trace;
}

void state_trace_log(const struct state_table *t, const void *owner, uint8_t from, uint8_t to) {
    log_trace("state", "%s %p: %s -> %s", t->name, owner, t->rows[from].name, t->rows[to].name);
}

void state_forbidden(const struct state_table *t, uint8_t from, uint8_t to) {
    log_error("state",
              "%s: cannot go from %s to %s: a mistake of the program; stopping, nothing "
              "acknowledged is lost",
              t->name, t->rows[from].name, to < t->n_rows ? t->rows[to].name : "(no such state)");
    abort();
}

void state_broken(const struct state_table *t, uint8_t now) {
    log_error("state", "%s: what must hold in state %s does not", t->name, t->rows[now].name);
    abort();
}
