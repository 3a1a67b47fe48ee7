// SPDX-License-Identifier: MIT
// Where a request is: who holds it, and what may come next. A state belongs to the loop's thread.
//
//   free      in the freelist
//   reading   from the end of its head to its answer: the body comes in, the loop works on it
//   draining  answered past the library (http_reply_raw); what still comes in is thrown away
//   suspended the intake or a worker has it, and the library was told to leave its connection alone
//   parked    the same, but the library keeps asking (cheaper for what comes back soon)
//   returned  a parked one is back: the loop goes on with it when the library asks again
//   orphaned  a parked one whose connection is gone: freed when it comes back
//   answered  the library has its answer and sends it
#pragma once
#include "base/state.h"

enum request_state {
    REQUEST_FREE,
    REQUEST_READING,
    REQUEST_DRAINING,
    REQUEST_SUSPENDED,
    REQUEST_PARKED,
    REQUEST_RETURNED,
    REQUEST_ORPHANED,
    REQUEST_ANSWERED,
    REQUEST_STATES,
};
extern const struct state_table request_states; // of a struct request

// Those that wait without being suspended, or waited so: http_server.n_parked counts them.
static inline bool request_is_parked(struct state s) {
    return (STATE_BIT(s.now) & (STATE_BIT(REQUEST_PARKED) | STATE_BIT(REQUEST_RETURNED) |
                                STATE_BIT(REQUEST_ORPHANED))) != 0;
}
