// SPDX-License-Identifier: MIT
// What /metrics tells of the engine. Pure.
#pragma once
#include "base/buf.h"
#include "engine/engine.h"

void counts_metrics(struct buf *out, const struct store_counts *counts); // part of the next
void engine_metrics(struct buf *out, const struct engine_status *status, int64_t now_ms);
