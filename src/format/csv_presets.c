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

static bool has_columns(const struct csv_row *header, struct text names) {
    bool all = true;
    while (names.len > 0 && all) {
        all = has_column(header, take_part(&names, '+'));
    }
    return all;
}

// Of "A+B|C" those that the header has; the first when it has none.
static struct text pick(const struct csv_row *header, struct text names) {
    const struct text first = take_part(&names, '|');
    struct text found = first;
    while (!has_columns(header, found) && names.len > 0) {
        found = take_part(&names, '|');
    }
    return has_columns(header, found) ? found : first;
}

struct need {
    const struct csv_row *header;
    const char *option;
    struct text field;
    struct csv_preset_fit *fit;
};

static void need_columns(struct need n, struct text columns, char sign) {
    while (columns.len > 0) {
        struct text name = take_part(&columns, sign);
        bool there = has_column(n.header, name);
        n.fit->n_needed++;
        n.fit->n_there += there;
        if (!there && n.fit->missing.len == 0) {
            n.fit->missing = name;
            n.fit->option = n.option;
            n.fit->field = n.field;
        }
    }
}

static void need_map(struct need n, struct text list) {
    while (list.len > 0) {
        struct text columns = take_part(&list, ',');
        n.field = take_part(&columns, '=');
        if (n.field.len > 0 && n.field.at[0] != '?') {
            need_columns(n, pick(n.header, columns), '+');
        }
    }
}

struct csv_preset_fit csv_preset_fits(const struct csv_preset *p, const struct csv_row *header) {
    struct csv_preset_fit fit = {0};
    for (const struct csv_preset_option *o = p->options; o->option != NULL; o++) {
        struct need n = {.header = header, .option = o->option, .fit = &fit};
        struct csv_skip skip;
        struct error ignored;
        if (is_option(o, "map")) {
            need_map(n, text_of(o->value));
        } else if (is_option(o, "refund") || is_option(o, "cancelled") ||
                   is_option(o, "original")) {
            need_columns(n, text_of(o->value), '\0');
        } else if (is_option(o, "skip") && o->value[0] != '?' &&
                   csv_skip_read(text_of(o->value), &skip, &ignored)) {
            need_columns(n, skip.column, '\0');
        }
    }
    if (p->marks != NULL) {
        need_columns((struct need){.header = header, .fit = &fit}, text_of(p->marks), '|');
    }
    return fit;
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
        if (name != NULL && strcmp(p->name, name) != 0) {
            continue;
        }
        struct csv_preset_fit fit = csv_preset_fits(p, header);
        size_t needed = fit.n_needed, there = fit.n_there;
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
        column = pick(header, column);
        if (!optional || has_columns(header, column)) {
            tell(f, field_of(name), column, TEXT_NONE);
        } else if (field_of(name) == FIELD_PRODUCT_ID) {
            tell(f, FIELD_PRODUCT_ID, TEXT_NONE, TEXT_LIT("(unknown)"));
        }
    }
}

// A rule of the user's on the same column goes before.
static bool apply_skip(struct csv_fields *f, const struct csv_row *header, const char *rule,
                       struct error *err) {
    struct csv_skip skip;
    bool optional = *rule == '?';
    rule += optional;
    if (!csv_skip_read(text_of(rule), &skip, err)) {
        return false;
    }
    for (size_t i = 0; i < f->n_skips; i++) {
        if (text_equal(f->skips[i].column, skip.column)) {
            return true;
        }
    }
    if (optional && !has_column(header, skip.column)) {
        return true;
    }
    if (!csv_fields_skip(f, text_of(rule), err)) {
        return false;
    }
    f->skips[f->n_skips - 1].by_preset = true;
    return true;
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

// What is added up is only what there is.
static void drop_absent_sums(struct csv_fields *f) {
    for (int field = 0; field < CSV_FIELDS; field++) {
        if (f->column[field].at == NULL && f->constant[field].at == NULL) {
            f->per_line &= ~(1u << field);
        }
    }
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
            if (!apply_skip(f, header, o->value, err)) {
                return false;
            }
        } else if (is_option(o, "refund") || is_option(o, "cancelled") ||
                   is_option(o, "original")) {
            apply_column(f, o);
        } else if (!apply_rest(f, &asked, o, err)) {
            return false;
        }
    }
    if (asked.per_line == 0) {
        drop_absent_sums(f);
    }
    return true;
}

// Each of a list, the first name of a column alone.
static void show_value(const struct csv_preset_option *o, struct buf *out) {
    struct text list = text_of(o->value);
    if (!is_option(o, "map")) {
        buf_put_str(out, o->value + (*o->value == '?'));
        return;
    }
    for (const char *sign = ""; list.len > 0; sign = ",") {
        struct text one = take_part(&list, ',');
        one = take_part(&one, '|');
        size_t optional = one.at[0] == '?';
        buf_printf(out, "%s%.*s", sign, (int)(one.len - optional), one.at + optional);
    }
}

void csv_preset_show(const struct csv_preset *p, struct buf *out) {
    for (const struct csv_preset_option *o = p->options; o->option != NULL; o++) {
        buf_printf(out, " --%s", o->option);
        if (o->value != NULL) {
            buf_put_str(out, " '");
            show_value(o, out);
            buf_put_char(out, '\'');
        }
    }
}

void csv_preset_show_others(const struct csv_preset *p, struct buf *out) {
    const char *sign = "";
    for (const struct csv_preset_option *o = p->options; o->option != NULL; o++) {
        struct text list = is_option(o, "map") ? text_of(o->value) : TEXT_LIT("");
        while (list.len > 0) {
            struct text names = take_part(&list, ',');
            struct text field = take_part(&names, '=');
            size_t optional = field.len > 0 && field.at[0] == '?';
            (void)take_part(&names, '|');
            while (names.len > 0) {
                struct text other = take_part(&names, '|');
                buf_printf(out, "%s%.*s=%.*s", sign, (int)(field.len - optional),
                           field.at + optional, TEXT_ARG(other));
                sign = ", ";
            }
        }
    }
}
