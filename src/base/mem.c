// SPDX-License-Identifier: MIT
// Allocation that never fails: the plain verbs die in one place. And what the program's allocator,
// jemalloc, is told; where it is not linked (sanitizers, tests) nobody reads that.
#include "base/mem.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// jemalloc(3) reads it as it starts. Two arenas are enough, since each thread keeps some of what it
// has freed for itself, and take 300 KB less at rest than four for each core. What is freed stays
// for a second, since batches take and free as much all the time; then a thread of its own gives it
// back to the kernel, however idle the others are. 16 MiB and more, which no answer of a broker
// has, go back at once.
extern const char *malloc_conf;
const char *malloc_conf = "narenas:2,oversize_threshold:16777216,dirty_decay_ms:1000,"
                          "background_thread:true,max_background_threads:1";

static void *or_die(void *p, size_t n_bytes) {
    if (p == NULL) {
        fprintf(stderr,
                "salestide: out of memory (%zu bytes asked); stopping, nothing acknowledged "
                "is lost\n",
                n_bytes);
        abort();
    }
    return p;
}

void *mem_alloc(size_t n_bytes) {
    return or_die(malloc(n_bytes ? n_bytes : 1), n_bytes);
}

void *mem_zalloc(size_t n, size_t size_bytes) {
    return or_die(calloc(n ? n : 1, size_bytes), n * size_bytes);
}

void *mem_realloc(void *old, size_t n_bytes) {
    return or_die(realloc(old, n_bytes ? n_bytes : 1), n_bytes);
}

char *mem_strndup(const char *at, size_t len) {
    char *copy = mem_alloc(len + 1);
    if (len > 0) {
        memcpy(copy, at, len);
    }
    copy[len] = '\0';
    return copy;
}

void *mem_must(void *made) {
    if (made == NULL) {
        fputs("salestide: out of memory; stopping, nothing acknowledged is lost\n", stderr);
        abort();
    }
    return made;
}
