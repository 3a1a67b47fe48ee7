// SPDX-License-Identifier: MIT
// The head of a CSV file: its delimiter and what its columns are.
//
// 1. A line sep=; names the delimiter; --delimiter goes before it. Which export the file is may
// tell
//    it too (load_preset.c).
// 2. Else each delimiter that stands in the row of column names is tried: the one whose columns are
//    those that an order needs is it. If several are, none is taken: it is not guessed.
// 3. Lines before the row of column names are passed over, which is told.
// 4. The fields are bound to the columns, and that is told; what was bound by its name alone is
//    held against the first rows (load_csv_trial.c).
#include "base/mem.h"
#include "format/csv_dialect.h"
#include "tool/load/load_csv.h"
#include "tool/load/load_preset.h"
#include <stdio.h>
#include <stdlib.h>

bool load_csv_failed(struct csv_load *l) {
    struct error inner = *l->err;
    return error_set(l->err, inner.cls, "%s: %.400s", l->job->name, inner.text);
}

bool load_csv_fill(struct csv_load *l, struct load_input *in, struct csv *csv) {
    size_t room, n = 0;
    char *to = csv_room(csv, &room);
    switch (load_input_read(in, to, room, &n, l->err)) {
    case INPUT_BYTES:
    case INPUT_END:
        csv_fed(csv, n);
        return true;
    case INPUT_IDLE:
        return l->job->sink->ops->flush(l->job->sink, l->err);
    default:
        return false;
    }
}

// --- The delimiter

// Would the columns be those of an order, parted by this delimiter?
static bool parts_an_order(const struct csv_load *l, struct text line, char delimiter) {
    struct csv_row header = {.line = 1};
    struct text *cells = mem_alloc(CSV_CELLS_MAX * sizeof *cells);
    char *scratch = mem_alloc(line.len + 1);
    struct csv_binding binding;
    struct error ignored;
    header.cells = cells;
    bool fits = csv_split(line, delimiter, cells, CSV_CELLS_MAX, &header.n_cells, scratch) &&
                csv_fields_bind(l->fields, &header, &binding, &ignored);
    free(scratch);
    free(cells);
    return fits;
}

static bool find_delimiter(struct csv_load *l, struct text line, char *out) {
    char candidates[CSV_DELIMITERS_COUNT];
    size_t n = csv_delimiters_in(line, candidates), n_fit = 0;
    *out = candidates[0]; // if none fits, the most frequent one's columns are told
    for (size_t i = 0; i < n && n > 1; i++) {
        if (parts_an_order(l, line, candidates[i])) {
            *out = candidates[i];
            n_fit++;
        }
    }
    return n_fit <= 1 ||
           error_set(l->err, ERROR_USAGE,
                     "%s: its columns may be parted by %c or by %c; say which with --delimiter",
                     l->job->name, candidates[0], candidates[1]);
}

// Reads on until the first line is there. CSV_MORE: the user wants to stop, or *ok is false.
static enum csv_next first_line(struct csv_load *l, struct load_input *in, struct csv *csv,
                                struct text *line, bool *ok) {
    enum csv_next next;
    while ((next = csv_first_line(csv, line)) == CSV_MORE && *ok && !load_must_stop(l->job, in)) {
        *ok = load_csv_fill(l, in, csv);
    }
    return next;
}

// A line's cells, and how many of them have something in them.
static size_t count_cells(struct text line, char delimiter, size_t *n_filled) {
    size_t n = 0;
    struct text *cells = mem_alloc(CSV_CELLS_MAX * sizeof *cells);
    char *scratch = mem_alloc(line.len + 1);
    bool split = csv_split(line, delimiter, cells, CSV_CELLS_MAX, &n, scratch);
    *n_filled = 0;
    for (size_t i = 0; split && i < n; i++) {
        *n_filled += text_trim(cells[i]).len > 0;
    }
    free(scratch);
    free(cells);
    return n;
}

// A title fills few cells. A line with half as many as there are names of columns is a row, or the
// names of other columns: what stands below it would be passed over with it.
static bool are_titles(struct csv *csv, size_t n, struct text names, char delimiter) {
    char candidates[CSV_DELIMITERS_COUNT];
    struct text line;
    bool ok = true;
    if (delimiter == '\0' && csv_delimiters_in(names, candidates) > 0) {
        delimiter = candidates[0];
    }
    size_t n_filled, n_names = count_cells(names, delimiter, &n_filled);
    csv_mark(csv);
    for (size_t i = 0; ok && i < n && csv_first_line(csv, &line) == CSV_ROW; i++) {
        (void)count_cells(line, delimiter, &n_filled);
        ok = 2 * n_filled < n_names;
        csv_skip_first_line(csv);
    }
    csv_go_back(csv);
    return ok;
}

