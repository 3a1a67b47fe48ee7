// SPDX-License-Identifier: MIT
// What an order has once, taken from rows that are its lines: time, customer, currency, discount,
// shipping, tax, total.
//
// 1. From the first row that has it.
// 2. Amounts must be the same in all rows that have them, or are added up where that was asked for
//    (--per-line). A 0 beside another amount says nothing.
// 3. What no row has that is taken, a row may have that --skip leaves out: an amount of the order
//    itself in any of them; one that is added up only in a row that is no line but sums the order
//    up.
//
// How it fails: two amounts for what an order has once reject it, naming both.
#include "format/order_csv_lines.h"
#include "order/money.h"
#include <stdio.h>
#include <strings.h>

static bool is_money(int field) {
    return csv_is_among(CSV_PER_LINE, field);
}

static bool is_zero(struct text value) {
    bool zero = true;
    for (size_t i = 0; i < value.len && zero; i++) {
        char c = value.at[i];
        zero = c == '0' || c == '.' || c == '-' || c == '+';
    }
    return zero;
}

static struct text value_at(const struct csv_assembly *a, size_t source, size_t i) {
    return csv_grid_row(a->c, a->c->rows[i])[source];
}
// The amount of a field that the order has once: where it was read into.
static int64_t amount_of(const struct csv_assembly *a, int field) {
    const struct order *o = a->b.order;
    switch (field) {
    case CSV_REFUND:
        return a->c->taken_back.refund_e4;
    case FIELD_DISCOUNT:
        return o->discount_e4;
    case FIELD_SHIPPING:
        return o->shipping_e4;
    case FIELD_TAX:
        return o->tax_e4;
    default:
        return o->total_e4;
    }
}

static bool set_order_field(struct csv_assembly *a, int field, size_t row, struct text value) {
    a->out->line = a->lines[row].line;
    if (field > CSV_UNIT_PRICE) {
        a->c->taken_back.refund_e4 = field == CSV_REFUND ? 0 : a->c->taken_back.refund_e4;
        return csv_take_extra(a->c, field, value, &a->out->why);
    }
    if (!order_set(&a->b, (enum order_field)field, VALUE_TEXT, value)) {
        csv_hint(a->c->binding, field, value, &a->out->why);
        return false;
    }
    return true;
}

// Do both spell the same? The first was set already.
static bool is_same(struct csv_assembly *a, int field, struct text first, struct text other) {
    if (text_equal(first, other)) {
        return true;
    }
    if (field == FIELD_CURRENCY) {
        return first.len == other.len && strncasecmp(first.at, other.at, first.len) == 0;
    }
    int64_t amount_e4;
    bool rounded;
    struct text plain = {other.at + (other.at[0] == '-'), other.len - (other.at[0] == '-')};
    return money_parse_text(plain, &amount_e4, &rounded) == MONEY_OK &&
           (plain.len == other.len || field == CSV_REFUND ? amount_e4 : -amount_e4) ==
               amount_of(a, field);
}

static bool refuse_second_value(struct csv_assembly *a, int field, size_t row, struct text first,
                                struct text second) {
    const char *name = csv_field_name(field);
    char way_out[64] = "an order has one";
    if (field == FIELD_TOTAL) {
        snprintf(way_out, sizeof way_out, "a line's amount is subtotal, or --per-line total");
    } else if (field != FIELD_CURRENCY) {
        snprintf(way_out, sizeof way_out, "--per-line %s adds them up, --set %s=0 leaves it out",
                 name, name);
    }
    a->out->line = a->lines[row].line;
    return reject(&a->out->why, name, REJECT_AMBIGUOUS,
                  "the rows of this order hold different values, '%s' and here '%s': %s",
                  excerpt_of(first).text, excerpt_of(second).text, way_out);
}

// What the order has once must not differ: one of the values would go without a word.
static bool check_others(struct csv_assembly *a, size_t source, int field, size_t first) {
    struct text is = value_at(a, source, first);
    for (size_t i = first + 1; i < a->n_rows; i++) {
        struct text value = value_at(a, source, i);
        if (value.at != NULL && !(is_money(field) && is_zero(value)) &&
            !is_same(a, field, is, value)) {
            return refuse_second_value(a, field, a->c->rows[i], is, value);
        }
    }
    return true;
}

// --per-line: the sum over the rows. At most 200 * 10^16: no overflow.
static bool add_up(struct csv_assembly *a, size_t source, int field) {
    int64_t sum_e4 = 0;
    bool any = false;
    for (size_t i = 0; i < a->n_rows; i++) {
        struct text value = value_at(a, source, i);
        if (value.at == NULL) {
            continue;
        }
        if (!set_order_field(a, field, a->c->rows[i], value)) {
            return false;
        }
        sum_e4 += amount_of(a, field);
        any = true;
    }
    if (field == CSV_REFUND) {
        a->c->taken_back.refund_e4 = sum_e4;
        return sum_e4 < MONEY_LIMIT_E4 || reject(&a->out->why, "refund", REJECT_RANGE,
                                                 "what was refunded must be below 1000000000000");
    }
    return !any || csv_set_amount(&a->b, (enum order_field)field, sum_e4);
}

