// SPDX-License-Identifier: MIT
// The wish to stop, for commands that work through something: SIGTERM and the first Ctrl-C.
#pragma once
#include <stdbool.h>

// From now on SIGTERM and SIGINT only set a flag; a second Ctrl-C kills as usual. Once, from the
// main thread.
void stop_on_signals(void);
// Any thread.
bool stop_asked(void);
// The flag itself, 0 or 1, for code that is handed one. Static lifetime.
const volatile int *stop_flag(void);
