// SPDX-License-Identifier: MIT
// Rows to order events, through the builder in order.h.
//
// One row is one order:  copy the row into the arena, move the cells that are needed there, set
// field after field, finish.
// Rows are lines of one order:  copy them joined into the arena, cut each again, take the order's
// own fields from the first row that has them, make each row an item, add up, finish.
//
// An empty cell is an absent field. quantity * unit_price is multiplied digit by digit on the text,
// so it is exact for prices of any length, and rounded once, by money_parse.
#include "format/order_csv.h"

#include "order/money.h"
#include <stdio.h>

struct order_csv {
    const struct mem_heap *heap;
    const struct order_rules *rules;
    const struct csv_binding *binding;
    struct text cells[CSV_CELLS_MAX]; // of the row in work
    struct text *grid;                // values of several rows, binding->n_sources each
    size_t grid_cap;
};

struct order_csv *order_csv_new(const struct order_rules *rules, const struct csv_binding *binding,
                                const struct mem_heap *heap) {
    struct order_csv *c = heap_zalloc(heap, 1, sizeof *c);
    if (c == NULL) {
        return NULL;
    }
    c->heap = heap;
    c->rules = rules;
    c->binding = binding;
    return c;
}

void order_csv_free(struct order_csv *c) {
    if (c != NULL) {
        heap_free(c->heap, c->grid);
        heap_free(c->heap, c);
    }
}

// --- Values

// quantity * price as a decimal text in `arena`; price is a JSON number that is not negative.
// TEXT_NONE when memory is refused.
static struct text multiply(struct text price, int64_t quantity, struct arena *arena) {
    const char *at = price.at + (price.len > 0 && price.at[0] == '-'); // -0
    const char *end = price.at + price.len;
    const char *exponent = at;
    while (exponent < end && *exponent != 'e' && *exponent != 'E') {
        exponent++;
    }
    enum { CARRY_DIGITS = 20 };
    size_t room = (size_t)(end - at) + CARRY_DIGITS;
    char *out = arena_try_bytes(arena, room);
    if (out == NULL) {
        return TEXT_NONE;
    }
    char *to = out + room - (end - exponent);
    memcpy(to, exponent, (size_t)(end - exponent));
    uint64_t carry = 0;
    for (const char *p = exponent; p > at;) {
        p--;
        if (*p == '.') {
            *--to = '.';
            continue;
        }
        carry += (uint64_t)(*p - '0') * (uint64_t)quantity;
        *--to = (char)('0' + carry % 10);
        carry /= 10;
    }
    for (; carry > 0; carry /= 10) {
        *--to = (char)('0' + carry % 10);
    }
    while (to[0] == '0' && to + 1 < out + room && to[1] >= '0' && to[1] <= '9') {
        to++;
    }
    return (struct text){to, (size_t)(out + room - to)};
}

// Is this spelling a price that can be multiplied? `field` is its name for the message.
static bool check_price(struct text price, const char *field, struct rejection *why) {
    int64_t price_e4;
    bool rounded;
    switch (money_parse(price, &price_e4, &rounded)) {
    case MONEY_OK:
        return true;
    case MONEY_NEGATIVE:
        return reject(why, field, REJECT_NEGATIVE, "must not be below zero: '%s'",
                      excerpt_of(price).text);
    case MONEY_TOO_LARGE:
        return reject(why, field, REJECT_RANGE, "must be below 10^12: '%s'",
                      excerpt_of(price).text);
    default:
        return reject(why, field, REJECT_MALFORMED, "not an amount such as 12.50: '%s'",
                      excerpt_of(price).text);
    }
}

static bool set_amount(struct order_builder *b, enum order_field f, int64_t amount_e4) {
    char text[24];
    size_t n = money_format(amount_e4, text);
    return order_set(b, f, VALUE_TEXT, (struct text){text, n});
}

static bool set_derived_total(struct order_builder *b) {
    const struct order *o = b->order; // each amount is below 10^16: no overflow
    return set_amount(b, FIELD_TOTAL, o->subtotal_e4 - o->discount_e4 + o->shipping_e4 + o->tax_e4);
}

// The value of one source in a row whose cells are in the arena; absent when empty.
static struct text value_of(const struct csv_source *s, const struct text *cells) {
    struct text value = text_trim(s->column < 0 ? s->constant : cells[s->column]);
    return value.len > 0 ? value : TEXT_NONE;
}

static bool check_utf8(int field, struct text value, struct rejection *why) {
    return text_is_utf8(value) ||
           reject(why, csv_field_name(field), REJECT_BAD_CHARACTER,
                  "not UTF-8 (save the file as UTF-8): '%s'", excerpt_of(value).text);
}

// --- One row is one order

