// SPDX-License-Identifier: MIT
// Inside order_csv: what one row (order_csv.c) and rows that are lines (order_csv_group.c) share.
#pragma once
#include "format/order_csv.h"

struct order_csv {
    const struct mem_heap *heap;
    const struct order_rules *rules;
    const struct csv_binding *binding;
    struct text cells[CSV_CELLS_MAX]; // of the row in work
    struct csv_signs signs;           // of the event in work
    struct text *grid;                // values of several rows, binding->n_sources each
    size_t grid_cap;
};

// The value of one source in a row whose cells are in the arena; absent when empty, but for a
// product, which is then unknown.
static inline struct text csv_value_of(const struct csv_source *s, const struct text *cells) {
    struct text value = text_trim(s->column < 0 ? s->constant : cells[s->column]);
    return value.len > 0 || s->field == FIELD_PRODUCT_ID ? value : TEXT_NONE;
}

// A value as the file writes it (csv_written.h), where that was told: made what the rules know.
// False: rejected, or *no_memory.
MUST_CHECK bool csv_rewrite(struct order_csv *c, int field, struct text *value, struct arena *arena,
                            struct rejection *why, bool *no_memory);
// After a value was refused: if it may be a number with other signs, `why` names the options.
void csv_hint(const struct csv_binding *b, int field, struct text value, struct rejection *why);
MUST_CHECK bool csv_check_utf8(const struct csv_binding *b, int field, struct text value,
                               struct rejection *why);
static inline bool csv_knows_currency(const struct order_csv *c, const struct order_csv_event *e) {
    return e->names_currency || !c->binding->no_shop;
}
MUST_CHECK bool csv_set_amount(struct order_builder *b, enum order_field f, int64_t amount_e4);
// total = subtotal - discount + shipping + tax
MUST_CHECK bool csv_set_derived_total(struct order_builder *b);
