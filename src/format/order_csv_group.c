// SPDX-License-Identifier: MIT
// Rows that are the lines of one order.
//
// 1. Copy the rows joined into the arena, cut each again (order_csv_lines.c).
// 2. Take those that make the event asked for: lines that were sold, or those that came back.
// 3. Take the order's own fields from the first row that has them. Its amounts must be the same in
//    all rows that have them, or are added up where that was asked for (--per-line).
// 4. Make each row an item, add up, finish.
//
// How it fails: one bad row, or two amounts for what an order has once, reject the order as a
// whole.
#include "format/order_csv_lines.h"
#include "order/money.h"
#include "order/price.h"
#include <stdio.h>
#include <strings.h>

static bool is_line_field(int field) {
    return field == FIELD_PRODUCT_ID || field == FIELD_QUANTITY || field == FIELD_SUBTOTAL ||
           field == CSV_UNIT_PRICE;
}

static bool is_money(int field) {
    return (CSV_PER_LINE >> field & 1) != 0;
}

// --- The order's own fields

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
    struct text is = csv_grid_row(a->c, a->c->rows[first])[source];
    for (size_t i = first + 1; i < a->n_rows; i++) {
        struct text value = csv_grid_row(a->c, a->c->rows[i])[source];
        if (value.at != NULL && !is_same(a, field, is, value)) {
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
        struct text value = csv_grid_row(a->c, a->c->rows[i])[source];
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

static bool set_from_rows(struct csv_assembly *a, size_t source, int field) {
    const struct csv_binding *binding = a->c->binding;
    size_t i = 0;
    while (i < a->n_rows && csv_grid_row(a->c, a->c->rows[i])[source].at == NULL) {
        i++;
    }
    if (i == a->n_rows) {
        return a->n_rows == a->n_lines || set_from_others(a, source, field);
    }
    if ((binding->per_line >> field & 1) != 0) {
        return add_up(a, source, field);
    }
    if (a->part == CSV_ITS_RETURN && is_money(field)) {
        return true; // it is of what was sold
    }
    struct text value = csv_grid_row(a->c, a->c->rows[i])[source];
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

// Each from the first row that has it.
static bool set_order_fields(struct csv_assembly *a) {
    const struct csv_binding *binding = a->c->binding;
    for (size_t s = 0; s < binding->n_sources; s++) {
        int field = binding->sources[s].field;
        if (!is_line_field(field) && !set_from_rows(a, s, field)) {
            return false;
        }
    }
    return true;
}

// --- Items

static bool set_item_value(struct csv_assembly *a, struct order_item *item, size_t i, int field,
                           struct text value) {
    if (field == CSV_UNIT_PRICE) {
        char name[48];
        snprintf(name, sizeof name, "items[%zu].unit_price", i);
        if (!price_times(value, VALUE_TEXT, item->quantity, name, a->arena, &a->out->why,
                         &a->no_memory, &value)) {
            return false;
        }
        field = FIELD_SUBTOTAL;
    }
    return order_item_set(&a->b, item, i, (enum order_field)field, VALUE_TEXT, value);
}

static bool set_item(struct csv_assembly *a, struct order_item *item, size_t i) {
    const struct csv_binding *binding = a->c->binding;
    *item = (struct order_item){.product_id = IDENT_NONE};
    bool has_product = false, has_quantity = false;
    a->out->line = a->lines[a->c->rows[i]].line;
    for (size_t s = 0; s < binding->n_sources; s++) {
        int field = binding->sources[s].field;
        struct text value = csv_grid_row(a->c, a->c->rows[i])[s];
        if (!is_line_field(field) || value.at == NULL) {
            continue;
        }
        if (!set_item_value(a, item, i, field, value)) {
            csv_hint(a->c->binding, field, value, &a->out->why);
            return false;
        }
        has_product |= field == FIELD_PRODUCT_ID;
        has_quantity |= field == FIELD_QUANTITY;
    }
    if (!has_product || !has_quantity) {
        char name[48];
        snprintf(name, sizeof name, "items[%zu].%s", i, has_product ? "quantity" : "product_id");
        return reject(&a->out->why, name, REJECT_MISSING, "the row has no value for it");
    }
    return true;
}

static bool set_items(struct csv_assembly *a) {
    struct order_item *items = arena_try_alloc(a->arena, a->n_rows * sizeof *items);
    if (items == NULL) {
        return csv_assembly_refused(a);
    }
    int64_t subtotal_e4 = 0; // at most 200 * 10^16: no overflow
    for (size_t i = 0; i < a->n_rows; i++) {
        if (!set_item(a, &items[i], i)) {
            return false;
        }
        subtotal_e4 += items[i].subtotal_e4;
    }
    a->out->line = a->lines[a->c->rows[0]].line;
    if (!order_set_items(&a->b, items, a->n_rows, a->arena)) {
        return csv_assembly_refused(a);
    }
    return !a->c->binding->line_amounts || csv_set_amount(&a->b, FIELD_SUBTOTAL, subtotal_e4);
}

// Is there a reason to reject the group before looking at its rows?
static bool group_is_whole(const struct csv_group *group, struct order_csv_event *out) {
    if (group->problem != NULL) {
        out->line = group->problem_line != 0 ? group->problem_line : out->line;
        return reject(&out->why, "", REJECT_BAD_ROW, "%s", group->problem);
    }
    if (group->n_lines > ORDER_ITEMS_MAX) {
        return reject(&out->why, "items", REJECT_TOO_LONG, "at most %d rows may make one order",
                      ORDER_ITEMS_MAX);
    }
    return true;
}

// The event of the rows that are taken.
static bool assemble(struct csv_assembly *a) {
    struct order_csv *c = a->c;
    c->taken_back = (struct csv_taken_back){0};
    order_begin(&a->b, c->rules, &a->out->order, &a->out->why);
    return set_order_fields(a) && set_items(a) &&
           ((!c->binding->derive_total &&
             (a->part != CSV_ITS_RETURN || (a->b.seen >> FIELD_TOTAL & 1) != 0)) ||
            csv_set_derived_total(&a->b)) &&
           (!a->came_back || csv_mark_return(&a->b, &c->taken_back, TEXT_LIT("returns"))) &&
           order_finish(&a->b) &&
           csv_signs_fit(&c->signs, a->out->order.currency, csv_knows_currency(c, a->out),
                         &a->out->why);
}

// What came back is only looked at here: if it cannot be read, the order is rejected with it.
static bool try_return(struct csv_assembly *a) {
    struct order_csv_event event = {.line = a->out->line, .raw = a->out->raw};
    struct csv_assembly other = *a;
    struct csv_taken_back kept = a->c->taken_back;
    other.out = &event;
    other.part = CSV_ITS_RETURN;
    csv_take_lines(&other);
    bool ok = assemble(&other);
    a->c->taken_back = kept;
    a->no_memory |= other.no_memory || other.b.out_of_memory;
    if (!ok) {
        a->out->why = event.why;
        a->out->line = event.line;
    }
    return ok;
}

static bool make_part(struct csv_assembly *a) {
    if (!assemble(a)) {
        return false;
    }
    if (a->part == CSV_ITS_CANCELLATION || a->part == CSV_ITS_REFUND) {
        csv_take_back(&a->c->taken_back, a->part, a->out);
    } else if (a->part == CSV_THE_ORDER && a->out->order.kind == ORDER_PLACED) {
        a->out->also = csv_further_parts(&a->c->taken_back);
        if (a->mixed && !try_return(a)) {
            return false;
        }
        a->out->also |= a->mixed ? 1u << CSV_ITS_RETURN : 0;
    }
    return true;
}

enum order_csv_result order_csv_group_part(struct order_csv *c, const struct csv_group *group,
                                           enum order_csv_part part, struct arena *arena,
                                           struct order_csv_event *out) {
    *out = (struct order_csv_event){.line = group->lines[0].line};
    struct csv_assembly a = {.c = c,
                             .part = part,
                             .lines = group->lines,
                             .n_lines = group->n_lines,
                             .arena = arena,
                             .out = out};
    if (!csv_join_lines(&a)) {
        return ORDER_CSV_NO_MEMORY;
    }
    if (!group_is_whole(group, out)) {
        return ORDER_CSV_REJECTED;
    }
    c->signs.n = 0;
    bool ok = csv_cut_lines(&a);
    if (ok) {
        csv_take_lines(&a);
        if (a.n_rows == 0) {
            return ORDER_CSV_LEFT_OUT;
        }
        ok = make_part(&a);
    }
    return ok                                 ? ORDER_CSV_OK
           : a.no_memory || a.b.out_of_memory ? ORDER_CSV_NO_MEMORY
                                              : ORDER_CSV_REJECTED;
}

enum order_csv_result order_csv_group(struct order_csv *c, const struct csv_group *group,
                                      struct arena *arena, struct order_csv_event *out) {
    return order_csv_group_part(c, group, CSV_THE_ORDER, arena, out);
}