// Copies the row into the arena and moves its needed cells there.
static bool adopt_row(struct order_csv *c, const struct csv_row *row, struct arena *arena,
                      struct order_csv_event *out) {
    struct text raw = row->raw;
    if (!arena_try_copy(arena, raw, &out->raw)) {
        return false;
    }
    const struct csv_binding *b = c->binding;
    for (size_t i = 0; i < b->n_sources && row->problem == NULL; i++) {
        int column = b->sources[i].column;
        if (column < 0) {
            continue;
        }
        struct text cell = row->cells[column];
        bool in_row = cell.at >= raw.at && cell.at + cell.len <= raw.at + raw.len;
        if (in_row) {
            c->cells[column] = (struct text){out->raw.at + (cell.at - raw.at), cell.len};
        } else if (!arena_try_copy(arena, cell, &c->cells[column])) { // its quotes were doubled
            return false;
        }
    }
    return true;
}

// Sets the fields of a row that is an order of its own.
static bool set_row(struct order_csv *c, struct order_builder *b, struct arena *arena,
                    struct order_csv_event *out, bool *no_memory) {
    bool valid = text_is_utf8(out->raw); // at once; only if not, value by value
    for (size_t i = 0; i < c->binding->n_sources; i++) {
        const struct csv_source *s = &c->binding->sources[i];
        struct text value = value_of(s, c->cells);
        if (value.at == NULL) {
            continue;
        }
        if (!valid && !check_utf8(s->field, value, &out->why)) {
            return false;
        }
        if (s->field == CSV_UNIT_PRICE) {
            if (!check_price(value, "unit_price", &out->why)) {
                return false;
            }
            value = multiply(value, out->order.quantity, arena);
            if (value.at == NULL) {
                *no_memory = true;
                return false;
            }
        }
        enum order_field f =
            s->field == CSV_UNIT_PRICE ? FIELD_SUBTOTAL : (enum order_field)s->field;
        if (!order_set(b, f, VALUE_TEXT, value)) {
            return false;
        }
        out->created_at = f == FIELD_CREATED_AT ? value : out->created_at;
        out->names_currency |= f == FIELD_CURRENCY;
    }
    return true;
}

enum order_csv_result order_csv_row(struct order_csv *c, const struct csv_row *row,
                                    struct arena *arena, struct order_csv_event *out) {
    *out = (struct order_csv_event){.line = row->line};
    if (!adopt_row(c, row, arena, out)) {
        return ORDER_CSV_NO_MEMORY;
    }
    if (row->problem != NULL) {
        reject(&out->why, "", REJECT_BAD_ROW, "%s", row->problem);
        return ORDER_CSV_REJECTED;
    }
    struct order_builder b;
    bool no_memory = false;
    order_begin(&b, c->rules, &out->order, &out->why);
    if (!set_row(c, &b, arena, out, &no_memory) ||
        (c->binding->derive_total && !set_derived_total(&b)) || !order_finish(&b)) {
        return no_memory || b.out_of_memory ? ORDER_CSV_NO_MEMORY : ORDER_CSV_REJECTED;
    }
    return ORDER_CSV_OK;
}

// --- Rows are the lines of one order

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
        struct text value = value_of(&c->binding->sources[s], c->cells);
        grid_row(c, i)[s] = value;
        if (!valid && !check_utf8(c->binding->sources[s].field, value, &a->out->why)) {
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

// The order's own fields, each from the first row that has it.
static bool set_order_fields(struct assembly *a) {
    const struct csv_binding *binding = a->c->binding;
    for (size_t s = 0; s < binding->n_sources; s++) {
        int field = binding->sources[s].field;
        if (is_line_field(field)) {
            continue;
        }
        size_t i = 0;
        while (i < a->n_lines && grid_row(a->c, i)[s].at == NULL) {
            i++;
        }
        if (i == a->n_lines) {
            continue;
        }
        struct text value = grid_row(a->c, i)[s];
        if (!order_set(&a->b, (enum order_field)field, VALUE_TEXT, value)) {
            a->out->line = a->lines[i].line;
            return false;
        }
        a->out->created_at = field == FIELD_CREATED_AT ? value : a->out->created_at;
        a->out->names_currency |= field == FIELD_CURRENCY;
    }
    return true;
}

static bool set_item_value(struct assembly *a, struct order_item *item, size_t i, int field,
                           struct text value) {
    if (field == CSV_UNIT_PRICE) {
        char name[48];
        snprintf(name, sizeof name, "items[%zu].unit_price", i);
        if (!check_price(value, name, &a->out->why)) {
            return false;
        }
        value = multiply(value, item->quantity, a->arena);
        if (value.at == NULL) {
            return refused(a);
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
    return !a->c->binding->line_amounts || set_amount(&a->b, FIELD_SUBTOTAL, subtotal_e4);
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
    order_begin(&a.b, c->rules, &out->order, &out->why);
    if (cut_lines(&a) && set_order_fields(&a) && set_items(&a) &&
        (!c->binding->derive_total || set_derived_total(&a.b)) && order_finish(&a.b)) {
        return ORDER_CSV_OK;
    }
    return a.no_memory || a.b.out_of_memory ? ORDER_CSV_NO_MEMORY : ORDER_CSV_REJECTED;
}
