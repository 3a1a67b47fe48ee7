// SPDX-License-Identifier: MIT
// How the cells of a file are written, where that is told: times in a form, numbers with other
// signs and with signs of a currency. A cell is read into the one spelling that the rules know.
#pragma once
#include "base/arena.h"
#include "order/date_form.h"
#include "order/order.h"

enum { CSV_DATE_FORMS_MAX = 8, CSV_SIGNS_MAX = 4 };

// A zeroed struct says nothing of it.
struct csv_written {
    const char *date_forms[CSV_DATE_FORMS_MAX]; // --date-format, borrowed; each checked
    size_t n_date_forms;
    enum epoch_unit epoch;   // --epoch
    char decimal, thousands; // --decimal, --thousands ('s': a space); 0: none
};
// Does it say anything of times, of numbers?
static inline bool csv_tells_times(const struct csv_written *w) {
    return w->n_date_forms > 0 || w->epoch != EPOCH_NONE;
}
static inline bool csv_tells_numbers(const struct csv_written *w) {
    return w->decimal != '\0';
}

// The currencies that stood beside the amounts of one order.
struct csv_signs {
    const char *currencies[CSV_SIGNS_MAX]; // "USD CAD": those it may be; static or in the arena
    struct text sign[CSV_SIGNS_MAX];       // as it stands in the cell
    size_t n;
};

enum csv_written_result { CSV_WRITTEN, CSV_WRITTEN_OTHERWISE, CSV_WRITTEN_NO_MEMORY };
// *value: the same time, in `arena`. OTHERWISE: `why` is filled.
MUST_CHECK enum csv_written_result csv_read_time(const struct csv_written *w, struct text *value,
                                                 struct arena *arena, struct rejection *why);
// *value: the same number with a point, in `arena`, and its sign into `signs` (NULL: it may have
// none). OTHERWISE: it is not written so; `why` is filled, `field` is its name.
MUST_CHECK enum csv_written_result csv_read_number(const struct csv_written *w, struct text *value,
                                                   const char *field, struct csv_signs *signs,
                                                   struct arena *arena, struct rejection *why);
// Are all signs those of this currency? `known`: it is the order's and not only assumed.
MUST_CHECK bool csv_signs_fit(const struct csv_signs *s, const char currency[static 4], bool known,
                              struct rejection *why);
