// SPDX-License-Identifier: MIT
// Binding the columns of a CSV file to the fields of an order.
//
// For each field: a constant (--set) wins, then the column named by --map, then the column that has
// the field's name. What cannot be right is refused before the first row: a misspelt field or
// column, two columns for one field, a required field without any.
#include "format/csv_fields.h"

#include "base/mem.h"
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

const char *csv_field_name(int field) {
    return field == CSV_UNIT_PRICE ? "unit_price" : order_field_name((enum order_field)field);
}

static bool is_mappable(int field) {
    return field != FIELD_ITEMS;
}

static int field_of(struct text name) {
    for (int f = 0; f < CSV_FIELDS; f++) {
        if (is_mappable(f) && text_equal(name, text_of(csv_field_name(f)))) {
            return f;
        }
    }
    return -1;
}

// --- What the user asked for

static bool unknown_field(struct text name, struct error *err) {
    char known[300] = "";
    size_t n = 0;
    for (int f = 0; f < CSV_FIELDS; f++) {
        if (is_mappable(f)) {
            n += (size_t)snprintf(known + n, sizeof known - n, "%s%s", n > 0 ? ", " : "",
                                  csv_field_name(f));
        }
    }
    return error_set(err, ERROR_USAGE, "'%s' is not a field of an order (fields: %s)",
                     excerpt_of(name).text, known);
}

static bool assign_one(struct csv_fields *f, struct text *into, struct text part,
                       struct error *err) {
    const char *equals = part.len > 0 ? memchr(part.at, '=', part.len) : NULL;
    if (equals == NULL) {
        return error_set(err, ERROR_USAGE, "'%s' is not FIELD=NAME", excerpt_of(part).text);
    }
    size_t name_len = (size_t)(equals - part.at);
    struct text name = text_trim((struct text){part.at, name_len});
    struct text value = text_trim((struct text){equals + 1, part.len - name_len - 1});
    int field = field_of(name);
    if (field < 0) {
        return unknown_field(name, err);
    }
    if (value.len == 0) {
        return error_set(err, ERROR_USAGE, "nothing follows '%s='", csv_field_name(field));
    }
    if (into[field].at != NULL) {
        return error_set(err, ERROR_USAGE, "%s is given twice", csv_field_name(field));
    }
    if (!text_is_utf8(value)) {
        return error_set(err, ERROR_USAGE, "the value of %s is not UTF-8", csv_field_name(field));
    }
    if (!arena_try_copy(&f->arena, value, &into[field])) {
        return error_set(err, ERROR_RETRIABLE, "out of memory");
    }
    return true;
}

static bool assign(struct csv_fields *f, struct text *into, struct text list, struct error *err) {
    struct text parts[CSV_FIELDS];
    size_t n = 0;
    char *scratch = heap_alloc(f->arena.heap, list.len);
    if (scratch == NULL) {
        return error_set(err, ERROR_RETRIABLE, "out of memory");
    }
    bool ok = list.len > 0 && csv_split(list, ',', parts, COUNT_OF(parts), &n, scratch);
    if (!ok) {
        error_set(err, ERROR_USAGE, "'%s' is not a list FIELD=NAME,FIELD=NAME",
                  excerpt_of(list).text);
    }
    for (size_t i = 0; ok && i < n; i++) {
        ok = assign_one(f, into, parts[i], err);
    }
    heap_free(f->arena.heap, scratch);
    return ok;
}

bool csv_fields_map(struct csv_fields *f, struct text list, struct error *err) {
    return assign(f, f->column, list, err);
}

bool csv_fields_set(struct csv_fields *f, struct text list, struct error *err) {
    return assign(f, f->constant, list, err);
}

