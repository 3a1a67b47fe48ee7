// SPDX-License-Identifier: MIT
// Which export a file is.
//
// 1. With --preset: of that preset's layouts, the one that the row of column names is.
// 2. Else, when the row is not that of an order as it is, or as --map says: the preset whose
//    columns it has. That is told.
//
// How it fails: a row that is nearly the one of a preset has changed; the column that is missing is
// named, and nothing is loaded.
#include "tool/load/load_preset.h"

#include "base/mem.h"
#include "format/csv_dialect.h"
#include "format/csv_presets.h"
#include <stdio.h>
#include <stdlib.h>

bool load_line_is_empty(struct text line) {
    for (size_t i = 0; i < line.len; i++) {
        if (memchr(CSV_DELIMITERS "\" ", line.at[i], sizeof CSV_DELIMITERS "\" " - 1) == NULL) {
            return false;
        }
    }
    return true;
}

// The work on one file.
struct choice {
    const struct load_job *job;
    struct csv_fields *own;
    struct text line;
    struct text *cells;
    char *scratch;
    struct csv_row header;
    char delimiter;
    const struct csv_preset *found, *nearest; // nearest, and delimiter: of the first that has one
    const struct csv_preset *also;            // plain, with --map, and an export that is known
    bool plain;                               // the columns are those of an order as they are
};

static bool has_mapped(const struct csv_fields *f) {
    for (int field = 0; field < CSV_FIELDS; field++) {
        if (f->column[field].at != NULL) {
            return true;
        }
    }
    return false;
}

static bool reads_what_came_back(const struct csv_fields *f) {
    return f->returns || f->column[CSV_REFUND].at != NULL || f->column[CSV_CANCELLED].at != NULL;
}

static bool split_header(struct choice *c, char delimiter) {
    c->header = (struct csv_row){.cells = c->cells, .line = 1};
    return csv_split(c->line, delimiter, c->cells, CSV_CELLS_MAX, &c->header.n_cells, c->scratch);
}

static void try_delimiter(struct choice *c, char delimiter) {
    struct csv_binding binding;
    struct error ignored;
    const struct csv_preset *nearest;
    const char *asked = c->own->preset;
    if (c->found != NULL || c->plain || !split_header(c, delimiter)) {
        return;
    }
    c->plain = asked == NULL && csv_fields_bind(c->own, &c->header, &binding, &ignored);
    if (c->plain) {
        if (has_mapped(c->own) && !reads_what_came_back(c->own)) {
            c->also = csv_presets_find(NULL, &c->header, &nearest);
        }
        return;
    }
    c->found = csv_presets_find(asked, &c->header, &nearest);
    if (c->found != NULL || (nearest != NULL && c->nearest == NULL)) {
        c->nearest = nearest;
        c->delimiter = delimiter;
    }
}

static void tell(const struct choice *c) {
    char line[500];
    snprintf(line, sizeof line, "%.120s: this is an export of %s (--preset %s)%s%s", c->job->name,
             c->found->what, c->found->name, c->found->note != NULL ? ": " : "",
             c->found->note != NULL ? c->found->note : "");
    load_report_problem(c->job->target->report, line);
}

// What was given back stands in columns that --map says nothing of.
static void tell_also(const struct choice *c) {
    char line[400];
    snprintf(line, sizeof line,
             "%.120s: these are the columns of %s; with --map alone what was refunded, cancelled "
             "or returned counts as sold: --preset %s reads that too",
             c->job->name, c->also->what, c->also->name);
    load_report_problem(c->job->target->report, line);
}

static bool refuse_changed(const struct choice *c, struct error *err) {
    const char *name = c->nearest->name;
    struct csv_preset_fit fit = csv_preset_fits(c->nearest, &c->header);
    char way[200];
    if (fit.option == NULL || strcmp(fit.option, "skip") == 0) {
        snprintf(way, sizeof way, "copy the options of --preset show %s and change them", name);
    } else if (strcmp(fit.option, "map") == 0) {
        snprintf(way, sizeof way,
                 "if it has another name now: --preset %s --map %.*s=COLUMN (--preset show %s "
                 "tells the fields)",
                 name, TEXT_ARG(fit.field), name);
    } else {
        snprintf(way, sizeof way, "if it has another name now: --preset %s --%s COLUMN", name,
                 fit.option);
    }
    return error_set(err, ERROR_USAGE,
                     "%.120s: this looks like an export of %s (--preset %s), but column '%s' of "
                     "the preset is missing; %s",
                     c->job->name, c->nearest->what, name, excerpt_of(fit.missing).text, way);
}

static bool apply_choice(struct choice *c, struct error *err) {
    bool asked = c->own->preset != NULL;
    if (c->found == NULL && c->nearest != NULL) {
        (void)split_header(c, c->delimiter);  // another one was tried since
        c->found = asked ? c->nearest : NULL; // what is missing is told when it is bound
    }
    if (c->also != NULL && csv_preset_takes_back(c->also)) {
        tell_also(c);
    }
    if (c->found == NULL) {
        return c->plain || c->nearest == NULL || has_mapped(c->own) || refuse_changed(c, err);
    }
    c->own->preset = NULL;
    if (!csv_preset_apply(c->found, &c->header, c->own, err)) {
        return false;
    }
    c->own->delimiter = c->delimiter;
    tell(c);
    return true;
}

static void try_delimiters(struct choice *c, char named) {
    char candidates[CSV_DELIMITERS_COUNT];
    size_t n = csv_delimiters_in(c->line, candidates);
    if (c->own->delimiter != '\0' || named != '\0') {
        candidates[0] = c->own->delimiter != '\0' ? c->own->delimiter : named;
        n = 1;
    }
    for (size_t i = 0; i < n; i++) {
        try_delimiter(c, candidates[i]);
    }
}

static struct choice begin_choice(const struct load_job *job, struct text line, char named,
                                  struct csv_fields *own) {
    struct choice c = {.job = job, .own = own, .line = line};
    c.cells = mem_alloc(CSV_CELLS_MAX * sizeof *c.cells);
    c.scratch = mem_alloc(line.len + 1);
    try_delimiters(&c, named);
    return c;
}

static void end_choice(struct choice *c) {
    free(c->scratch);
    free(c->cells);
}

bool load_preset_is_header(const struct load_job *job, struct text line, char delimiter,
                           struct csv_fields *own) {
    struct choice c = begin_choice(job, line, delimiter, own);
    end_choice(&c);
    return c.plain || c.found != NULL;
}

bool load_preset_choose(const struct load_job *job, struct text line, char named,
                        struct csv_fields *own, struct error *err) {
    struct choice c = begin_choice(job, line, named, own);
    bool ok = apply_choice(&c, err);
    end_choice(&c);
    return ok;
}
