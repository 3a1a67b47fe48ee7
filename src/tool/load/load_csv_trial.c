// SPDX-License-Identifier: MIT
// Amounts that were found by their name alone, held against the first rows before any is loaded: a
// column Discount may hold rates, a column Tax what is in the prices already. Whether it is to be
// added up is not guessed.
//
// 1. Only where discount, shipping or tax is bound by name: look at the rows that are in the reader
//    already, 500 at most, and go back.
// 2. With a total and amounts of lines: the totals must be what these come to, but for the minority
//    that may be wrong anywhere.
// 3. Where the total is made of them there is nothing to hold them against but this: if all that
//    are not 0 are at most 1, they may be rates.
//
// How it fails: one line that says which column and the two ways out; nothing is loaded.
#include "base/mem.h"
#include "order/money.h"
#include "tool/load/load_csv.h"
#include <stdio.h>

enum { TRIAL_ROWS = 500 };
#define ONE_E4 INT64_C(10000)

struct load_trial {
    const struct csv_load *l;
    struct order_csv *parser;
    struct arena arena;
    int64_t n_orders, n_off;         // that have such an amount; those whose total disagrees
    int64_t n_values[CSV_FIELDS];    // other than 0
    int64_t n_up_to_one[CSV_FIELDS]; // of them
    const struct csv_source *by_name[3];
    size_t n_by_name;
};

static void find_by_name(struct load_trial *t) {
    const struct csv_binding *b = &t->l->binding;
    for (size_t i = 0; i < b->n_sources; i++) {
        int f = b->sources[i].field;
        bool money = f == FIELD_DISCOUNT || f == FIELD_SHIPPING || f == FIELD_TAX;
        if (money && b->sources[i].by == CSV_BY_NAME) {
            t->by_name[t->n_by_name++] = &b->sources[i];
        }
    }
}

static void look_at_cells(struct load_trial *t, const struct csv_row *row) {
    for (size_t i = 0; i < t->n_by_name && row->problem == NULL; i++) {
        int64_t amount_e4;
        bool rounded;
        struct text cell = text_trim(row->cells[t->by_name[i]->column]);
        struct csv_signs signs = {0};
        struct rejection why;
        if (csv_tells_numbers(&t->l->fields->written) && cell.len > 0 &&
            csv_read_number(&t->l->fields->written, &cell, "", &signs, &t->arena, &why) !=
                CSV_WRITTEN) {
            continue;
        }
        if (money_parse_text(cell, &amount_e4, &rounded) == MONEY_OK && amount_e4 != 0) {
            t->n_values[t->by_name[i]->field]++;
            t->n_up_to_one[t->by_name[i]->field] += amount_e4 <= ONE_E4;
        }
    }
}

static int64_t amount_of(const struct order *o, int field) {
    return field == FIELD_DISCOUNT ? o->discount_e4
           : field == FIELD_TAX    ? o->tax_e4
                                   : o->shipping_e4;
}

static void look_at_order(struct load_trial *t, enum order_csv_result result,
                          const struct order_csv_event *e) {
    bool any = false;
    for (size_t i = 0; i < t->n_by_name && result == ORDER_CSV_OK; i++) {
        any |= amount_of(&e->order, t->by_name[i]->field) != 0;
    }
    t->n_orders += any;
    t->n_off += any && (e->order.warnings & WARN_TOTAL_MISMATCH) != 0;
    arena_reset(&t->arena);
}

