// SPDX-License-Identifier: MIT
// Allocation verbs of the host's rooms. A plain verb never fails: out of memory ends the process
// with one line (nothing acknowledged is lost, the store is transactional). A try_ verb
// (base/heap.h) may return NULL and must be checked: use it wherever the size comes from outside.
// Free everything with free(). The core uses none of the plain verbs.
#pragma once
#include "base/heap.h"
#include "base/must.h"
#include <stdbool.h>
#include <stddef.h>

MUST_CHECK void *mem_alloc(size_t n_bytes);               // not zeroed
MUST_CHECK void *mem_zalloc(size_t n, size_t size_bytes); // zeroed array
MUST_CHECK void *mem_realloc(void *old, size_t n_bytes);
MUST_CHECK char *mem_strndup(const char *at, size_t len); // zero-terminated copy

// What a maker of the core has made from the process's own heap; the process ends when it is NULL.
MUST_CHECK void *mem_must(void *made);
