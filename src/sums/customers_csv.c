// SPDX-License-Identifier: MIT
// Customers from the bytes of a CSV file.
//
// The happy path: bytes are put into the CSV reader's own buffer; the first row tells the columns;
// each other row is a customer. At the end the customers go to the caller.
//
// How it fails: there is no customer_id column, one row is wrong, or memory is refused. Then
// nothing is kept, and the error names the file and the line: half a customers file would give
// orders the wrong source and state without a word.
#include "format/csv.h"
#include "sums/customers_internal.h"
#include <strings.h>

struct customers_input {
    const struct mem_heap *heap;
    const char *name;
    struct csv *csv;
    struct customers *customers;
    int column[CUSTOMER_FIELDS]; // -1: not there
    bool has_header;
};

struct customers_input *customers_input_new(const char *name, const struct mem_heap *heap) {
    struct customers_input *in = heap_zalloc(heap, 1, sizeof *in);
    if (in == NULL) {
        return NULL;
    }
    in->heap = heap;
    in->name = name;
    in->csv = csv_new(heap);
    in->customers = customers_new(heap);
    if (in->csv == NULL || in->customers == NULL) {
        customers_input_free(in);
        return NULL;
    }
    return in;
}

void customers_input_free(struct customers_input *in) {
    if (in != NULL) {
        csv_free(in->csv);
        customers_free(in->customers);
        heap_free(in->heap, in);
    }
}

static bool wrong_row(const struct customers_input *in, int64_t line, const char *what,
                      struct error *err) {
    return error_set(err, ERROR_USAGE, "%s:%lld: %s", in->name, (long long)line, what);
}

static bool is_named(struct text cell, struct text name) {
    return cell.len == name.len && strncasecmp(cell.at, name.at, name.len) == 0;
}

static bool read_header(struct customers_input *in, const struct csv_row *row, struct error *err) {
    if (row->problem != NULL) {
        return wrong_row(in, row->line, row->problem, err);
    }
    for (int f = 0; f < CUSTOMER_FIELDS; f++) {
        struct text name = text_of(order_field_name(customer_fields[f]));
        in->column[f] = -1;
        for (size_t i = 0; i < row->n_cells; i++) {
            if (!is_named(text_trim(row->cells[i]), name)) {
                continue;
            }
            if (in->column[f] >= 0) {
                return error_set(err, ERROR_USAGE, "%s:%lld: two columns are called %s", in->name,
                                 (long long)row->line, name.at);
            }
            in->column[f] = (int)i;
        }
    }
    if (in->column[CUSTOMER_ID] < 0) {
        return wrong_row(in, row->line,
                         "no column customer_id in the first row (source and state are read too)",
                         err);
    }
    csv_set_width(in->csv, row->n_cells);
    in->has_header = true;
    return true;
}

static bool read_customer(struct customers_input *in, const struct csv_row *row,
                          struct error *err) {
    if (row->problem != NULL) {
        return wrong_row(in, row->line, row->problem, err);
    }
    struct text texts[CUSTOMER_FIELDS];
    for (int f = 0; f < CUSTOMER_FIELDS; f++) {
        texts[f] = in->column[f] >= 0 ? row->cells[in->column[f]] : TEXT_NONE;
    }
    struct customer_row_problem problem;
    switch (customers_add_row(in->customers, texts, &problem)) {
    case CUSTOMER_ROW_ADDED:
        return true;
    case CUSTOMER_ROW_WRONG:
        return wrong_row(in, row->line, problem.text, err);
    case CUSTOMER_ROW_NO_MEMORY:
        break;
    }
    return error_set(err, ERROR_RETRIABLE, "%s: out of memory", in->name);
}

char *customers_input_room(struct customers_input *in, size_t *n_bytes) {
    return csv_room(in->csv, n_bytes);
}

bool customers_input_fed(struct customers_input *in, size_t n_bytes, struct customers **out,
                         struct error *err) {
    *out = NULL;
    csv_fed(in->csv, n_bytes);
    struct csv_row row;
    for (;;) {
        switch (csv_next(in->csv, &row)) {
        case CSV_MORE:
            return true;
        case CSV_END:
            if (!in->has_header) {
                return wrong_row(in, 1, "the file is empty; its first row must name columns", err);
            }
            *out = in->customers;
            in->customers = NULL;
            return true;
        case CSV_ROW:
        case CSV_BAD_ROW:
            if (!(in->has_header ? read_customer(in, &row, err) : read_header(in, &row, err))) {
                return false;
            }
        }
    }
}

bool customers_from_csv(const char *name, struct text bytes, const struct mem_heap *heap,
                        struct customers **out, struct error *err) {
    *out = NULL;
    struct customers_input *in = customers_input_new(name, heap);
    if (in == NULL) {
        return error_set(err, ERROR_RETRIABLE, "%s: out of memory", name);
    }
    bool ok = true;
    size_t n = 0;
    do { // the last turn feeds nothing: the end
        size_t room;
        char *to = customers_input_room(in, &room);
        n = bytes.len < room ? bytes.len : room;
        if (n > 0) {
            memcpy(to, bytes.at, n);
            bytes = (struct text){bytes.at + n, bytes.len - n};
        }
        ok = customers_input_fed(in, n, out, err);
    } while (ok && n > 0);
    customers_input_free(in);
    return ok;
}