// Calls each row of the sample.
static void each_row(struct load_trial *t, struct csv *csv, struct csv_groups *groups, bool count) {
    struct csv_row row;
    struct error ignored;
    csv_mark(csv);
    for (int n = 0; n < TRIAL_ROWS; n++) {
        enum csv_next next = csv_next(csv, &row);
        if (next == CSV_MORE || next == CSV_END) {
            break;
        }
        struct order_csv_event e;
        struct csv_group group;
        if (count) {
            look_at_cells(t, &row);
            (void)!csv_groups_count(groups, &row, &ignored);
        } else if (groups == NULL) {
            look_at_cells(t, &row);
            look_at_order(t, order_csv_row(t->parser, &row, &t->arena, &e), &e);
        } else if (csv_groups_add(groups, &row, &group, &ignored) == GROUP_READY) {
            look_at_order(t, order_csv_group(t->parser, &group, &t->arena, &e), &e);
        }
    }
    csv_go_back(csv);
}

static void look_at_rows(struct load_trial *t, struct csv *csv) {
    const struct csv_binding *b = &t->l->binding;
    t->parser = mem_must(order_csv_new(load_csv_rules(t->l), b, NULL));
    struct csv_groups *groups = b->group ? mem_must(csv_groups_new(b, NULL)) : NULL;
    if (groups != NULL) {
        each_row(t, csv, groups, true);
        csv_groups_counted(groups);
    }
    each_row(t, csv, groups, false);
    csv_groups_free(groups);
    order_csv_free(t->parser);
    arena_free(&t->arena);
}

static bool refuse_off(const struct load_trial *t, struct error *err) {
    char names[64] = "", ways[160] = "";
    size_t n = 0, m = 0;
    for (size_t i = 0; i < t->n_by_name; i++) {
        const char *name = csv_field_name(t->by_name[i]->field);
        n += (size_t)snprintf(names + n, sizeof names - n, "%s%s", i > 0 ? ", " : "", name);
        m += (size_t)snprintf(ways + m, sizeof ways - m, "%s--map %s=COLUMN or --set %s=0",
                              i > 0 ? ", " : "", name, name);
    }
    return error_set(err, ERROR_USAGE,
                     "%s: in %lld of the first %lld orders total is not subtotal - discount + "
                     "shipping + tax, and %s was found by its name alone; say what it is: %s",
                     t->l->job->name, (long long)t->n_off, (long long)t->n_orders, names, ways);
}

static bool refuse_rate(const struct load_trial *t, int field, struct error *err) {
    const char *name = csv_field_name(field);
    return error_set(err, ERROR_USAGE,
                     "%s: %s was found by its name alone, and all its values are from 0 to 1 as "
                     "those of a rate are; --map %s=COLUMN if they are amounts, --set %s=0 if not",
                     t->l->job->name, name, name, name);
}

// More than the few bytes that were needed for the header; from a pipe one row at least.
static bool fill_a_row(struct csv_load *l, struct load_input *in, struct csv *csv) {
    enum csv_next next;
    struct csv_row row;
    do {
        if (!load_csv_fill(l, in, csv)) {
            return false;
        }
        csv_mark(csv);
        next = csv_next(csv, &row);
        csv_go_back(csv);
    } while (next == CSV_MORE && !load_must_stop(l->job, in));
    return true;
}

bool load_csv_try(struct csv_load *l, struct load_input *in, struct csv *csv) {
    struct load_trial t = {.l = l};
    find_by_name(&t);
    const struct csv_binding *b = &l->binding;
    bool amounts = t.n_by_name > 0 && (b->derive_total || b->line_amounts);
    bool dates = b->written->n_date_forms > 0;
    if (!amounts && !dates) {
        return true;
    }
    if (!fill_a_row(l, in, csv) || (dates && !load_csv_try_dates(l, csv))) {
        return false;
    }
    if (!amounts) {
        return true;
    }
    look_at_rows(&t, csv);
    if (!b->derive_total) {
        return t.n_off * 2 <= t.n_orders || refuse_off(&t, l->err);
    }
    for (size_t i = 0; i < t.n_by_name; i++) {
        int f = t.by_name[i]->field;
        if (f != FIELD_SHIPPING && t.n_values[f] > 0 && t.n_up_to_one[f] == t.n_values[f]) {
            return refuse_rate(&t, f, l->err);
        }
    }
    return true;
}
