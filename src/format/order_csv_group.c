// SPDX-License-Identifier: MIT
// Rows that are the lines of one order.
//
// 1. Copy the rows joined into the arena, cut each again (order_csv_lines.c).
// 2. Take those that make the event asked for: lines that were sold, or those that came back.
// 3. Take the order's own fields (order_csv_once.c).
// 4. Make each row an item, add up, finish.
//
// How it fails: one bad row rejects the order as a whole.
#include "format/order_csv_lines.h"
#include "order/price.h"
#include <stdio.h>

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
        if (!csv_is_among(CSV_LINE_FIELDS, field) || value.at == NULL) {
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
    return csv_set_order_fields(a) && set_items(a) &&
           ((!c->binding->derive_total &&
             (a->part != CSV_ITS_RETURN || (a->b.seen >> FIELD_TOTAL & 1) != 0)) ||
            csv_set_derived_total(&a->b)) &&
           (!a->came_back || csv_mark_return(&a->b, &c->taken_back, TEXT_LIT("returns"))) &&
           order_finish(&a->b) && csv_check_id(&a->out->order, &a->out->why) &&
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
