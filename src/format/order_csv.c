// SPDX-License-Identifier: MIT
// Rows to order events, through the builder in order.h.
//
// One row is one order: copy the row into the arena, move the cells that are needed there, set
// field after field, finish. Rows that are lines of one order: order_csv_group.c.
//
// An empty cell is an absent field; an empty product is one that is not known.
#include "format/order_csv_internal.h"
#include "order/price.h"

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
        struct text value = csv_value_of(s, c->cells);
        if (value.at == NULL) {
            continue;
        }
        if (!valid && !csv_check_utf8(c->binding, s->field, value, &out->why)) {
            return false;
        }
        if (UNLIKELY((c->binding->rewrites >> s->field & 1) != 0) &&
            !csv_rewrite(c, s->field, &value, arena, &out->why, no_memory)) {
            return false;
        }
        if (s->field == CSV_UNIT_PRICE) {
            struct text price = value;
            if (!price_times(value, VALUE_TEXT, out->order.quantity, "unit_price", arena, &out->why,
                             no_memory, &value)) {
                csv_hint(c->binding, s->field, price, &out->why);
                return false;
            }
        }
        enum order_field f =
            s->field == CSV_UNIT_PRICE ? FIELD_SUBTOTAL : (enum order_field)s->field;
        if (!order_set(b, f, VALUE_TEXT, value)) {
            csv_hint(c->binding, s->field, value, &out->why);
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
    c->signs.n = 0;
    order_begin(&b, c->rules, &out->order, &out->why);
    if (!set_row(c, &b, arena, out, &no_memory) ||
        (c->binding->derive_total && !csv_set_derived_total(&b)) || !order_finish(&b) ||
        !csv_signs_fit(&c->signs, out->order.currency, csv_knows_currency(c, out), &out->why)) {
        return no_memory || b.out_of_memory ? ORDER_CSV_NO_MEMORY : ORDER_CSV_REJECTED;
    }
    return ORDER_CSV_OK;
}
