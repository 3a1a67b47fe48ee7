// SPDX-License-Identifier: MIT
// Allocation: plain verbs die in one place, try_ verbs can be made to fail by a test's hook.
#include "base/mem.h"

#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static mem_fail_hook fail_hook;
static void *fail_hook_user;

void mem_set_fail_hook(mem_fail_hook hook, void *user) {
    fail_hook_user = user;
    fail_hook = hook;
}

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

void *try_alloc(size_t n_bytes) {
    if (fail_hook != NULL && fail_hook(fail_hook_user, n_bytes)) {
        return NULL;
    }
    return malloc(n_bytes ? n_bytes : 1);
}

void *try_realloc(void *old, size_t n_bytes) {
    if (fail_hook != NULL && fail_hook(fail_hook_user, n_bytes)) {
        return NULL;
    }
    return realloc(old, n_bytes ? n_bytes : 1);
}

void mem_keep_freed(void) {
    enum { KEPT_BYTES = 64 << 20, STEP_BYTES = 1 << 20 };
    mallopt(M_TRIM_THRESHOLD, KEPT_BYTES);
    mallopt(M_MMAP_THRESHOLD, KEPT_BYTES / 2);
    mallopt(M_TOP_PAD, STEP_BYTES);
}
