// SPDX-License-Identifier: MIT
// Allocation that never fails: the plain verbs die in one place.
#include "base/mem.h"

#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

void mem_keep_freed(void) {
    enum { KEPT_BYTES = 64 << 20, STEP_BYTES = 1 << 20 };
    mallopt(M_TRIM_THRESHOLD, KEPT_BYTES);
    mallopt(M_MMAP_THRESHOLD, KEPT_BYTES / 2);
    mallopt(M_TOP_PAD, STEP_BYTES);
}
