// SPDX-License-Identifier: MIT
// Named points at which a crash test kills the process. They cost nothing in the product: only a
// build with -DSALESTIDE_FAULTS looks at the environment variable
//     SALESTIDE_FAULT=name:n      kill -9 this process the n-th time (from 1) it passes `name`.
//     SALESTIDE_FAULT=name:n:stop SIGTERM instead: the process is told to stop just there.
#pragma once

#ifdef SALESTIDE_FAULTS
void fault_point(const char *name);
#else
static inline void fault_point(const char *name) {
    (void)name;
}
#endif
