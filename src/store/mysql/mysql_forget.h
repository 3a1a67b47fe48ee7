// SPDX-License-Identifier: MIT
// Taking a customer out of the aggregates' database, beside whatever else writes there.
#pragma once
#include "store/forgotten.h"
#include "store/mysql/mysql_connection.h"
#include <stdatomic.h>

// Aggregates name no customer; the newest orders and kept rejected events do. Adds to *out the rows
// that it blanked; doing it again is right.
MUST_CHECK bool mysql_forget(const struct mysql_address *address, struct ident customer,
                             const atomic_bool *stop, struct forgotten *out, struct error *err);
