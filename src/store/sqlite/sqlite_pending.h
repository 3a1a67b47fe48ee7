// SPDX-License-Identifier: MIT
// The placed orders that a batch accepted, gathered in memory and handed to SQLite as one table,
// whose rows are copied as they are.
#pragma once
#include "base/arena.h"
#include "store/sqlite/rows_source.h"
#include "sums/cube.h"

struct pending_order {
    struct order order; // no array of items
    int64_t arrival_ms;
    uint32_t group; // number in the batch's cube
};

struct pending_orders {
    struct pending_order *at;
    size_t n, cap;
    struct arena texts;
};

// Copies an event of any kind, its texts into `texts`, but for source and state: those are the
// group's, which lives longer than the batch. False when memory is refused.
MUST_CHECK bool pending_copy(struct pending_order *out, struct arena *texts,
                             const struct order *from, const struct cube_dim *group,
                             int64_t arrival_ms);
// The same of a placed order, at the end. False when memory is refused.
MUST_CHECK bool pending_add(struct pending_orders *p, const struct order *from,
                            const struct cube_dim *group, int64_t arrival_ms);
void pending_clear(struct pending_orders *p); // for the next batch
void pending_free(struct pending_orders *p);

// Makes all of them rows of order_rows in `source`, which was begun in the transaction that writes
// them; `cube` is their batch's, and has the ids of all its groups. False when memory is refused.
MUST_CHECK bool pending_put(const struct pending_orders *p, struct cube *cube,
                            struct rows_source *source);
// Then appends these to order_rows, at the next positions.
#define PENDING_INSERT "INSERT INTO main.order_rows SELECT * FROM arriving.order_rows"
