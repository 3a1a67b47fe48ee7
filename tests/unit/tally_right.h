// SPDX-License-Identifier: MIT
// Makes the length and the checksum of a tally right, whatever else is in it: what tests have
// changed is to be read past these.
#pragma once
#include "base/hash.h"
#include "store/tally_format.h"
#include <stddef.h>
#include <stdint.h>

static inline void tally_put_u64(char *at, uint64_t v) {
    for (size_t i = 0; i < 8; i++) {
        at[i] = (char)(v >> (8 * i));
    }
}

// Shorter ones than any tally stay as they are.
static inline void tally_make_right(char *at, size_t n_bytes) {
    if (n_bytes >= TALLY_LEAST_BYTES) {
        memcpy(at, TALLY_MAGIC, TALLY_MAGIC_BYTES);
        tally_put_u64(at + TALLY_MAGIC_BYTES, n_bytes);
        tally_put_u64(at + n_bytes - TALLY_SUM_BYTES,
                      hash_bytes(at, n_bytes - TALLY_SUM_BYTES, TALLY_SUM_SEED));
    }
}
