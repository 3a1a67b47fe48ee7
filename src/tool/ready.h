// SPDX-License-Identifier: MIT
// Whether a server of this machine is ready, as its /readyz says: what the health check of a
// container runs, in which there is neither a shell nor curl.
#pragma once
#include "base/error.h"

// Asks `url` (http://host:port/readyz), for a few seconds at most. False, with one line for people,
// when it does not answer 200.
MUST_CHECK bool ready_ask(const char *url, struct error *err);