// What is not money may stand in the order's other rows alone.
static bool set_from_others(struct csv_assembly *a, size_t source, int field) {
    for (size_t i = 0; i < a->n_lines && !is_money(field); i++) {
        struct text value = csv_grid_row(a->c, i)[source];
        if (value.at != NULL) {
            a->out->created_at = field == FIELD_CREATED_AT ? value : a->out->created_at;
            a->out->names_currency |= field == FIELD_CURRENCY;
            return set_order_field(a, field, i, value);
        }
    }
    return true;
}

// An amount in a row that is left out, as the rules know it; none when it has none or 0.
static bool read_left_out(struct csv_assembly *a, size_t source, size_t row, struct text *value) {
    const struct csv_source *s = &a->c->binding->sources[source];
    bool joined = s->n_more > 0; // read already
    *value = csv_grid_row(a->c, row)[source];
    a->out->line = a->lines[row].line;
    if (value->at != NULL && !joined && csv_is_among(a->c->binding->rewrites, s->field) &&
        !csv_rewrite(a->c, s->field, value, a->arena, &a->out->why, &a->no_memory)) {
        return false;
    }
    if (!csv_preset_value(a->c->binding, s->field, false, a->arena, value)) {
        return csv_assembly_refused(a);
    }
    *value = is_zero(*value) ? TEXT_NONE : *value;
    return true;
}

// No row that is taken has this amount of the order: a row that is left out may. What is added up
// line by line goes with its line. `told`: the 0 that the rows have; a row that sums the order up
// has the word then, and beside any other it is a second value.
static bool set_from_left_out(struct csv_assembly *a, size_t source, int field, struct text told,
                              bool *found) {
    struct text first = TEXT_NONE, value;
    const uint8_t wanted =
        csv_is_among(a->c->binding->per_line, field) ? LEFT_OUT | NO_LINE : LEFT_OUT;
    for (size_t i = 0; i < a->n_lines; i++) {
        if ((a->c->marks[i] & wanted) != wanted) {
            continue;
        }
        if (!read_left_out(a, source, i, &value)) {
            return false;
        }
        if (value.at != NULL && told.at != NULL && (a->c->marks[i] & NO_LINE) == 0) {
            return refuse_second_value(a, field, i, told, value);
        }
        if (value.at != NULL && first.at == NULL) {
            first = value;
            if (!set_order_field(a, field, i, value)) {
                return false;
            }
        } else if (value.at != NULL && !is_same(a, field, first, value)) {
            return refuse_second_value(a, field, i, first, value);
        }
    }
    *found = first.at != NULL;
    return true;
}

// The order's amounts in an event of what came back: they are of what was sold, if that has them.
static bool is_of_what_was_sold(const struct csv_assembly *a, size_t source, int field) {
    bool found = false;
    for (size_t i = 0; i < a->n_lines && !found; i++) {
        found = (a->c->marks[i] & (LEFT_OUT | BELOW_ZERO)) == 0 &&
                !is_zero(csv_grid_row(a->c, i)[source]);
    }
    return found && a->part == CSV_ITS_RETURN && is_money(field) &&
           !csv_is_among(a->c->binding->per_line, field);
}

// The first row with a value; with an amount other than 0, if there is one.
static size_t first_value(const struct csv_assembly *a, size_t source, int field) {
    size_t first = a->n_rows;
    for (size_t i = 0; i < a->n_rows; i++) {
        struct text value = value_at(a, source, i);
        if (value.at != NULL && !(is_money(field) && is_zero(value))) {
            return i;
        }
        first = value.at != NULL && first == a->n_rows ? i : first;
    }
    return first;
}

static bool set_from_rows(struct csv_assembly *a, size_t source, int field) {
    const struct csv_binding *binding = a->c->binding;
    if (is_of_what_was_sold(a, source, field)) {
        return true;
    }
    size_t i = first_value(a, source, field);
    bool found = i < a->n_rows && !(is_money(field) && is_zero(value_at(a, source, i)));
    if (!found && is_money(field) && a->part != CSV_ITS_RETURN && binding->n_skips > 0 &&
        (!set_from_left_out(a, source, field, i < a->n_rows ? value_at(a, source, i) : TEXT_NONE,
                            &found) ||
         found)) {
        return found;
    }
    if (i == a->n_rows) {
        return a->n_rows == a->n_lines || set_from_others(a, source, field);
    }
    if (csv_is_among(binding->per_line, field)) {
        return add_up(a, source, field);
    }
    struct text value = value_at(a, source, i);
    if (field == FIELD_ORDER_ID) {
        a->c->taken_back.own_id = value;
    }
    if (!set_order_field(a, field, a->c->rows[i], value)) {
        return false;
    }
    a->out->created_at = field == FIELD_CREATED_AT ? value : a->out->created_at;
    a->out->names_currency |= field == FIELD_CURRENCY;
    bool once = is_money(field) || field == FIELD_CURRENCY;
    return !once || binding->sources[source].column < 0 || check_others(a, source, field, i);
}

bool csv_set_order_fields(struct csv_assembly *a) {
    const struct csv_binding *binding = a->c->binding;
    for (size_t s = 0; s < binding->n_sources; s++) {
        int field = binding->sources[s].field;
        if (!csv_is_among(CSV_LINE_FIELDS, field) && !set_from_rows(a, s, field)) {
            return false;
        }
    }
    return true;
}
