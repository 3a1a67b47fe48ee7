// SPDX-License-Identifier: MIT
// The parts of the live page's events as JSON. Pure functions of the facts.
#pragma once
#include "live/live_render.h"

enum { LIVE_SECTIONS = 15 };

struct live_section {
    const char *name;
    void (*put)(struct buf *out, const struct live_facts *facts);
    bool of_figures; // left out until the store has been read
};
extern const struct live_section live_sections[LIVE_SECTIONS];

// [minute, orders, "total"], oldest first, those that are zero left out; with `sent` (LIVE_MINUTES
// of them) only those that differ from it.
void live_put_minutes(struct buf *out, const struct live_figures *f,
                      const struct live_minute *sent);
// Newest first; only those above position `after`.
void live_put_orders(struct buf *out, const struct live_facts *facts, int64_t after);
