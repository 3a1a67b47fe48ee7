// SPDX-License-Identifier: MIT
#include "base/hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

uint64_t hash_bytes(const void *at, size_t len, uint64_t seed) {
    return XXH3_64bits_withSeed(len ? at : "", len, seed);
}

void hash_bytes_128(const void *at, size_t len, uint64_t *high, uint64_t *low) {
    XXH128_hash_t h = XXH3_128bits(at, len);
    *high = h.high64;
    *low = h.low64;
}
