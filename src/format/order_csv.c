// SPDX-License-Identifier: MIT
// Rows to order events, through the builder in order.h.
//
// One row is one order: copy the row into the arena, move the cells that are needed there, set
// field after field, finish. Rows that are lines of one order: order_csv_group.c.
//
// An empty cell is an absent field; an empty product is one that is not known.
#include "base/hash.h"
#include "format/order_csv_internal.h"
#include "order/price.h"
#include <stdio.h>

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

static inline bool adopt_cell(struct order_csv *c, const struct csv_row *row, int column,
                              struct arena *arena, const struct order_csv_event *out) {
    struct text raw = row->raw, cell = row->cells[column];
    if (LIKELY(cell.at >= raw.at && cell.at + cell.len <= raw.at + raw.len)) {
        c->cells[column] = (struct text){out->raw.at + (cell.at - raw.at), cell.len};
        return true;
    }
    return arena_try_copy(arena, cell, &c->cells[column]); // its quotes were doubled
}

// Copies the row into the arena and moves its needed cells there.
static bool adopt_row(struct order_csv *c, const struct csv_row *row, struct arena *arena,
                      struct order_csv_event *out) {
    if (!arena_try_copy(arena, row->raw, &out->raw)) {
        return false;
    }
    const struct csv_binding *b = c->binding;
    for (size_t i = 0; i < b->n_sources && row->problem == NULL; i++) {
        int column = b->sources[i].column;
        if (column >= 0 && !adopt_cell(c, row, column, arena, out)) {
            return false;
        }
    }
    for (size_t i = 0; !b->plain && i < b->n_sources && row->problem == NULL; i++) {
        for (size_t k = 0; k < b->sources[i].n_more; k++) {
            if (!adopt_cell(c, row, b->sources[i].more[k], arena, out)) {
                return false;
            }
        }
    }
    return true;
}

// The work on one row.
struct row_work {
    struct order_csv *c;
    struct order_builder b;
    struct arena *arena;
    struct order_csv_event *out;
    bool valid;      // UTF-8, looked at at once; only if not, value by value
    bool below_zero; // it is a return line
    bool no_memory;
};

// The value of a source as the rules read it; TEXT_NONE when it is absent. False: rejected.
static bool value_of(struct row_work *w, const struct csv_source *s, struct text *value) {
    *value = csv_value_of(s, w->c->cells);
    if (UNLIKELY(s->n_more > 0)) {
        return csv_join(w->c, s, w->arena, value, &w->out->why, &w->no_memory);
    }
    if (value->at == NULL) {
        return true;
    }
    if (!w->valid && !csv_check_utf8(w->c->binding, s->field, *value, &w->out->why)) {
        return false;
    }
    return LIKELY((w->c->binding->rewrites >> s->field & 1) == 0) ||
           csv_rewrite(w->c, s->field, value, w->arena, &w->out->why, &w->no_memory);
}

// All values, by source. With --returns: is one of its amounts below zero?
static bool read_values(struct row_work *w, struct text values[static CSV_FIELDS]) {
    const struct csv_binding *b = w->c->binding;
    for (size_t i = 0; i < b->n_sources; i++) {
        if (!value_of(w, &b->sources[i], &values[i])) {
            return false;
        }
        w->below_zero |= b->returns && csv_is_below_zero(b->sources[i].field, values[i]);
    }
    return true;
}

static bool set_price(struct row_work *w, struct text value) {
    struct text read;
    if (price_times(value, VALUE_TEXT, w->out->order.quantity, "unit_price", w->arena, &w->out->why,
                    &w->no_memory, &read) &&
        order_set(&w->b, FIELD_SUBTOTAL, VALUE_TEXT, read)) {
        return true;
    }
    csv_hint(w->c->binding, CSV_UNIT_PRICE, value, &w->out->why);
    return false;
}

static inline bool set_value(struct row_work *w, int field, struct text value) {
    if (UNLIKELY(field >= CSV_UNIT_PRICE)) {
        return field == CSV_UNIT_PRICE ? set_price(w, value)
                                       : csv_take_extra(w->c, field, value, &w->out->why);
    }
    if (UNLIKELY(!order_set(&w->b, (enum order_field)field, VALUE_TEXT, value))) {
        csv_hint(w->c->binding, field, value, &w->out->why);
        return false;
    }
    w->out->created_at = field == FIELD_CREATED_AT ? value : w->out->created_at;
    w->out->names_currency |= field == FIELD_CURRENCY;
    return true;
}

