// SPDX-License-Identifier: MIT
// One mapping behind a flag. Nothing here fails.
#include "kernel/window_kept.h"

#include <stdatomic.h>
#include <sys/mman.h>

struct window_kept {
    const struct mem_heap *heap;
    atomic_flag busy;
    struct window_mapping mapping;
};

struct window_kept *window_kept_new(const struct mem_heap *heap) {
    struct window_kept *k = heap_zalloc(heap, 1, sizeof *k);
    if (k != NULL) {
        k->heap = heap;
        atomic_flag_clear(&k->busy);
    }
    return k;
}

static void unmap(const struct window_mapping *m) {
    if (m->at != NULL) {
        (void)munmap(m->at, m->n_bytes);
    }
}

void window_kept_free(struct window_kept *k) {
    if (k != NULL) {
        unmap(&k->mapping);
        heap_free(k->heap, k);
    }
}

// What is kept then. False: another thread is there, and nothing has changed.
static bool swap(struct window_kept *k, const struct window_mapping *next,
                 struct window_mapping *was) {
    if (atomic_flag_test_and_set_explicit(&k->busy, memory_order_acquire)) {
        return false;
    }
    *was = k->mapping;
    k->mapping = *next;
    atomic_flag_clear_explicit(&k->busy, memory_order_release);
    return true;
}

void window_kept_put(struct window_kept *k, const struct window_mapping *m) {
    struct window_mapping was;
    unmap(k != NULL && swap(k, m, &was) ? &was : m);
}

void *window_kept_take(struct window_kept *k, const struct window_mapping *m) {
    struct window_mapping was;
    if (k == NULL || !swap(k, &(struct window_mapping){0}, &was)) {
        return NULL;
    }
    if (was.device == m->device && was.file == m->file && was.n_bytes == m->n_bytes) {
        return was.at;
    }
    unmap(&was);
    return NULL;
}

void window_kept_drop(struct window_kept *k) {
    window_kept_put(k, &(struct window_mapping){0});
}
