// SPDX-License-Identifier: MIT
// CSV files.
//
// The first row names the columns; each further row is an order. With --group-by the file is read
// twice: first to count each order's rows, then to load.
#include "tool/load/load_csv.h"
#include "base/mem.h"
#include <string.h>

// Called for each row after the header; false ends the reading with the error.
typedef bool (*row_fn)(struct csv_load *l, const struct csv_row *row);

// Reads the file to its end, row by row.
static bool read_rows(struct csv_load *l, struct load_input *in, row_fn each) {
    struct csv *csv = mem_must(csv_new(NULL));
    struct csv_row row;
    bool ok = load_csv_begin(l, in, csv), has_header = false;
    enum csv_next next = CSV_MORE;
    while (ok && (next = csv_next(csv, &row)) != CSV_END) {
        if (next == CSV_MORE) {
            if (load_must_stop(l->job, in)) {
                break;
            }
            ok = load_csv_fill(l, in, csv);
        } else if (has_header) {
            ok = each(l, &row);
        } else {
            ok = has_header = load_csv_bind(l, in, csv, &row);
        }
    }
    if (ok && next == CSV_END && !has_header) {
        ok = error_set(l->err, ERROR_FATAL, "%s is empty; its first row must name the columns",
                       l->job->name);
    }
    csv_free(csv);
    return ok;
}

// --- One row is one order

static bool hand_over(struct csv_load *l, enum order_csv_result result,
                      const struct order_csv_event *event) {
    if (result == ORDER_CSV_NO_MEMORY) {
        return error_set(l->err, ERROR_RETRIABLE, "%s: out of memory", l->job->name);
    }
    struct load_place place = {l->job->name, event->line};
    return l->job->sink->ops->order(l->job->sink, event, result == ORDER_CSV_REJECTED, place,
                                    l->err);
}

static bool load_row(struct csv_load *l, const struct csv_row *row) {
    struct arena *arena = l->job->sink->ops->arena(l->job->sink, l->err);
    if (arena == NULL) {
        return false;
    }
    if (l->parser == NULL) {
        l->parser =
            mem_must(order_csv_new(l->job->sink->ops->rules(l->job->sink), &l->binding, NULL));
    }
    struct order_csv_event event;
    return hand_over(l, order_csv_row(l->parser, row, arena, &event), &event);
}

// --- Rows are lines of orders

static bool count_row(struct csv_load *l, const struct csv_row *row) {
    if (l->groups == NULL) {
        l->groups = mem_must(csv_groups_new(&l->binding, NULL));
    }
    return csv_groups_count(l->groups, row, l->err) || load_csv_failed(l);
}

static bool load_line(struct csv_load *l, const struct csv_row *row) {
    struct csv_group group;
    switch (csv_groups_add(l->groups, row, &group, l->err)) {
    case GROUP_WAITS:
        return true;
    case GROUP_NONE:
        return load_row(l, row);
    case GROUP_FAILED:
        return load_csv_failed(l);
    case GROUP_READY:
        break;
    }
    struct arena *arena = l->job->sink->ops->arena(l->job->sink, l->err);
    if (arena == NULL) {
        return false;
    }
    if (l->parser == NULL) {
        l->parser =
            mem_must(order_csv_new(l->job->sink->ops->rules(l->job->sink), &l->binding, NULL));
    }
    struct order_csv_event event;
    return hand_over(l, order_csv_group(l->parser, &group, arena, &event), &event);
}

static bool count_rows(struct csv_load *l) {
    struct load_input *in;
    if (!load_input_open(l->job->path, l->job->fields->encoding, l->job->target->stop, &in,
                         l->err)) {
        return false;
    }
    bool ok = read_rows(l, in, count_row);
    load_input_close(in);
    return ok;
}

static bool load_groups(struct csv_load *l, struct load_input *in) {
    if (strcmp(l->job->path, "-") == 0) {
        return error_set(
            l->err, ERROR_USAGE,
            "--group-by reads the file twice, standard input can be read once: save it "
            "to a file first");
    }
    if (!count_rows(l)) {
        return false;
    }
    if (l->groups == NULL || load_must_stop(l->job, in)) {
        return true; // only a header
    }
    csv_groups_counted(l->groups);
    if (!read_rows(l, in, load_line)) {
        return false;
    }
    return csv_groups_waiting(l->groups) == 0 || load_must_stop(l->job, in) ||
           error_set(l->err, ERROR_FATAL, "%s has changed while it was read: load it again",
                     l->job->name);
}

bool load_csv(const struct load_job *job, struct load_input *in, struct error *err) {
    struct csv_load l = {.job = job, .err = err};
    bool ok = job->fields->group ? load_groups(&l, in) : read_rows(&l, in, load_row);
    order_csv_free(l.parser);
    csv_groups_free(l.groups);
    return ok;
}
