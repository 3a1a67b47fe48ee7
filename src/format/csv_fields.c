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
    static const char *const own[] = {"unit_price", "refund", "cancelled", "original"};
    return field >= CSV_UNIT_PRICE ? own[field - CSV_UNIT_PRICE]
                                   : order_field_name((enum order_field)field);
}

// Those of --map and --set, which are also found by their names.
static bool is_mappable(int field) {
    return field != FIELD_ITEMS && field <= CSV_UNIT_PRICE;
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
        int field = text_equal(text_trim(name), TEXT_LIT("refund")) ? (int)CSV_REFUND
                                                                    : field_of(text_trim(name));
        if (field < 0 || !csv_is_among(CSV_PER_LINE, field)) {
            return error_set(err, ERROR_USAGE,
                             "'%s' is none of discount, shipping, tax, total and refund; a line's "
                             "amount is subtotal or unit_price",
                             excerpt_of(name).text);
        }
        f->per_line |= 1u << field;
        list = (struct text){list.at + used, list.len - used};
    }
    return true;
}

bool csv_fields_skip(struct csv_fields *f, struct text rule, struct error *err) {
    if (f->n_skips == CSV_SKIPS_MAX) {
        return error_set(err, ERROR_USAGE, "at most %d columns", CSV_SKIPS_MAX);
    }
    struct text kept;
    if (!arena_try_copy(&f->arena, rule, &kept)) {
        return error_set(err, ERROR_RETRIABLE, "out of memory");
    }
    return csv_skip_read(kept, &f->skips[f->n_skips], err) && ++f->n_skips > 0;
}

bool csv_fields_column(struct csv_fields *f, int field, struct text name, struct error *err) {
    if (name.len == 0 || !text_is_utf8(name)) {
        return error_set(err, ERROR_USAGE, "the name of a column has to follow");
    }
    return arena_try_copy(&f->arena, name, &f->column[field]) ||
           error_set(err, ERROR_RETRIABLE, "out of memory");
}

