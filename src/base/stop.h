// SPDX-License-Identifier: MIT
// The wish to stop, for commands that work through something: SIGTERM and the first Ctrl-C.
#pragma once
#include <stdatomic.h>
#include <stdbool.h>

// From now on SIGTERM and SIGINT only set a flag; a second Ctrl-C kills as usual. Once, from the
// main thread.
void stop_on_signals(void);
// Any thread.
bool stop_asked(void);
// The flag itself, for code that is handed one. Static lifetime.
const atomic_bool *stop_flag(void);
