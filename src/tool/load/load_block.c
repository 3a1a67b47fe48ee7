// SPDX-License-Identifier: MIT
// Counted pieces of files.
#include "base/mem.h"
#include "tool/load/load_sink.h"
#include <stdatomic.h>
#include <stdlib.h>

struct load_block *load_block_new(size_t n_bytes) {
    struct load_block *b = mem_alloc(sizeof *b + n_bytes);
    atomic_init(&b->holders, 1);
    b->len = 0;
    return b;
}

void load_block_hold(struct load_block *b) {
    atomic_fetch_add_explicit(&b->holders, 1, memory_order_relaxed);
}

void load_block_drop(struct load_block *b) {
    if (b != NULL && atomic_fetch_sub_explicit(&b->holders, 1, memory_order_acq_rel) == 1) {
        free(b);
    }
}
