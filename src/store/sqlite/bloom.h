// SPDX-License-Identifier: MIT
// A blocked Bloom filter over 64-bit keys: answers "certainly new" from one cache line.
// One thread adds and asks; another may add at the same time (bits are set atomically).
#pragma once
#include "base/must.h"
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bloom;
// Sized for n_keys at 12 bits each (about 0.5 % false positives). NULL when memory is refused.
MUST_CHECK struct bloom *bloom_new(size_t n_keys);
void bloom_free(struct bloom *b);
// Writes to all memory of an empty filter, so that adding need not wait for the kernel; until
// *stop.
void bloom_touch(struct bloom *b, const atomic_bool *stop);
size_t bloom_capacity(const struct bloom *b); // n_keys it was sized for
void bloom_prefetch(const struct bloom *b, uint64_t hash);
void bloom_add(struct bloom *b, uint64_t hash);
// The same, faster, while no other thread adds.
void bloom_add_alone(struct bloom *b, uint64_t hash);
// n keys at once whose hashes differ in the lower BLOOM_LINE_BITS only: they lie in one cache line.
enum { BLOOM_LINE_BITS = 18 };
void bloom_add_line(struct bloom *b, const uint64_t *hashes, size_t n);
// False: certainly never added.
bool bloom_maybe(const struct bloom *b, uint64_t hash);
