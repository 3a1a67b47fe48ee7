// SPDX-License-Identifier: MIT
// Exports of shop systems that are known: which options read each (docs/presets.md). One table, no
// code of a single one. Pure functions, any thread.
#pragma once
#include "format/csv_fields.h"

enum { PRESET_OPTIONS_MAX = 16 };

struct csv_preset {
    const char *name;  // several rows may have one: layouts of the same system
    const char *what;  // "Shopify orders", for people
    const char *note;  // what is to be known beside, one line; NULL: nothing
    const char *marks; // columns beside those of the options that tell it: "A|B"; NULL: none
    struct csv_preset_option {
        const char *option; // without --
        // NULL: a flag. map: fields with a ? before them may have no column, and A|B is A, or B in
        // exports that have no A. skip: with a ? before it the column may not be there.
        const char *value;
    } options[PRESET_OPTIONS_MAX];
};
extern const struct csv_preset csv_presets[];
extern const size_t csv_presets_count;

// How a header fits a preset.
struct csv_preset_fit {
    size_t n_needed, n_there; // columns that it must have, and those of them that are there
    struct text missing;      // the first one that is not, "" when all are
    const char *option;       // of it: "map", "refund", ...; NULL: it is known by that column
    struct text field;        // of map
};
struct csv_preset_fit csv_preset_fits(const struct csv_preset *p, const struct csv_row *header);
// Whether it reads what was refunded, cancelled or returned.
bool csv_preset_takes_back(const struct csv_preset *p);
// The layout that the header is: of those with this name (NULL: of all) the one with the most
// columns. NULL: none; then *nearest is the one that most of its columns are of (at least three of
// four), or NULL.
const struct csv_preset *csv_presets_find(const char *name, const struct csv_row *header,
                                          const struct csv_preset **nearest);
// Its options, where `f` does not say otherwise. `f` owns an arena of its own.
MUST_CHECK bool csv_preset_apply(const struct csv_preset *p, const struct csv_row *header,
                                 struct csv_fields *f, struct error *err);
// Its options as they are written on a command line: " --group-by order_id --map '...'".
void csv_preset_show(const struct csv_preset *p, struct buf *out);
// The other names that its columns have: "quantity=Quantity, ..."; nothing when they have none.
void csv_preset_show_others(const struct csv_preset *p, struct buf *out);
