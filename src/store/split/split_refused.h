// SPDX-License-Identifier: MIT
// Offsets of a partition, before what is committed, whose events were refused though their identity
// was new: they leave none when the log is read again.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct split_refused {
    int64_t *at; // ascending
    size_t n, passed;
};

// Asked for ascending offsets.
static inline bool split_refused_has(struct split_refused *r, int64_t offset) {
    while (r->passed < r->n && r->at[r->passed] < offset) {
        r->passed++;
    }
    return r->passed < r->n && r->at[r->passed] == offset;
}