bool csv_fields_per_line(struct csv_fields *f, struct text list, struct error *err) {
    while (list.len > 0) {
        const char *comma = memchr(list.at, ',', list.len);
        struct text name = {list.at, comma != NULL ? (size_t)(comma - list.at) : list.len};
        size_t used = name.len + (comma != NULL);
        int field = field_of(text_trim(name));
        if (field < 0 || (CSV_PER_LINE >> field & 1) == 0) {
            return error_set(err, ERROR_USAGE,
                             "'%s' is none of discount, shipping, tax and total; a line's amount "
                             "is subtotal or unit_price",
                             excerpt_of(name).text);
        }
        f->per_line |= 1u << field;
        list = (struct text){list.at + used, list.len - used};
    }
    return true;
}

const char *csv_fields_asked(const struct csv_fields *f) {
    for (int field = 0; field < CSV_FIELDS; field++) {
        if (f->column[field].at != NULL || f->constant[field].at != NULL) {
            return f->column[field].at != NULL ? "--map" : "--set";
        }
    }
    return f->written.n_date_forms > 0      ? "--date-format"
           : csv_tells_numbers(&f->written) ? "--decimal or --thousands"
           : f->group                       ? "--group-by"
           : f->delimiter != '\0'           ? "--delimiter"
                                            : NULL;
}

void csv_fields_free(struct csv_fields *f) {
    arena_free(&f->arena);
    *f = (struct csv_fields){.arena.heap = f->arena.heap};
}

// --- The header of one file

static bool same_letters(struct text a, struct text b) {
    return a.len == b.len && strncasecmp(a.at, b.at, a.len) == 0;
}

enum { NO_COLUMN = -1, TWO_COLUMNS = -2 };

static int find_column(const struct csv_row *header, struct text name,
                       bool (*same)(struct text, struct text)) {
    int found = NO_COLUMN;
    for (size_t i = 0; i < header->n_cells; i++) {
        struct text cell = text_trim(header->cells[i]);
        if (cell.len > 0 && same(cell, name)) {
            if (found != NO_COLUMN) {
                return TWO_COLUMNS;
            }
            found = (int)i;
        }
    }
    return found;
}

// The columns' names for a message; what does not fit is cut.
static const char *list_columns(const struct csv_row *header, char out[static 240]) {
    size_t n = 0;
    out[0] = '\0';
    for (size_t i = 0; i < header->n_cells; i++) {
        struct excerpt name = excerpt_of(text_trim(header->cells[i]));
        int more = snprintf(out + n, 240 - n, "%s%s", i > 0 ? ", " : "", name.text);
        if (more < 0 || n + (size_t)more > 230) {
            memcpy(out + n, "...", 4);
            break;
        }
        n += (size_t)more;
    }
    return out;
}

// *column: NO_COLUMN when there is none and none was asked for.
static bool bind_column(const struct csv_fields *f, int field, const struct csv_row *header,
                        int *column, struct error *err) {
    bool mapped = f->column[field].at != NULL;
    struct text name = mapped ? f->column[field] : text_of(csv_field_name(field));
    *column = find_column(header, name, text_equal);
    if (*column == NO_COLUMN) {
        *column = find_column(header, name, same_letters);
    }
    char columns[240];
    if (*column == TWO_COLUMNS) {
        return error_set(err, ERROR_USAGE,
                         "two columns are called '%s'; rename one of them in the file",
                         excerpt_of(name).text);
    }
    if (*column == NO_COLUMN && mapped) {
        return error_set(err, ERROR_USAGE, "no column '%s' for %s (columns: %s)",
                         excerpt_of(name).text, csv_field_name(field),
                         list_columns(header, columns));
    }
    return true;
}

static bool missing_column(int field, const struct csv_row *header, struct error *err) {
    char columns[240];
    return error_set(err, ERROR_USAGE,
                     "no column for %s: name it with --map %s=COLUMN, or give a value for all rows "
                     "with --set %s=VALUE (columns: %s)",
                     csv_field_name(field), csv_field_name(field), csv_field_name(field),
                     list_columns(header, columns));
}