const char *csv_fields_asked(const struct csv_fields *f) {
    static const char *const own[] = {"--refund", "--cancelled", "--original"};
    for (int field = 0; field < CSV_FIELDS; field++) {
        if (f->column[field].at != NULL && field > CSV_UNIT_PRICE) {
            return own[field - CSV_REFUND];
        }
        if (f->column[field].at != NULL || f->constant[field].at != NULL) {
            return f->column[field].at != NULL ? "--map" : "--set";
        }
    }
    if (f->preset != NULL || f->n_skips > 0 || f->returns || f->skip_short || f->times_in != NULL) {
        return f->preset != NULL ? "--preset"
               : f->n_skips > 0  ? "--skip"
               : f->returns      ? "--returns"
               : f->skip_short   ? "--skip-short"
                                 : "--times-in";
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

// The column of this name, exact or else in any case; NO_COLUMN. False: there are two.
static bool find_by_name(const struct csv_row *header, struct text name, int *column,
                         struct error *err) {
    *column = find_column(header, name, text_equal);
    if (*column == NO_COLUMN) {
        *column = find_column(header, name, same_letters);
    }
    return *column != TWO_COLUMNS ||
           error_set(err, ERROR_USAGE,
                     "two columns are called '%s'; rename one of them in the file",
                     excerpt_of(name).text);
}

static bool may_have_parts(int field) {
    return field == FIELD_CREATED_AT || csv_is_among(CSV_MONEY, field);
}

// "Date+Time", "item-tax+shipping-tax": a time or an amount that stands in several columns.
static bool find_parts(const struct csv_row *header, struct text name, struct csv_source *s,
                       struct error *err) {
    int found[CSV_PARTS_MAX];
    size_t n = 0;
    while (name.len > 0 && n < CSV_PARTS_MAX) {
        const char *plus = memchr(name.at, '+', name.len);
        size_t len = plus != NULL ? (size_t)(plus - name.at) : name.len;
        if (!find_by_name(header, text_trim((struct text){name.at, len}), &found[n], err)) {
            return false;
        }
        if (found[n++] == NO_COLUMN) {
            return true;
        }
        len += plus != NULL;
        name = (struct text){name.at + len, name.len - len};
    }
    if (n < 2 || name.len > 0) {
        return true;
    }
    s->column = found[0];
    s->n_more = n - 1;
    memcpy(s->more, found + 1, (n - 1) * sizeof *found);
    return true;
}

// s->column: NO_COLUMN when there is none and none was asked for.
static bool bind_column(const struct csv_fields *f, int field, const struct csv_row *header,
                        struct csv_source *s, struct error *err) {
    bool mapped = f->column[field].at != NULL;
    struct text name = mapped ? f->column[field] : text_of(csv_field_name(field));
    bool by_name = is_mappable(field) && f->preset == NULL;
    s->column = NO_COLUMN;
    if (!mapped && !by_name) {
        return true; // a preset tells all its columns
    }
    if (!find_by_name(header, name, &s->column, err) ||
        (s->column == NO_COLUMN && may_have_parts(field) && mapped &&
         !find_parts(header, name, s, err))) {
        return false;
    }
    char columns[240];
    if (s->column == NO_COLUMN && mapped && (f->by_preset >> field & 1) != 0) {
        return error_set(err, ERROR_USAGE,
                         "column '%s' of the preset %s is missing; if it has another name now: "
                         "--%s%s%sCOLUMN (columns: %s)",
                         excerpt_of(name).text, f->preset, is_mappable(field) ? "map " : "",
                         csv_field_name(field), is_mappable(field) ? "=" : " ",
                         list_columns(header, columns));
    }
    if (s->column == NO_COLUMN && mapped) {
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
    for (int field = 0; field < CSV_FIELDS; field++) {
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
static int amount_not_used(const struct csv_fields *f, const struct csv_source *s) {
    bool subtotal = s[FIELD_SUBTOTAL].column >= 0 || f->constant[FIELD_SUBTOTAL].at != NULL;
    bool price = s[CSV_UNIT_PRICE].column >= 0 || f->constant[CSV_UNIT_PRICE].at != NULL;
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
    const uint32_t times = 1u << FIELD_CREATED_AT | 1u << CSV_CANCELLED;
    return (csv_tells_times(w) ? times : 0) | (csv_tells_numbers(w) ? CSV_NUMBERS : 0);
}

static bool bind_skips(const struct csv_fields *f, const struct csv_row *header,
                       struct csv_binding *out, struct error *err) {
    out->skips = f->skips;
    out->n_skips = f->n_skips;
    for (size_t i = 0; i < f->n_skips; i++) {
        char columns[240];
        if (!find_by_name(header, f->skips[i].column, &out->skip_columns[i], err)) {
            return false;
        }
        if (out->skip_columns[i] == NO_COLUMN && f->skips[i].by_preset) {
            return error_set(err, ERROR_USAGE,
                             "column '%s' of the preset %s, by which rows are left out, is "
                             "missing: copy the options of --preset show %s and change them "
                             "(columns: %s)",
                             excerpt_of(f->skips[i].column).text, f->preset, f->preset,
                             list_columns(header, columns));
        }
        if (out->skip_columns[i] == NO_COLUMN) {
            return error_set(err, ERROR_USAGE, "no column '%s' for --skip (columns: %s)",
                             excerpt_of(f->skips[i].column).text, list_columns(header, columns));
        }
    }
    return true;
}

static enum csv_bound_by bound_by(const struct csv_fields *f, int field) {
    return (f->by_preset >> field & 1) != 0 ? CSV_BY_PRESET
           : f->constant[field].at != NULL  ? CSV_BY_SET
           : f->column[field].at != NULL    ? CSV_BY_MAP
                                            : CSV_BY_NAME;
}

bool csv_fields_bind(const struct csv_fields *f, const struct csv_row *header,
                     struct csv_binding *out, struct error *err) {
    struct csv_source all[CSV_FIELDS] = {0};
    for (int field = 0; field < CSV_FIELDS; field++) {
        all[field].column = NO_COLUMN;
        if (field != FIELD_ITEMS && f->constant[field].at == NULL &&
            !bind_column(f, field, header, &all[field], err)) {
            return false;
        }
    }
    int unused = amount_not_used(f, all);
    uint32_t bound = 0;
    *out = (struct csv_binding){.n_columns = header->n_cells,
                                .delimiter = f->delimiter != 0 ? f->delimiter : ',',
                                .encoding = f->encoding,
                                .group = f->group,
                                .per_line = f->per_line,
                                .written = &f->written,
                                .rewrites = rewrites_of(&f->written),
                                .no_shop = f->no_shop,
                                .returns = f->returns,
                                .plain = !f->returns && f->preset == NULL &&
                                         rewrites_of(&f->written) == 0,
                                .preset = f->preset};
    for (int field = 0; field < CSV_FIELDS; field++) {
        if (field != unused && (all[field].column >= 0 || f->constant[field].at != NULL)) {
            all[field].field = field;
            all[field].by = bound_by(f, field);
            all[field].constant = f->constant[field];
            out->plain &= all[field].n_more == 0 && field <= CSV_UNIT_PRICE;
            out->sources[out->n_sources++] = all[field];
            bound |= 1u << field;
        }
    }
    out->id_column = all[FIELD_ORDER_ID].column;
    bool has_price = (bound & (1u << CSV_UNIT_PRICE)) != 0;
    bool has_total = (bound & (1u << FIELD_TOTAL)) != 0;
    out->line_amounts = has_price || (bound & (1u << FIELD_SUBTOTAL)) != 0;
    out->derive_total = !has_total && (has_price || (f->group && out->line_amounts));
    return check_required(out, bound, header, err) && bind_skips(f, header, out, err);
}
