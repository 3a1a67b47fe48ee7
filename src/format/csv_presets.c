// SPDX-License-Identifier: MIT
// Presets: finding the one of a header, and turning it into options.
//
// Each column that its options name, but those of optional fields, must be in the header: a layout
// that has changed is told and not half read.
#include "format/csv_presets.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static bool has_column(const struct csv_row *header, struct text name) {
    for (size_t i = 0; i < header->n_cells; i++) {
        struct text cell = text_trim(header->cells[i]);
        if (cell.len == name.len && strncasecmp(cell.at, name.at, name.len) == 0) {
            return true;
        }
    }
    return false;
}

// Takes what stands before `sign` off the list.
static struct text take_part(struct text *list, char sign) {
    const char *end = list->len > 0 ? memchr(list->at, sign, list->len) : NULL;
    struct text part = {list->at, end != NULL ? (size_t)(end - list->at) : list->len};
    size_t used = part.len + (end != NULL);
    *list = (struct text){list->at + used, list->len - used};
    return part;
}

static bool is_option(const struct csv_preset_option *o, const char *name) {
    return strcmp(o->option, name) == 0;
}

// --- The columns of a preset

struct fit {
    const struct csv_row *header;
    size_t n_needed, n_there;
    struct text missing;
};

static void need(struct fit *f, struct text columns, char sign) {
    while (columns.len > 0) {
        struct text name = take_part(&columns, sign);
        bool there = has_column(f->header, name);
        f->n_needed++;
        f->n_there += there;
        if (!there && f->missing.len == 0) {
            f->missing = name;
        }
    }
}

static void need_map(struct fit *f, struct text list) {
    while (list.len > 0) {
        struct text column = take_part(&list, ',');
        struct text field = take_part(&column, '=');
        if (field.len > 0 && field.at[0] != '?') {
            need(f, column, '+');
        }
    }
}

size_t csv_preset_fits(const struct csv_preset *p, const struct csv_row *header, size_t *n_needed,
                       struct text *missing) {
    struct fit f = {.header = header};
    for (const struct csv_preset_option *o = p->options; o->option != NULL; o++) {
        if (is_option(o, "map")) {
            need_map(&f, text_of(o->value));
        } else if (is_option(o, "refund") || is_option(o, "cancelled") ||
                   is_option(o, "original")) {
            need(&f, text_of(o->value), '\0');
        } else if (is_option(o, "skip")) {
            struct csv_skip skip;
            struct error ignored;
            if (csv_skip_read(text_of(o->value), &skip, &ignored)) {
                need(&f, skip.column, '\0');
            }
        }
    }
    if (p->marks != NULL) {
        need(&f, text_of(p->marks), '|');
    }
    *n_needed = f.n_needed;
    *missing = f.missing;
    return f.n_there;
}

bool csv_preset_takes_back(const struct csv_preset *p) {
    bool takes = false;
    for (const struct csv_preset_option *o = p->options; o->option != NULL; o++) {
        takes |= is_option(o, "refund") || is_option(o, "cancelled") || is_option(o, "returns");
    }
    return takes;
}

const struct csv_preset *csv_presets_find(const char *name, const struct csv_row *header,
                                          const struct csv_preset **nearest) {
    const struct csv_preset *found = NULL;
    size_t most = 0, nearest_there = 0, nearest_needed = 1;
    *nearest = NULL;
    for (size_t i = 0; i < csv_presets_count; i++) {
        const struct csv_preset *p = &csv_presets[i];
        size_t needed;
        struct text missing;
        if (name != NULL && strcmp(p->name, name) != 0) {
            continue;
        }
        size_t there = csv_preset_fits(p, header, &needed, &missing);
        if (there == needed && needed > most) {
            found = p;
            most = needed;
        }
        bool near = name != NULL || there * 4 >= needed * 3;
        if (near && there * nearest_needed >= nearest_there * needed) {
            *nearest = p;
            nearest_there = there;
            nearest_needed = needed;
        }
    }
    return found;
}

// --- Its options

static int field_of(struct text name) {
    for (int f = 0; f < CSV_FIELDS; f++) {
        if (text_equal(name, text_of(csv_field_name(f)))) {
            return f;
        }
    }
    return -1;
}

