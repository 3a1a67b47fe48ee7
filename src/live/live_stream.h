// SPDX-License-Identifier: MIT
// The live page's events as the door's stream.
#pragma once
#include "http/http_ports.h"
#include "live/live.h"

// Borrows `l`: the door is told that there is no stream before live_stop.
struct http_stream live_stream(struct live *l);