static bool names_originals(const struct csv_binding *b) {
    bool found = false;
    for (size_t i = 0; i < b->n_sources; i++) {
        found |= b->sources[i].field == CSV_ORIGINAL;
    }
    return found;
}

// A return that does not say of what, in a file whose returns do, is something else: a purchase of
// one's own among the payments.
static bool set_return(struct row_work *w, const struct csv_row *row) {
    char id[32];
    if (w->c->taken_back.original.at == NULL && names_originals(w->c->binding)) {
        return reject(&w->out->why, "original", REJECT_MISSING,
                      "the row is below zero and does not name the order that it is of");
    }
    int n = snprintf(id, sizeof id, "return-%016llx", (unsigned long long)hash_text(row->raw, 0));
    struct text kept;
    if (!arena_try_copy(w->arena, (struct text){id, (size_t)n}, &kept)) {
        w->no_memory = true;
        return false;
    }
    return csv_mark_return(&w->b, &w->c->taken_back, kept);
}

// Sets the fields of a row whose values options change.
static bool set_changed(struct row_work *w, const struct csv_row *row) {
    const struct csv_binding *b = w->c->binding;
    struct text values[CSV_FIELDS];
    if (!read_values(w, values)) {
        return false;
    }
    for (size_t i = 0; i < b->n_sources; i++) {
        int field = b->sources[i].field;
        if (values[i].at == NULL) {
            continue;
        }
        if (!csv_preset_value(b, field, w->below_zero, w->arena, &values[i])) {
            w->no_memory = true;
            return false;
        }
        if (!set_value(w, field, values[i])) {
            return false;
        }
        if (field == FIELD_ORDER_ID) {
            w->c->taken_back.own_id = values[i];
        }
    }
    return !w->below_zero || set_return(w, row);
}

// Sets the fields of a row that is an order of its own.
static bool set_row(struct row_work *w, const struct csv_row *row) {
    const struct csv_binding *b = w->c->binding;
    if (!b->plain) {
        return set_changed(w, row);
    }
    for (size_t i = 0; i < b->n_sources; i++) {
        const struct csv_source *s = &b->sources[i];
        struct text value = csv_value_of(s, w->c->cells);
        if (value.at == NULL) {
            continue;
        }
        if ((!w->valid && !csv_check_utf8(b, s->field, value, &w->out->why)) ||
            !set_value(w, s->field, value)) {
            return false;
        }
    }
    return true;
}

static bool is_left_out(const struct csv_binding *b, const struct csv_row *row) {
    for (size_t i = 0; i < b->n_skips && row->problem == NULL; i++) {
        if (csv_skip_fits(&b->skips[i], row->cells[b->skip_columns[i]])) {
            return true;
        }
    }
    return false;
}

enum order_csv_result order_csv_row_part(struct order_csv *c, const struct csv_row *row,
                                         enum order_csv_part part, struct arena *arena,
                                         struct order_csv_event *out) {
    *out = (struct order_csv_event){.line = row->line};
    if (is_left_out(c->binding, row)) {
        out->n_left_out = 1;
        return ORDER_CSV_LEFT_OUT;
    }
    if (!adopt_row(c, row, arena, out)) {
        return ORDER_CSV_NO_MEMORY;
    }
    if (row->problem != NULL) {
        reject(&out->why, "", REJECT_BAD_ROW, "%s", row->problem);
        return ORDER_CSV_REJECTED;
    }
    struct row_work w = {.c = c, .arena = arena, .out = out, .valid = text_is_utf8(out->raw)};
    c->signs.n = 0;
    c->taken_back = (struct csv_taken_back){0};
    order_begin(&w.b, c->rules, &out->order, &out->why);
    if (!set_row(&w, row) || (c->binding->derive_total && !csv_set_derived_total(&w.b)) ||
        !order_finish(&w.b) ||
        (UNLIKELY(out->order.order_id.num < 0) && !csv_check_id(&out->order, &out->why)) ||
        !csv_signs_fit(&c->signs, out->order.currency, csv_knows_currency(c, out), &out->why)) {
        return w.no_memory || w.b.out_of_memory ? ORDER_CSV_NO_MEMORY : ORDER_CSV_REJECTED;
    }
    if (part != CSV_THE_ORDER) {
        csv_take_back(&c->taken_back, part, out);
    } else if (out->order.kind == ORDER_PLACED) {
        out->also = csv_further_parts(&c->taken_back);
    }
    return ORDER_CSV_OK;
}

enum order_csv_result order_csv_row(struct order_csv *c, const struct csv_row *row,
                                    struct arena *arena, struct order_csv_event *out) {
    return order_csv_row_part(c, row, CSV_THE_ORDER, arena, out);
}
