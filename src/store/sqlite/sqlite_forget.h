// SPDX-License-Identifier: MIT
// Taking a customer out of a data directory, also while a server writes there.
#pragma once
#include "order/order.h"
#include "store/forgotten.h"
#include <stdatomic.h>

struct sqlite_forget {
    const char *directory;
    struct ident customer;
    const atomic_bool *stop; // true: end at the next step
};

// Adds to *out what it changed, of rows that were there when it began; whatever ends it in the
// middle, doing it again is right. When it succeeds no row names the customer. *rewritten: the file
// was written anew, so that its free room has nothing of them either; false when a process writes
// there, which must not wait for so long. ERROR_USAGE: no such directory, or no right to write.
MUST_CHECK bool sqlite_forget(const struct sqlite_forget *f, struct forgotten *out, bool *rewritten,
                              struct error *err);
