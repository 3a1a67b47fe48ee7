// SPDX-License-Identifier: MIT
// Numbers of the names that sums of days have (source, state, currency, product), from 0 on in the
// order in which they come. Never taken back but all at once. Not thread-safe, but for reading
// names that are there while others are added: they do not move.
#pragma once
#include "base/arena.h"
#include "store/sales_reader.h"

enum { DAY_NAMES_CHUNKS = 20 };

// Zeroed: none.
struct day_names {
    struct arena texts;
    // By number; sums and buckets are 0. The first chunk has 256 names, each other one as many as
    // all before it.
    struct sales_row *chunks[DAY_NAMES_CHUNKS];
    uint32_t *slots; // number + 1; twice cap
    uint32_t n, cap;
};

// The number + 1 of a row's names; 0: no memory. Copies texts that are new. `before` is what the
// row before it got (0: none): a store mostly tells its names in the same order each time.
MUST_CHECK uint32_t day_names_number(struct day_names *b, const struct sales_row *row,
                                     uint32_t before);
// Of a number that is there.
const struct sales_row *day_names_at(const struct day_names *b, uint32_t number);
int64_t day_names_bytes(const struct day_names *b);
void day_names_free(struct day_names *b); // empty and valid afterwards
