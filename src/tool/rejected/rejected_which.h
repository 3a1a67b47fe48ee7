// SPDX-License-Identifier: MIT
// Which rejected events are to be submitted again: one pass over them, newest first, with what each
// was seen as. Main thread.
#pragma once
#include "store/sales_reader.h"

// As it was seen.
struct rejected_found {
    int64_t id, retried_ms; // of its newest try; 0: none
};
struct rejected_ids {
    struct rejected_found *at;
    size_t n, cap;
};

struct rejected_which {
    // What is asked for. Borrowed.
    const int64_t *ids; // these, whatever became of them; none: all that have not got through yet
    size_t n_ids;
    const char *code;  // of all: only with this code; NULL: any
    int64_t lowest_id; // rows below are not looked at
    int64_t now_ms;
    // What is found; each newest first.
    struct rejected_ids again; // to be sent
    struct rejected_ids busy;  // asked for too, but somebody has just begun to send them
};

MUST_CHECK bool rejected_which_find(struct rejected_which *w, struct sales_reader *reader,
                                    struct error *err);
void rejected_which_free(struct rejected_which *w);
