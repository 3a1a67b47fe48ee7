// SPDX-License-Identifier: MIT
// Inside order_csv: what one row (order_csv.c) and rows that are lines (order_csv_group.c) share.
#pragma once
#include "format/order_csv.h"

// What the file says of an order beside its fields (order_csv_taken_back.c).
struct csv_taken_back {
    int64_t refund_e4; // >= 0
    bool cancelled;
    int64_t cancelled_ms;
    struct text cancelled_at; // its spelling
    struct text original;     // of a return: the order's id; absent when the file does not say
    struct text own_id;       // the order_id of the row or group
};

struct order_csv {
    const struct mem_heap *heap;
    const struct order_rules *rules;
    const struct csv_binding *binding;
    struct text cells[CSV_CELLS_MAX]; // of the row in work
    struct csv_signs signs;           // of the event in work
    struct csv_taken_back taken_back; // likewise
    struct text *grid;                // values of several rows, binding->n_sources each
    size_t grid_cap;
    // Of the lines in work: what is known of each, a bit for each rule of --skip whose cell is
    // empty, and those that are taken.
    uint8_t marks[ORDER_ITEMS_MAX], empty[ORDER_ITEMS_MAX];
    uint16_t rows[ORDER_ITEMS_MAX];
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
// A value that stands in several columns (c->cells), in the arena and as the rules know it: parts
// of a time one after the other, amounts added up. False: rejected, or *no_memory.
MUST_CHECK bool csv_join(struct order_csv *c, const struct csv_source *s, struct arena *arena,
                         struct text *value, struct rejection *why, bool *no_memory);
// A value of a return line, or of a file that a preset reads: shops write discounts with a minus,
// and their products have long names, of several lines even. False: memory was refused.
MUST_CHECK bool csv_preset_value(const struct csv_binding *b, int field, bool below_zero,
                                 struct arena *arena, struct text *value);
MUST_CHECK bool csv_check_utf8(const struct csv_binding *b, int field, struct text value,
                               struct rejection *why);
static inline bool csv_knows_currency(const struct order_csv *c, const struct order_csv_event *e) {
    return e->names_currency || !c->binding->no_shop;
}
MUST_CHECK bool csv_set_amount(struct order_builder *b, enum order_field f, int64_t amount_e4);
// --- What is taken back

// Takes the value of CSV_REFUND, CSV_CANCELLED or CSV_ORIGINAL. False: rejected.
MUST_CHECK bool csv_take_extra(struct order_csv *c, int field, struct text value,
                               struct rejection *why);
// What else the order, which is finished, comes to: bits for order_csv_event.also.
uint32_t csv_further_parts(const struct csv_taken_back *t);
// Makes of the finished order what was taken back of it.
void csv_take_back(const struct csv_taken_back *t, enum order_csv_part part,
                   struct order_csv_event *e);
// Is it an amount that makes a line a return when it is below zero?
bool csv_is_below_zero(int field, struct text value);
// The value without its minus; for the money and the quantity of a return.
struct text csv_without_minus(int field, struct text value);
// Makes a refund of the event that is being built from return lines: of the original where the file
// tells it, and `id` for an event_id where that is not the row's own order_id.
MUST_CHECK bool csv_mark_return(struct order_builder *b, const struct csv_taken_back *t,
                                struct text id);

// "4.05E+11": a long order_id of which a spreadsheet left but the first digits, so that several
// orders have one. False: rejected.
MUST_CHECK bool csv_check_id(const struct order *o, struct rejection *why);
// total = subtotal - discount + shipping + tax
MUST_CHECK bool csv_set_derived_total(struct order_builder *b);
