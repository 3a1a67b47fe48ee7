// SPDX-License-Identifier: MIT
// Which column of a CSV file holds which field of an order: what the user asked for (--map, --set,
// --group-by), and how that binds to the header of one file.
#pragma once
#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "format/csv.h"
#include "format/csv_skip.h"
#include "format/csv_written.h"
#include "order/order.h"

// Fields that only files have. Subtotal of the row = quantity * unit_price; the others are found by
// their options alone: what was given back of the order, when it was cancelled, and which order a
// return is of.
enum { CSV_UNIT_PRICE = FIELD_COUNT, CSV_REFUND, CSV_CANCELLED, CSV_ORIGINAL, CSV_FIELDS };

// The fields that an order has once and --per-line adds up, as bits.
#define CSV_PER_LINE                                                                               \
    (1u << FIELD_DISCOUNT | 1u << FIELD_SHIPPING | 1u << FIELD_TAX | 1u << FIELD_TOTAL |           \
     1u << CSV_REFUND)
// The fields that are amounts, and those that are numbers; likewise.
#define CSV_MONEY (CSV_PER_LINE | 1u << FIELD_SUBTOTAL | 1u << CSV_UNIT_PRICE)
#define CSV_NUMBERS (CSV_MONEY | 1u << FIELD_QUANTITY)
static inline bool csv_is_among(uint32_t fields, int field) {
    return (fields >> field & 1) != 0;
}
enum { CSV_SKIPS_MAX = 8, CSV_PARTS_MAX = 3 };

// What the user asked for. A zeroed struct asks for nothing: columns are found by their names.
struct csv_fields {
    struct text column[CSV_FIELDS];       // --map
    struct text constant[CSV_FIELDS];     // --set
    bool group;                           // --group-by order_id
    uint32_t per_line;                    // --per-line: a bit for each field that is added up
    struct csv_skip skips[CSV_SKIPS_MAX]; // --skip
    size_t n_skips;
    bool returns;               // --returns
    bool skip_short;            // --skip-short
    const char *preset;         // the name of the one whose options are in here; NULL: none
    uint32_t by_preset;         // a bit for each field that it tells
    const char *times_in;       // --times-in, for whoever knows zones; NULL: the shop's
    char delimiter;             // --delimiter; 0: to be found
    const char *encoding;       // --encoding, for whoever reads the bytes; NULL: UTF-8
    struct csv_written written; // how its cells are
    bool no_shop;               // the shop's currency is not known here
    struct arena arena;         // owns the texts; its heap is used for all
};
// One value of --map ("order_id=ID,total=AMOUNT") or --set; a part with a comma in it is put in
// double quotes, as in CSV. ERROR_USAGE when it cannot be.
MUST_CHECK bool csv_fields_map(struct csv_fields *f, struct text list, struct error *err);
MUST_CHECK bool csv_fields_set(struct csv_fields *f, struct text list, struct error *err);
// One value of --per-line: "tax,shipping".
MUST_CHECK bool csv_fields_per_line(struct csv_fields *f, struct text list, struct error *err);
// One value of --skip: "COLUMN=VALUE,VALUE", or "COLUMN!=VALUE,VALUE" for rows of other values.
MUST_CHECK bool csv_fields_skip(struct csv_fields *f, struct text rule, struct error *err);
// The column of CSV_REFUND, CSV_CANCELLED or CSV_ORIGINAL.
MUST_CHECK bool csv_fields_column(struct csv_fields *f, int field, struct text name,
                                  struct error *err);
// The first option that was asked for and is for CSV alone ("--map"), or NULL.
const char *csv_fields_asked(const struct csv_fields *f);
void csv_fields_free(struct csv_fields *f);
const char *csv_field_name(int field);

// Where a field's value comes from.
struct csv_source {
    int field; // enum order_field or CSV_UNIT_PRICE
    enum csv_bound_by { CSV_BY_SET, CSV_BY_MAP, CSV_BY_NAME, CSV_BY_PRESET } by;
    int column;                  // -1: the constant
    int more[CSV_PARTS_MAX - 1]; // further columns of it, joined by spaces
    size_t n_more;
    struct text constant; // borrowed from the csv_fields
};
struct csv_binding {
    struct csv_source sources[CSV_FIELDS]; // by field, so that quantity comes before unit_price
    size_t n_sources;
    size_t n_columns;     // of the header
    char delimiter;       // of the file
    const char *encoding; // as in csv_fields, for messages
    int id_column;        // of order_id; -1: a constant
    bool group;
    uint32_t per_line;                 // as in csv_fields
    const struct csv_written *written; // borrowed from the csv_fields
    uint32_t rewrites;                 // a bit for each field whose cells are read by it
    bool no_shop;                      // as in csv_fields
    bool derive_total;                 // no column for it: subtotal - discount + shipping + tax
    bool line_amounts;                 // rows carry subtotal or unit_price
    const struct csv_skip *skips;      // borrowed from the csv_fields
    int skip_columns[CSV_SKIPS_MAX];
    size_t n_skips;
    bool returns; // as in csv_fields
    bool plain;   // a row's cells are its values: none of what follows from options changes them
    const char *preset; // as in csv_fields
};
// Finds the columns: by --map, else by the field's name (exact, else whatever the case). Other
// columns are ignored. ERROR_USAGE when a mapped column is not there, or a required field has none.
MUST_CHECK bool csv_fields_bind(const struct csv_fields *f, const struct csv_row *header,
                                struct csv_binding *out, struct error *err);
// The bindings in words, one line: "order_id ← ID by --map; total by name; not read: Note".
void csv_fields_tell(const struct csv_binding *b, const struct csv_row *header, struct buf *out);
