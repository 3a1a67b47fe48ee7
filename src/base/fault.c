// SPDX-License-Identifier: MIT
#include "base/fault.h"

#ifdef SALESTIDE_FAULTS
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void fault_point(const char *name) {
    static atomic_long passed;
    const char *want = getenv("SALESTIDE_FAULT");
    const char *colon = want ? strchr(want, ':') : NULL;
    if (colon == NULL || strlen(name) != (size_t)(colon - want) ||
        memcmp(name, want, strlen(name)) != 0) {
        return;
    }
    char *rest;
    if (atomic_fetch_add(&passed, 1) + 1 == strtol(colon + 1, &rest, 10)) {
        kill(getpid(), strcmp(rest, ":stop") == 0 ? SIGTERM : SIGKILL);
    }
}
#else
typedef int fault_points_are_compiled_out; // ISO C forbids an empty translation unit
#endif
