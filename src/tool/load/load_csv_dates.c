// SPDX-License-Identifier: MIT
// Dates whose day and month stand the other way round than --date-format or a preset says. Those up
// to the twelfth would be read, as other days, and only the others be rejected.
//
// 1. Look at the first rows that are in the reader, 500 at most, and go back.
// 2. When some of their dates have none of the forms that were told, and all of them have one with
//    day and month exchanged, these are the dates.
//
// How it fails: one line that says the form to tell; nothing is loaded.
#include "tool/load/load_csv.h"
#include <stdio.h>

enum { LOOK_ROWS = 500, FORM_BYTES = 72 };

struct date_trial {
    const struct csv_written *told;
    struct csv_written other; // with day and month exchanged
    char forms[CSV_DATE_FORMS_MAX][FORM_BYTES];
    int64_t n_dates, n_other; // those that are there, and that the exchanged forms read
    struct excerpt wrong;     // the first that has not the form that was told
    const char *its_form;     // NULL: there is none such
};

static void exchange(const char *form, char out[static FORM_BYTES]) {
    size_t n = 0;
    for (; *form != '\0' && n + 1 < FORM_BYTES; form++) {
        out[n++] = *form;
        if (*form == '%' && form[1] != '\0') {
            form++;
            out[n++] = (char)(*form == 'm' ? 'd' : *form == 'd' ? 'm' : *form);
        }
    }
    out[n] = '\0';
}

// The form that the date has, or NULL.
static const char *form_of(const struct csv_written *w, struct text date) {
    char out[DATE_FORM_BYTES];
    size_t n;
    const char *found = NULL;
    for (size_t i = 0; i < w->n_date_forms && found == NULL; i++) {
        found = date_form_read(w->date_forms[i], date, out, &n) ? w->date_forms[i] : NULL;
    }
    return found;
}

// The cells of a time, joined by spaces; empty when there is none, or they are too long for one.
static struct text date_of(const struct csv_source *s, const struct csv_row *row,
                           char out[static DATE_FORM_BYTES]) {
    size_t n = 0;
    for (size_t i = 0; i <= s->n_more; i++) {
        struct text part = text_trim(row->cells[i == 0 ? s->column : s->more[i - 1]]);
        if (part.len == 0) {
            continue;
        }
        if (n + 1 + part.len > DATE_FORM_BYTES) {
            return TEXT_LIT("");
        }
        out[n] = ' ';
        n += n > 0;
        memcpy(out + n, part.at, part.len);
        n += part.len;
    }
    return (struct text){out, n};
}

static void look_at_date(struct date_trial *t, struct text date) {
    const char *told = form_of(t->told, date), *other = form_of(&t->other, date);
    t->n_dates += told != NULL || other != NULL; // what is no date either way tells nothing
    t->n_other += other != NULL;
    if (told == NULL && t->its_form == NULL) {
        t->wrong = excerpt_of(date);
        t->its_form = other;
    }
}

static void look_at_dates(struct date_trial *t, const struct csv_source *s, struct csv *csv) {
    struct csv_row row;
    csv_mark(csv);
    for (int n = 0; n < LOOK_ROWS; n++) {
        enum csv_next next = csv_next(csv, &row);
        if (next == CSV_MORE || next == CSV_END) {
            break;
        }
        char joined[DATE_FORM_BYTES];
        struct text date = row.problem == NULL ? date_of(s, &row, joined) : TEXT_LIT("");
        if (date.len > 0) {
            look_at_date(t, date);
        }
    }
    csv_go_back(csv);
}

bool load_csv_try_dates(struct csv_load *l, struct csv *csv) {
    const struct csv_source *s = NULL;
    for (size_t i = 0; i < l->binding.n_sources; i++) {
        s = l->binding.sources[i].field == FIELD_CREATED_AT ? &l->binding.sources[i] : s;
    }
    if (s == NULL || s->column < 0) {
        return true;
    }
    struct date_trial t = {.told = &l->fields->written, .other = l->fields->written};
    for (size_t i = 0; i < t.other.n_date_forms; i++) {
        exchange(t.told->date_forms[i], t.forms[i]);
        t.other.date_forms[i] = t.forms[i];
    }
    look_at_dates(&t, s, csv);
    if (t.its_form == NULL || t.n_other < t.n_dates) {
        return true;
    }
    return error_set(l->err, ERROR_USAGE,
                     "%s: day and month are the other way round than is told: '%s' has not the "
                     "form '%s', and the first rows (%lld) all have it so: --date-format '%s'",
                     l->job->name, t.wrong.text, t.told->date_forms[0], (long long)t.n_dates,
                     t.its_form);
}