// Reports begin with a title, a range of days, a disclaimer: the row of column names is the first
// line that is one, of those that are in the reader. None: the first line is to be told as it is.
static size_t count_titles(struct csv_load *l, struct csv *csv, struct text line, char delimiter) {
    enum { TITLES_MAX = 40 };
    size_t n = 0;
    enum csv_next next = CSV_ROW;
    csv_mark(csv);
    while (next == CSV_ROW && n < TITLES_MAX &&
           !load_preset_is_header(l->job, line, delimiter, l->fields)) {
        csv_skip_first_line(csv);
        next = csv_first_line(csv, &line);
        n++;
    }
    csv_go_back(csv);
    bool found = next == CSV_ROW && n < TITLES_MAX;
    return found && are_titles(csv, n, line, delimiter) ? n : 0;
}

// Passes over the titles; *line is the row of column names then.
static void skip_titles(struct csv_load *l, struct csv *csv, char delimiter, struct text *line) {
    l->n_titles = l->chosen ? l->n_titles : count_titles(l, csv, *line, delimiter);
    for (size_t i = 0; i < l->n_titles; i++) {
        csv_skip_first_line(csv);
        if (csv_first_line(csv, line) != CSV_ROW) {
            return; // the file has changed since: that is told where it matters
        }
    }
}

bool load_csv_begin(struct csv_load *l, struct load_input *in, struct csv *csv) {
    struct text line;
    bool ok = true;
    char delimiter = l->fields->delimiter, named = '\0';
    enum csv_next next = first_line(l, in, csv, &line, &ok);
    while (ok && next == CSV_ROW && load_line_is_empty(line)) {
        csv_skip_first_line(csv);
        next = first_line(l, in, csv, &line, &ok);
    }
    if (next == CSV_ROW && csv_is_sep_line(line, &named)) {
        if (named == '\0' && delimiter == '\0') {
            return error_set(l->err, ERROR_USAGE,
                             "%s: its first line names a delimiter that is none of , ; | and tab",
                             l->job->name);
        }
        delimiter = delimiter != '\0' ? delimiter : named;
        csv_skip_first_line(csv);
        next = first_line(l, in, csv, &line, &ok);
    }
    if (!ok || next != CSV_ROW) {
        return ok;
    }
    skip_titles(l, csv, delimiter, &line);
    if (!l->chosen) {
        if (!load_preset_choose(l->job, line, delimiter, l->fields, l->err)) {
            return false;
        }
        l->chosen = true;
    }
    delimiter = l->fields->delimiter != '\0' ? l->fields->delimiter : delimiter;
    if (delimiter == '\0' && !find_delimiter(l, line, &delimiter)) {
        return false;
    }
    csv_set_delimiter(csv, delimiter);
    l->binding.delimiter = delimiter;
    return true;
}

// --- The columns

static void tell_bindings(struct csv_load *l, const struct csv_row *header) {
    struct buf words = {0}, line = {0};
    csv_fields_tell(&l->binding, header, &words);
    buf_printf(&line, "%s: %.*s", l->job->name, TEXT_ARG(buf_text(&words)));
    buf_put_char(&line, '\0');
    if (!line.failed && !words.failed) {
        load_report_problem(l->job->target->report, line.at);
    }
    buf_free(&words);
    buf_free(&line);
}

static void tell_titles(const struct csv_load *l, const struct csv_row *header) {
    char line[300];
    snprintf(line, sizeof line,
             "%.200s: the row of column names is line %lld; what stands before it is left out",
             l->job->name, (long long)header->line);
    load_report_problem(l->job->target->report, line);
}

bool load_csv_bind(struct csv_load *l, struct load_input *in, struct csv *csv,
                   const struct csv_row *header) {
    if (header->problem != NULL) {
        return error_set(l->err, ERROR_FATAL, "%s:%lld: the row of column names is broken: %s",
                         l->job->name, (long long)header->line, header->problem);
    }
    csv_set_width(csv, header->n_cells);
    char delimiter = l->binding.delimiter;
    if (!csv_fields_bind(l->fields, header, &l->binding, l->err)) {
        return load_csv_failed(l);
    }
    l->binding.delimiter = delimiter;
    if (l->told) {
        return true;
    }
    if (l->n_titles > 0) {
        tell_titles(l, header);
    }
    tell_bindings(l, header);
    l->told = true;
    return load_csv_try(l, in, csv);
}
