// SPDX-License-Identifier: MIT
// The two ends of a pipe to the process that asks: lines and bytes in, lines out. One thread.
//
// Waiting for a line may take for ever; it ends when the other side is gone or a stop is asked for.
#pragma once
#include "base/buf.h"
#include <stdatomic.h>

struct tally_input {
    int in, out; // file descriptors, borrowed
    const atomic_bool *stop;
    struct buf bytes; // read and not taken
    size_t taken;     // of them, at the front
};

enum tally_end {
    TALLY_MORE,
    TALLY_ENDED,    // nothing more comes, or a stop was asked for
    TALLY_TOO_LONG, // a line, or there is no memory for it
};

// The next line, without its end; lives until the next call.
MUST_CHECK enum tally_end tally_input_line(struct tally_input *p, size_t most_bytes,
                                           struct text *line);
// The next n bytes, appended to `out` (NULL: skipped). TALLY_TOO_LONG: no memory.
MUST_CHECK enum tally_end tally_input_bytes(struct tally_input *p, size_t n_bytes, struct buf *out);
// All of it is written; false: nobody reads, or a stop was asked for while nobody did.
MUST_CHECK bool tally_output(struct tally_input *p, struct text t);
// Sleeps for so long, but no longer than until somebody has gone or a stop is asked for: true.
bool tally_input_pause(void *input, int ms);
void tally_input_free(struct tally_input *p);
