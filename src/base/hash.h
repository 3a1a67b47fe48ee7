// SPDX-License-Identifier: MIT
// Hashing: XXH3, through the system's xxhash header.
#pragma once
#include "base/text.h"
#include <stdint.h>

uint64_t hash_bytes(const void *at, size_t len, uint64_t seed);
static inline uint64_t hash_text(struct text t, uint64_t seed) {
    return hash_bytes(t.at, t.len, seed);
}
// 128 bits, for identities that must not collide.
void hash_bytes_128(const void *at, size_t len, uint64_t *high, uint64_t *low);
// Scatters an integer key (the finalizer of SplitMix64).
static inline uint64_t hash_u64(uint64_t x) {
    x ^= x >> 30;
    x *= UINT64_C(0xbf58476d1ce4e5b9);
    x ^= x >> 27;
    x *= UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}
