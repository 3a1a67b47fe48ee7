// SPDX-License-Identifier: MIT
// CSV files.
//
// The first row names the columns; each further row is an order. With --group-by the file is read
// twice: first to count each order's rows, then to load.
#include "tool/load/load_csv.h"
#include "base/mem.h"
#include "engine/zone_file.h"
#include "tool/load/load_preset.h"
#include <string.h>

// Called for each row after the header; false ends the reading with the error.
typedef bool (*row_fn)(struct csv_load *l, const struct csv_row *row);

// Reads the file, which was begun, to its end, row by row.
static bool read_rows(struct csv_load *l, struct load_input *in, struct csv *csv, row_fn each) {
    struct csv_row row;
    bool ok = true, has_header = false;
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
    return ok;
}

// --- Events

const struct order_rules *load_csv_rules(const struct csv_load *l) {
    return l->zone != NULL ? &l->rules : l->job->sink->ops->rules(l->job->sink);
}

static bool make_parser(struct csv_load *l) {
    if (l->parser == NULL) {
        l->parser = mem_must(order_csv_new(load_csv_rules(l), &l->binding, NULL));
    }
    return true;
}

static bool hand_over(struct csv_load *l, enum order_csv_result result,
                      struct order_csv_event *event) {
    load_report_left_out(l->job->target->report, event->n_left_out);
    if (result == ORDER_CSV_LEFT_OUT) {
        return true;
    }
    if (result == ORDER_CSV_NO_MEMORY) {
        return error_set(l->err, ERROR_RETRIABLE, "%s: out of memory", l->job->name);
    }
    if (l->zone != NULL) {
        event->created_at = TEXT_NONE; // read here, and not left to the shop
    }
    struct load_place place = {l->job->name, event->line};
    return l->job->sink->ops->order(l->job->sink, event, result == ORDER_CSV_REJECTED, place,
                                    l->err);
}

// The event of a part; of a row, or of a group when there is one.
static bool load_part(struct csv_load *l, const struct csv_row *row, const struct csv_group *group,
                      enum order_csv_part part, uint32_t *also) {
    struct arena *arena = l->job->sink->ops->arena(l->job->sink, l->err);
    if (arena == NULL || !make_parser(l)) {
        return false;
    }
    struct order_csv_event event;
    enum order_csv_result result = group != NULL
                                       ? order_csv_group_part(l->parser, group, part, arena, &event)
                                       : order_csv_row_part(l->parser, row, part, arena, &event);
    *also = result == ORDER_CSV_OK ? event.also : 0;
    event.n_left_out = part == CSV_THE_ORDER ? event.n_left_out : 0;
    return hand_over(l, result, &event);
}

static bool load_parts(struct csv_load *l, const struct csv_row *row,
                       const struct csv_group *group) {
    uint32_t also, none;
    bool ok = load_part(l, row, group, CSV_THE_ORDER, &also);
    for (int part = CSV_ITS_CANCELLATION; ok && also >> part != 0; part++) {
        ok = (also >> part & 1) == 0 || load_part(l, row, group, (enum order_csv_part)part, &none);
    }
    return ok;
}

// --- One row is one order

// A title or a sum that an export puts among its rows: short, and with little in it. A row that was
// cut off has more.
static bool is_short(const struct csv_load *l, const struct csv_row *row) {
    enum { SHORT_CELLS = 3, SHORT_PART = 4 };
    size_t n_columns = l->binding.n_columns, n_filled = 0;
    size_t most = n_columns / SHORT_PART > SHORT_CELLS ? n_columns / SHORT_PART : SHORT_CELLS;
    if (!l->fields->skip_short || row->broken || row->n_cells > most || n_columns <= most) {
        return false;
    }
    for (size_t i = 0; i < row->n_cells; i++) {
        n_filled += text_trim(row->cells[i]).len > 0;
    }
    return n_filled <= SHORT_CELLS;
}

// A row of delimiters alone says nothing.
static bool is_blank(const struct csv_load *l, const struct csv_row *row) {
    int id = l->binding.id_column;
    return row->problem == NULL && id >= 0 && row->cells[id].len == 0 &&
           load_line_is_empty(row->raw);
}

static bool load_row(struct csv_load *l, const struct csv_row *row) {
    if (is_blank(l, row)) {
        return true;
    }
    if (UNLIKELY(is_short(l, row))) {
        load_report_left_out(l->job->target->report, 1);
        return true;
    }
    return load_parts(l, row, NULL);
}

// --- Rows are lines of orders

static bool count_row(struct csv_load *l, const struct csv_row *row) {
    if (l->groups == NULL) {
        l->groups = mem_must(csv_groups_new(&l->binding, NULL));
    }
    return is_short(l, row) || csv_groups_count(l->groups, row, l->err) || load_csv_failed(l);
}

static bool load_line(struct csv_load *l, const struct csv_row *row) {
    if (is_short(l, row)) {
        return load_row(l, row);
    }
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
    return load_parts(l, row, &group);
}

// The file from its beginning once more.
static bool load_lines(struct csv_load *l) {
    struct load_input *in;
    if (!load_input_open(l->job->path, l->job->fields->encoding, l->job->target->stop, &in,
                         l->err)) {
        return false;
    }
    struct csv *csv = mem_must(csv_new(NULL));
    bool ok = load_csv_begin(l, in, csv) && read_rows(l, in, csv, load_line);
    ok = ok && (csv_groups_waiting(l->groups) == 0 || load_must_stop(l->job, in) ||
                error_set(l->err, ERROR_FATAL, "%s has changed while it was read: load it again",
                          l->job->name));
    csv_free(csv);
    load_input_close(in);
    return ok;
}

static bool load_groups(struct csv_load *l, struct load_input *in, struct csv *csv) {
    if (strcmp(l->job->path, "-") == 0) {
        return error_set(
            l->err, ERROR_USAGE,
            "--group-by reads the file twice, standard input can be read once: save it "
            "to a file first");
    }
    if (!read_rows(l, in, csv, count_row)) {
        return false;
    }
    if (l->groups == NULL || load_must_stop(l->job, in)) {
        return true; // only a header
    }
    csv_groups_counted(l->groups);
    return load_lines(l);
}

// --times-in: the zone of the file's times.
static bool open_zone(struct csv_load *l) {
    if (l->fields->times_in == NULL) {
        return true;
    }
    struct error inner;
    if (!zone_open(l->fields->times_in, &l->zone, &inner)) {
        return error_set(l->err, ERROR_USAGE, "--times-in: %.400s", inner.text);
    }
    l->rules = *l->job->sink->ops->rules(l->job->sink);
    l->rules.zone = l->zone;
    return true;
}

bool load_csv(const struct load_job *asked, struct load_input *in, struct error *err) {
    struct csv_fields own = *asked->fields;
    own.arena = (struct arena){.heap = asked->fields->arena.heap};
    struct load_job job = *asked;
    job.fields = &own;
    struct csv_load l = {.job = &job, .fields = &own, .err = err};
    struct csv *csv = mem_must(csv_new(NULL));
    bool ok = load_csv_begin(&l, in, csv) && open_zone(&l) &&
              (own.group ? load_groups(&l, in, csv) : read_rows(&l, in, csv, load_row));
    csv_free(csv);
    order_csv_free(l.parser);
    csv_groups_free(l.groups);
    zone_free(l.zone);
    arena_free(&own.arena);
    return ok;
}
