// SPDX-License-Identifier: MIT
// One event as a row of a bound table, both ways. Pure but for the arena; one thread.
#pragma once
#include "base/arena.h"
#include "cql/cql_value.h"
#include "engine/store.h"
#include "store/cassandra/cassandra_table.h"

// One value of an event in the form of this column's type. The event fits
// (cassandra_binding_fits). What the event does not have is left unset.
void cassandra_put_field(struct cql_values *v, enum raw_field f, enum cql_type type,
                         const struct stored_event *event);
void cassandra_put_row(struct cql_values *v, const struct cassandra_binding *b,
                       const struct stored_event *event);
// Whether an order with this id can be in the table at all.
MUST_CHECK bool cassandra_id_fits(enum cql_type type, struct ident id);

// Cells in the order of the binding. Texts borrow from the cells, or from `arena` where they had to
// be made. *has_position: whether the row has a position, that is, came from a pipeline. False:
// memory was refused.
MUST_CHECK bool cassandra_read_row(const struct text *cells, const struct cassandra_binding *b,
                                   enum order_kind table_kind, struct arena *arena,
                                   struct stored_event *out, bool *has_position);
