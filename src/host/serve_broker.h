// SPDX-License-Identifier: MIT
// `serve` with --broker: see serve_broker.c.
#pragma once
#include "host/options.h"
#include <signal.h>

// Runs until it is told to stop by one of `signals`, which are blocked. The exit code.
int serve_over_broker(const struct options *o, const sigset_t *signals);