static void tell(struct csv_fields *f, int field, struct text column, struct text constant) {
    if (f->column[field].at == NULL && f->constant[field].at == NULL) {
        f->column[field] = column;
        f->constant[field] = constant;
        f->by_preset |= 1u << field;
    }
}

static void apply_map(struct csv_fields *f, const struct csv_row *header, struct text list) {
    while (list.len > 0) {
        struct text column = take_part(&list, ',');
        struct text name = take_part(&column, '=');
        bool optional = name.len > 0 && name.at[0] == '?';
        name = (struct text){name.at + optional, name.len - optional};
        if (!optional || has_column(header, column)) {
            tell(f, field_of(name), column, TEXT_NONE);
        } else if (field_of(name) == FIELD_PRODUCT_ID) {
            tell(f, FIELD_PRODUCT_ID, TEXT_NONE, TEXT_LIT("(unknown)"));
        }
    }
}

// A rule of the user's on the same column goes before.
static bool apply_skip(struct csv_fields *f, const char *rule, struct error *err) {
    struct csv_skip skip;
    if (!csv_skip_read(text_of(rule), &skip, err)) {
        return false;
    }
    for (size_t i = 0; i < f->n_skips; i++) {
        if (text_equal(f->skips[i].column, skip.column)) {
            return true;
        }
    }
    return csv_fields_skip(f, text_of(rule), err);
}

static void apply_column(struct csv_fields *f, const struct csv_preset_option *o) {
    int field = is_option(o, "refund")      ? CSV_REFUND
                : is_option(o, "cancelled") ? CSV_CANCELLED
                                            : CSV_ORIGINAL;
    tell(f, field, text_of(o->value), TEXT_NONE);
}

// What else there is; `asked` is what the user said.
static bool apply_rest(struct csv_fields *f, const struct csv_fields *asked,
                       const struct csv_preset_option *o, struct error *err) {
    struct csv_written *w = &f->written;
    if (is_option(o, "group-by")) {
        f->group = true;
    } else if (is_option(o, "per-line")) {
        return asked->per_line != 0 || csv_fields_per_line(f, text_of(o->value), err);
    } else if (is_option(o, "returns")) {
        f->returns = true;
    } else if (is_option(o, "skip-short")) {
        f->skip_short = true;
    } else if (is_option(o, "times-in")) {
        f->times_in = asked->times_in != NULL ? asked->times_in : o->value;
    } else if (is_option(o, "date-format")) {
        if (!csv_tells_times(&asked->written) && w->n_date_forms < CSV_DATE_FORMS_MAX) {
            w->date_forms[w->n_date_forms++] = o->value;
        }
    } else if (!csv_tells_numbers(&asked->written)) {
        if (is_option(o, "decimal")) {
            w->decimal = o->value[0];
        } else if (is_option(o, "thousands")) {
            w->thousands = o->value[0];
        }
    }
    return true;
}

bool csv_preset_apply(const struct csv_preset *p, const struct csv_row *header,
                      struct csv_fields *f, struct error *err) {
    const struct csv_fields asked = *f;
    f->preset = p->name;
    for (const struct csv_preset_option *o = p->options; o->option != NULL; o++) {
        if (is_option(o, "map")) {
            apply_map(f, header, text_of(o->value));
        } else if (is_option(o, "set")) {
            struct text value = text_of(o->value), name = take_part(&value, '=');
            tell(f, field_of(name), TEXT_NONE, value);
        } else if (is_option(o, "skip")) {
            if (!apply_skip(f, o->value, err)) {
                return false;
            }
        } else if (is_option(o, "refund") || is_option(o, "cancelled") ||
                   is_option(o, "original")) {
            apply_column(f, o);
        } else if (!apply_rest(f, &asked, o, err)) {
            return false;
        }
    }
    return true;
}

void csv_preset_show(const struct csv_preset *p, struct buf *out) {
    for (const struct csv_preset_option *o = p->options; o->option != NULL; o++) {
        buf_printf(out, " --%s", o->option);
        if (o->value != NULL) {
            buf_put_str(out, " '");
            for (const char *c = o->value; *c != '\0'; c++) {
                if (*c != '?') {
                    buf_put_char(out, *c);
                }
            }
            buf_put_char(out, '\'');
        }
    }
}