static bool check_required(const struct csv_binding *b, uint32_t bound,
                           const struct csv_row *header, struct error *err) {
    static const int required[] = {FIELD_ORDER_ID, FIELD_CREATED_AT, FIELD_PRODUCT_ID,
                                   FIELD_QUANTITY};
    for (size_t i = 0; i < COUNT_OF(required); i++) {
        if ((bound & (1u << required[i])) == 0) {
            return missing_column(required[i], header, err);
        }
    }
    if ((bound & (1u << FIELD_TOTAL)) == 0 && !b->derive_total) {
        return missing_column(FIELD_TOTAL, header, err);
    }
    for (int field = 0; field < FIELD_COUNT; field++) {
        if ((b->per_line & ~bound & (1u << field)) != 0) {
            return error_set(err, ERROR_USAGE, "--per-line %s: there is no column for it",
                             csv_field_name(field));
        }
    }
    if (b->group && b->id_column < 0) {
        return error_set(err, ERROR_USAGE, "--group-by order_id needs a column for order_id");
    }
    return true;
}

// subtotal and unit_price are two ways to say the same: what was asked for goes before what was
// only found by its name, and subtotal before unit_price.
static int amount_not_used(const struct csv_fields *f, const int *column) {
    bool subtotal = column[FIELD_SUBTOTAL] >= 0 || f->constant[FIELD_SUBTOTAL].at != NULL;
    bool price = column[CSV_UNIT_PRICE] >= 0 || f->constant[CSV_UNIT_PRICE].at != NULL;
    if (!subtotal || !price) {
        return -1;
    }
    bool asked_subtotal =
        f->column[FIELD_SUBTOTAL].at != NULL || f->constant[FIELD_SUBTOTAL].at != NULL;
    bool asked_price =
        f->column[CSV_UNIT_PRICE].at != NULL || f->constant[CSV_UNIT_PRICE].at != NULL;
    return asked_price && !asked_subtotal ? FIELD_SUBTOTAL : CSV_UNIT_PRICE;
}

static uint32_t rewrites_of(const struct csv_written *w) {
    const uint32_t numbers =
        1u << FIELD_QUANTITY | 1u << FIELD_SUBTOTAL | CSV_PER_LINE | 1u << CSV_UNIT_PRICE;
    return (csv_tells_times(w) ? 1u << FIELD_CREATED_AT : 0) | (csv_tells_numbers(w) ? numbers : 0);
}

bool csv_fields_bind(const struct csv_fields *f, const struct csv_row *header,
                     struct csv_binding *out, struct error *err) {
    int column[CSV_FIELDS];
    for (int field = 0; field < CSV_FIELDS; field++) {
        column[field] = NO_COLUMN;
        if (is_mappable(field) && f->constant[field].at == NULL &&
            !bind_column(f, field, header, &column[field], err)) {
            return false;
        }
    }
    int unused = amount_not_used(f, column);
    uint32_t bound = 0;
    *out = (struct csv_binding){.n_columns = header->n_cells,
                                .delimiter = f->delimiter != 0 ? f->delimiter : ',',
                                .encoding = f->encoding,
                                .group = f->group,
                                .per_line = f->per_line,
                                .written = &f->written,
                                .rewrites = rewrites_of(&f->written),
                                .no_shop = f->no_shop};
    for (int field = 0; field < CSV_FIELDS; field++) {
        if (field != unused && (column[field] >= 0 || f->constant[field].at != NULL)) {
            out->sources[out->n_sources++] =
                (struct csv_source){.field = field,
                                    .by = f->constant[field].at != NULL ? CSV_BY_SET
                                          : f->column[field].at != NULL ? CSV_BY_MAP
                                                                        : CSV_BY_NAME,
                                    .column = column[field],
                                    .constant = f->constant[field]};
            bound |= 1u << field;
        }
    }
    out->id_column = column[FIELD_ORDER_ID];
    bool has_price = (bound & (1u << CSV_UNIT_PRICE)) != 0;
    bool has_total = (bound & (1u << FIELD_TOTAL)) != 0;
    out->line_amounts = has_price || (bound & (1u << FIELD_SUBTOTAL)) != 0;
    out->derive_total = !has_total && (has_price || (f->group && out->line_amounts));
    return check_required(out, bound, header, err);
}
