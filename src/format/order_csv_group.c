// SPDX-License-Identifier: MIT
// Rows that are the lines of one order.
//
// 1. Copy the rows joined into the arena, cut each again.
// 2. Take the order's own fields from the first row that has them. Its amounts must be the same in
//    all rows that have them, or are added up where that was asked for (--per-line).
// 3. Make each row an item, add up, finish.
//
// How it fails: one bad row, or two amounts for what an order has once, reject the order as a
// whole.
#include "format/order_csv_internal.h"
#include "order/money.h"
#include "order/price.h"
#include <stdio.h>
#include <strings.h>

// The work on one order.
struct assembly {
    struct order_csv *c;
    struct order_builder b;
    const struct csv_line *lines;
    size_t n_lines;
    struct arena *arena;
    struct order_csv_event *out;
    bool no_memory;
};

static bool refused(struct assembly *a) {
    a->no_memory = true;
    return false;
}

static bool is_line_field(int field) {
    return field == FIELD_PRODUCT_ID || field == FIELD_QUANTITY || field == FIELD_SUBTOTAL ||
           field == CSV_UNIT_PRICE;
}

static struct text *grid_row(struct order_csv *c, size_t row) {
    return c->grid + row * c->binding->n_sources;
}

static bool join_lines(struct assembly *a) {
    size_t n = 0;
    for (size_t i = 0; i < a->n_lines; i++) {
        n += a->lines[i].raw.len + 1;
    }
    char *to = arena_try_bytes(a->arena, n);
    if (to == NULL) {
        return refused(a);
    }
    a->out->raw = (struct text){to, n - 1};
    for (size_t i = 0; i < a->n_lines; i++) {
        memcpy(to, a->lines[i].raw.at, a->lines[i].raw.len);
        to += a->lines[i].raw.len;
        *to++ = '\n';
    }
    return true;
}

// Cuts one row of the joined text into the grid.
static bool cut_line(struct assembly *a, size_t i, struct text row) {
    struct order_csv *c = a->c;
    char *scratch = NULL;
    if (memchr(row.at, '"', row.len) != NULL) { // only then is a copy ever made
        scratch = arena_try_bytes(a->arena, row.len);
        if (scratch == NULL) {
            return refused(a);
        }
    }
    size_t n_cells;
    if (!csv_split(row, c->binding->delimiter, c->cells, CSV_CELLS_MAX, &n_cells, scratch) ||
        n_cells != c->binding->n_columns) {
        a->out->line = a->lines[i].line;
        return reject(&a->out->why, "", REJECT_BAD_ROW, "the row is broken");
    }
    bool valid = text_is_utf8(row);
    for (size_t s = 0; s < c->binding->n_sources; s++) {
        struct text value = csv_value_of(&c->binding->sources[s], c->cells);
        grid_row(c, i)[s] = value;
        if (!valid &&
            !csv_check_utf8(c->binding, c->binding->sources[s].field, value, &a->out->why)) {
            a->out->line = a->lines[i].line;
            return false;
        }
        int field = c->binding->sources[s].field;
        if (UNLIKELY((c->binding->rewrites >> field & 1) != 0) && value.at != NULL &&
            !csv_rewrite(c, field, &grid_row(c, i)[s], a->arena, &a->out->why, &a->no_memory)) {
            a->out->line = a->lines[i].line;
            return false;
        }
    }
    return true;
}

static bool cut_lines(struct assembly *a) {
    struct order_csv *c = a->c;
    size_t want = a->n_lines * c->binding->n_sources;
    if (want > c->grid_cap) {
        struct text *grid = heap_realloc(c->heap, c->grid, want * sizeof *grid); // <= 200 * 17
        if (grid == NULL) {
            return refused(a);
        }
        c->grid = grid;
        c->grid_cap = want;
    }
    const char *at = a->out->raw.at;
    for (size_t i = 0; i < a->n_lines; i++) {
        if (!cut_line(a, i, (struct text){at, a->lines[i].raw.len})) {
            return false;
        }
        at += a->lines[i].raw.len + 1;
    }
    return true;
}

// --- The order's own fields

