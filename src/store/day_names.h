// SPDX-License-Identifier: MIT
// Numbers of the names that sums of days have (source, state, currency, product), from 0 on in the
// order in which they come. Never taken back but all at once. Not thread-safe.
#pragma once
#include "base/arena.h"
#include "store/sales_reader.h"

// Zeroed: none.
struct day_names {
    struct arena texts;
    struct sales_row *names; // by number; sums and buckets are 0
    uint32_t *slots;         // number + 1; twice cap
    uint32_t n, cap;
};

// The number + 1 of a row's names; 0: no memory. Copies texts that are new.
MUST_CHECK uint32_t day_names_number(struct day_names *b, const struct sales_row *row);
int64_t day_names_bytes(const struct day_names *b);
void day_names_free(struct day_names *b); // empty and valid afterwards
