// SPDX-License-Identifier: MIT
// Allocation verbs. A plain verb never fails: out of memory ends the process with one line (nothing
// acknowledged is lost, the store is transactional). A try_ verb may return NULL and must be
// checked: use it wherever the size comes from outside. Free everything with free().
#pragma once
#include "base/must.h"
#include <stdbool.h>
#include <stddef.h>

MUST_CHECK void *mem_alloc(size_t n_bytes);               // not zeroed
MUST_CHECK void *mem_zalloc(size_t n, size_t size_bytes); // zeroed array
MUST_CHECK void *mem_realloc(void *old, size_t n_bytes);
MUST_CHECK char *mem_strndup(const char *at, size_t len); // zero-terminated copy

MUST_CHECK void *try_alloc(size_t n_bytes);
MUST_CHECK void *try_realloc(void *old, size_t n_bytes);

// For tests only: called before each try_ allocation (one thread at a time); true makes it fail.
// NULL switches the hook off.
typedef bool (*mem_fail_hook)(void *user, size_t n_bytes);
void mem_set_fail_hook(mem_fail_hook hook, void *user);

// For a process that takes and gives back megabytes all the time: freed memory up to 64 MiB is kept
// instead of being returned to the kernel and faulted in again. Once, before threads start.
void mem_keep_freed(void);