// The amount of a field that the order has once: where it was read into.
static int64_t amount_of(const struct order *o, int field) {
    switch (field) {
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

static bool set_order_field(struct assembly *a, int field, size_t row, struct text value) {
    a->out->line = a->lines[row].line;
    if (!order_set(&a->b, (enum order_field)field, VALUE_TEXT, value)) {
        csv_hint(a->c->binding, field, value, &a->out->why);
        return false;
    }
    return true;
}

// Do both spell the same? The first was set already.
static bool is_same(struct assembly *a, int field, struct text first, struct text other) {
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
           (plain.len == other.len ? amount_e4 : -amount_e4) == amount_of(a->b.order, field);
}

static bool refuse_second_value(struct assembly *a, int field, size_t row, struct text first,
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
static bool check_others(struct assembly *a, size_t source, int field, size_t first) {
    for (size_t i = first + 1; i < a->n_lines; i++) {
        struct text value = grid_row(a->c, i)[source];
        if (value.at != NULL && !is_same(a, field, grid_row(a->c, first)[source], value)) {
            return refuse_second_value(a, field, i, grid_row(a->c, first)[source], value);
        }
    }
    return true;
}

// --per-line: the sum over the rows. At most 200 * 10^16: no overflow.
static bool add_up(struct assembly *a, size_t source, int field) {
    int64_t sum_e4 = 0;
    bool any = false;
    for (size_t i = 0; i < a->n_lines; i++) {
        struct text value = grid_row(a->c, i)[source];
        if (value.at == NULL) {
            continue;
        }
        if (!set_order_field(a, field, i, value)) {
            return false;
        }
        sum_e4 += amount_of(a->b.order, field);
        any = true;
    }
    return !any || csv_set_amount(&a->b, (enum order_field)field, sum_e4);
}

static bool set_from_rows(struct assembly *a, size_t source, int field) {
    const struct csv_binding *binding = a->c->binding;
    size_t i = 0;
    while (i < a->n_lines && grid_row(a->c, i)[source].at == NULL) {
        i++;
    }
    if (i == a->n_lines) {
        return true;
    }
    if ((binding->per_line >> field & 1) != 0) {
        return add_up(a, source, field);
    }
    struct text value = grid_row(a->c, i)[source];
    if (!set_order_field(a, field, i, value)) {
        return false;
    }
    a->out->created_at = field == FIELD_CREATED_AT ? value : a->out->created_at;
    a->out->names_currency |= field == FIELD_CURRENCY;
    bool once = (CSV_PER_LINE >> field & 1) != 0 || field == FIELD_CURRENCY;
    return !once || binding->sources[source].column < 0 || check_others(a, source, field, i);
}

// Each from the first row that has it.
static bool set_order_fields(struct assembly *a) {
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

static bool set_item_value(struct assembly *a, struct order_item *item, size_t i, int field,
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

static bool set_item(struct assembly *a, struct order_item *item, size_t i) {
    const struct csv_binding *binding = a->c->binding;
    *item = (struct order_item){.product_id = IDENT_NONE};
    bool has_product = false, has_quantity = false;
    a->out->line = a->lines[i].line;
    for (size_t s = 0; s < binding->n_sources; s++) {
        int field = binding->sources[s].field;
        struct text value = grid_row(a->c, i)[s];
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

static bool set_items(struct assembly *a) {
    struct order_item *items = arena_try_alloc(a->arena, a->n_lines * sizeof *items);
    if (items == NULL) {
        return refused(a);
    }
    int64_t subtotal_e4 = 0; // at most 200 * 10^16: no overflow
    for (size_t i = 0; i < a->n_lines; i++) {
        if (!set_item(a, &items[i], i)) {
            return false;
        }
        subtotal_e4 += items[i].subtotal_e4;
    }
    a->out->line = a->lines[0].line;
    if (!order_set_items(&a->b, items, a->n_lines, a->arena)) {
        return refused(a);
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

enum order_csv_result order_csv_group(struct order_csv *c, const struct csv_group *group,
                                      struct arena *arena, struct order_csv_event *out) {
    *out = (struct order_csv_event){.line = group->lines[0].line};
    struct assembly a = {
        .c = c, .lines = group->lines, .n_lines = group->n_lines, .arena = arena, .out = out};
    if (!join_lines(&a)) {
        return ORDER_CSV_NO_MEMORY;
    }
    if (!group_is_whole(group, out)) {
        return ORDER_CSV_REJECTED;
    }
    c->signs.n = 0;
    order_begin(&a.b, c->rules, &out->order, &out->why);
    if (cut_lines(&a) && set_order_fields(&a) && set_items(&a) &&
        (!c->binding->derive_total || csv_set_derived_total(&a.b)) && order_finish(&a.b) &&
        csv_signs_fit(&c->signs, out->order.currency, csv_knows_currency(c, out), &out->why)) {
        return ORDER_CSV_OK;
    }
    return a.no_memory || a.b.out_of_memory ? ORDER_CSV_NO_MEMORY : ORDER_CSV_REJECTED;
}
