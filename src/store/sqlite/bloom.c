// SPDX-License-Identifier: MIT
// Blocked Bloom filter (Putze, Sanders, Singler: "Cache-, Hash- and Space-Efficient Bloom
// Filters"). The hash without its lower 18 bits picks a 512-bit block (one cache line), these six
// bits in it, a start and an odd step. Keys are given already hashed.
#include "store/sqlite/bloom.h"

#include "base/mem.h"
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { BITS_PER_KEY = 12, BLOCK_WORDS = 8, PROBES = 6 };

struct block {
    _Alignas(64) atomic_ullong words[BLOCK_WORDS];
};

struct bloom {
    void *memory;         // n_blocks + 1, zeroed
    struct block *blocks; // the first aligned place of it
    uint64_t n_blocks;
    size_t n_keys;
};

struct bloom *bloom_new(size_t n_keys) {
    uint64_t n_blocks = (uint64_t)n_keys * BITS_PER_KEY / (BLOCK_WORDS * 64) + 1;
    struct bloom *b = try_alloc(sizeof(struct bloom));
    if (b == NULL) {
        return NULL;
    }
    // A small one takes memory only as it fills.
    void *raw = heap_map(NULL, n_blocks + 1, sizeof(struct block));
    if (raw == NULL) {
        free(b);
        return NULL;
    }
    uintptr_t aligned = ((uintptr_t)raw + 63) & ~(uintptr_t)63;
    *b = (struct bloom){raw, (struct block *)aligned, n_blocks, n_keys};
    return b;
}

void bloom_free(struct bloom *b) {
    if (b != NULL) {
        heap_unmap(NULL, b->memory, b->n_blocks + 1, sizeof(struct block));
        free(b);
    }
}

void bloom_touch(struct bloom *b, const atomic_bool *stop) {
    enum { STEP_BYTES = 2 << 20 };
    size_t n_bytes = (b->n_blocks + 1) * sizeof(struct block);
    for (size_t at = 0; at < n_bytes && !atomic_load(stop); at += STEP_BYTES) {
        memset((char *)b->memory + at, 0, n_bytes - at < STEP_BYTES ? n_bytes - at : STEP_BYTES);
    }
}

size_t bloom_capacity(const struct bloom *b) {
    return b->n_keys;
}

static struct block *block_of(const struct bloom *b, uint64_t hash) {
    return &b->blocks[(unsigned __int128)(hash >> BLOOM_LINE_BITS) * b->n_blocks >>
                      (64 - BLOOM_LINE_BITS)];
}

void bloom_prefetch(const struct bloom *b, uint64_t hash) {
    __builtin_prefetch(block_of(b, hash), 1);
}

// The i-th probe of a key: nine bits. An odd step visits distinct bits.
static uint32_t bloom_probe(uint64_t hash, int i) {
    uint32_t start = (uint32_t)hash & 511, step = (uint32_t)(hash >> 9) | 1;
    return (start + (uint32_t)i * step) & 511;
}

void bloom_add(struct bloom *b, uint64_t hash) {
    struct block *block = block_of(b, hash);
    for (int i = 0; i < PROBES; i++) {
        uint32_t bit = bloom_probe(hash, i);
        unsigned long long mask = 1ULL << (bit & 63);
        atomic_ullong *word = &block->words[bit >> 6];
        if ((atomic_load_explicit(word, memory_order_relaxed) & mask) == 0) {
            atomic_fetch_or_explicit(word, mask, memory_order_relaxed);
        }
    }
}

// An instruction that reads and writes at once waits for every store before it, and those go to
// memory that is far: six of them took a tenth of a load.
void bloom_add_alone(struct bloom *b, uint64_t hash) {
    struct block *block = block_of(b, hash);
    for (int i = 0; i < PROBES; i++) {
        uint32_t bit = bloom_probe(hash, i);
        atomic_ullong *word = &block->words[bit >> 6];
        unsigned long long bits = atomic_load_explicit(word, memory_order_relaxed);
        atomic_store_explicit(word, bits | 1ULL << (bit & 63), memory_order_relaxed);
    }
}

void bloom_add_line(struct bloom *b, const uint64_t *hashes, size_t n) {
    unsigned long long bits[BLOCK_WORDS] = {0};
    for (size_t k = 0; k < n; k++) {
        for (int i = 0; i < PROBES; i++) {
            uint32_t bit = bloom_probe(hashes[k], i);
            bits[bit >> 6] |= 1ULL << (bit & 63);
        }
    }
    struct block *block = block_of(b, hashes[0]);
    for (int w = 0; w < BLOCK_WORDS; w++) {
        if ((bits[w] & ~atomic_load_explicit(&block->words[w], memory_order_relaxed)) != 0) {
            atomic_fetch_or_explicit(&block->words[w], bits[w], memory_order_relaxed);
        }
    }
}

bool bloom_maybe(const struct bloom *b, uint64_t hash) {
    struct block *block = block_of(b, hash);
    for (int i = 0; i < PROBES; i++) {
        uint32_t bit = bloom_probe(hash, i);
        if ((atomic_load_explicit(&block->words[bit >> 6], memory_order_relaxed) >> (bit & 63) &
             1) == 0) {
            return false;
        }
    }
    return true;
}
