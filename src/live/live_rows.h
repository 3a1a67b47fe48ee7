// SPDX-License-Identifier: MIT
// A panel of rows as JSON: what is new since the last time, and all of it. One thread.
#pragma once
#include "live/panel_book.h"

// What was rendered of one panel. A zeroed struct is valid: nothing.
struct live_rows {
    struct buf all, change; // change: empty when nothing differs
    struct panel_row *sent; // sorted by key
    size_t n_sent, cap_sent;
    bool too_many;
    uint64_t generation; // of the names' numbers; 0: nothing was rendered
};
void live_rows_free(struct live_rows *r);

// Renders what is shown of this panel (its place in the table). True when it differs. anew: all
// rows count as different.
MUST_CHECK bool live_rows_update(struct live_rows *r, const struct panel_book *book, size_t panel,
                                 bool anew);
