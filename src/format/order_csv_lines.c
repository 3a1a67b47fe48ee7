// SPDX-License-Identifier: MIT
// The rows of one order as values.
//
// 1. Join the rows in the arena and cut each again.
// 2. Leave out those that --skip names. Many exports write what is the order's own in its first row
//    only: a row whose cell is empty has the value of the order's first row that has one.
// 3. Check and rewrite the values of the others; find the lines below zero (--returns).
//
// How it fails: one bad row rejects the order.
#include "format/order_csv_lines.h"

bool csv_assembly_refused(struct csv_assembly *a) {
    a->no_memory = true;
    return false;
}

bool csv_join_lines(struct csv_assembly *a) {
    size_t n = 0;
    for (size_t i = 0; i < a->n_lines; i++) {
        n += a->lines[i].raw.len + 1;
    }
    char *to = arena_try_bytes(a->arena, n);
    if (to == NULL) {
        return csv_assembly_refused(a);
    }
    a->out->raw = (struct text){to, n - 1};
    for (size_t i = 0; i < a->n_lines; i++) {
        memcpy(to, a->lines[i].raw.at, a->lines[i].raw.len);
        to += a->lines[i].raw.len;
        *to++ = '\n';
    }
    return true;
}

// Cuts one row of the joined text into c->cells.
static bool split_line(struct csv_assembly *a, size_t i, struct text row) {
    struct order_csv *c = a->c;
    char *scratch = NULL;
    if (memchr(row.at, '"', row.len) != NULL) { // only then is a copy ever made
        scratch = arena_try_bytes(a->arena, row.len);
        if (scratch == NULL) {
            return csv_assembly_refused(a);
        }
    }
    size_t n_cells;
    if (!csv_split(row, c->binding->delimiter, c->cells, CSV_CELLS_MAX, &n_cells, scratch) ||
        n_cells != c->binding->n_columns) {
        a->out->line = a->lines[i].line;
        return reject(&a->out->why, "", REJECT_BAD_ROW, "the row is broken");
    }
    return true;
}

// A value of several columns. What cannot be read in a row that is left out is none.
static bool join_cells(struct csv_assembly *a, size_t i, const struct csv_source *s,
                       struct text *value) {
    struct rejection ignored;
    bool left_out = (a->c->marks[i] & LEFT_OUT) != 0;
    if (csv_join(a->c, s, a->arena, value, left_out ? &ignored : &a->out->why, &a->no_memory)) {
        return true;
    }
    a->out->line = a->lines[i].line;
    *value = TEXT_NONE;
    return left_out && !a->no_memory;
}

// Puts the row's values into the grid. With --skip, `firsts` are the cells of the first row that
// has one, for each rule.
static bool take_cells(struct csv_assembly *a, size_t i, struct text *firsts) {
    struct order_csv *c = a->c;
    const struct csv_binding *b = c->binding;
    for (size_t k = 0; k < b->n_skips; k++) {
        struct text cell = text_trim(c->cells[b->skip_columns[k]]);
        firsts[k] = firsts[k].len == 0 ? cell : firsts[k];
        // An empty cell that the rule names is one; else it is as the order's first.
        bool as_it_is = cell.len > 0 || !b->skips[k].others;
        if (as_it_is && csv_skip_fits(&b->skips[k], cell)) {
            a->c->marks[i] |= cell.len == 0 ? LEFT_OUT | NO_LINE : LEFT_OUT;
        }
        a->c->empty[i] |= (uint8_t)((cell.len == 0) << k);
    }
    for (size_t s = 0; s < b->n_sources; s++) {
        struct text *value = &csv_grid_row(c, i)[s];
        *value = csv_value_of(&b->sources[s], c->cells);
        if (UNLIKELY(b->sources[s].n_more > 0) && !join_cells(a, i, &b->sources[s], value)) {
            return false;
        }
    }
    return true;
}

// Rows whose cell is empty are as the order's first that has one.
static void leave_out_others(struct csv_assembly *a, const struct text *firsts) {
    const struct csv_binding *b = a->c->binding;
    for (size_t k = 0; k < b->n_skips; k++) {
        bool fits = csv_skip_fits(&b->skips[k], firsts[k]);
        for (size_t i = 0; fits && i < a->n_lines; i++) {
            a->c->marks[i] |= (a->c->empty[i] >> k & 1) != 0 ? LEFT_OUT : 0;
        }
    }
    for (size_t i = 0; i < a->n_lines; i++) {
        a->out->n_left_out += (a->c->marks[i] & LEFT_OUT) != 0;
    }
}

// Values as the rules know them.
static bool read_line(struct csv_assembly *a, size_t i) {
    struct order_csv *c = a->c;
    const struct csv_binding *b = c->binding;
    a->out->line = a->lines[i].line;
    for (size_t s = 0; s < b->n_sources; s++) {
        struct text *value = &csv_grid_row(c, i)[s];
        int field = b->sources[s].field;
        if (value->at == NULL) {
            continue;
        }
        bool joined = b->sources[s].n_more > 0; // read already
        if (((a->c->marks[i] & NOT_UTF8) != 0 && !csv_check_utf8(b, field, *value, &a->out->why)) ||
            (!joined && (b->rewrites >> field & 1) != 0 &&
             !csv_rewrite(c, field, value, a->arena, &a->out->why, &a->no_memory))) {
            return false;
        }
        if (b->returns && csv_is_below_zero(field, *value)) {
            a->c->marks[i] |= BELOW_ZERO;
        }
    }
    bool below_zero = (c->marks[i] & BELOW_ZERO) != 0;
    for (size_t s = 0; (below_zero || b->preset != NULL) && s < b->n_sources; s++) {
        struct text *value = &csv_grid_row(c, i)[s];
        if (!csv_preset_value(b, b->sources[s].field, below_zero, a->arena, value)) {
            return csv_assembly_refused(a);
        }
    }
    return true;
}

static bool read_lines(struct csv_assembly *a) {
    const struct csv_binding *b = a->c->binding;
    bool all = b->rewrites != 0 || b->returns || b->preset != NULL;
    for (size_t i = 0; i < a->n_lines; i++) {
        if ((a->c->marks[i] & LEFT_OUT) == 0 && (all || (a->c->marks[i] & NOT_UTF8) != 0) &&
            !read_line(a, i)) {
            return false;
        }
    }
    return true;
}

static bool make_room(struct csv_assembly *a) {
    struct order_csv *c = a->c;
    size_t want = a->n_lines * c->binding->n_sources;
    if (want <= c->grid_cap) {
        return true;
    }
    struct text *grid = heap_realloc(c->heap, c->grid, want * sizeof *grid); // <= 200 * 20
    if (grid == NULL) {
        return csv_assembly_refused(a);
    }
    c->grid = grid;
    c->grid_cap = want;
    return true;
}

bool csv_cut_lines(struct csv_assembly *a) {
    struct text firsts[CSV_SKIPS_MAX] = {0};
    if (!make_room(a)) {
        return false;
    }
    const char *at = a->out->raw.at;
    for (size_t i = 0; i < a->n_lines; i++) {
        struct text row = {at, a->lines[i].raw.len};
        a->c->marks[i] = text_is_utf8(row) ? 0 : NOT_UTF8;
        a->c->empty[i] = 0;
        if (!split_line(a, i, row) || !take_cells(a, i, firsts)) {
            return false;
        }
        at += a->lines[i].raw.len + 1;
    }
    if (a->c->binding->n_skips > 0) {
        leave_out_others(a, firsts);
    }
    return read_lines(a);
}

void csv_take_lines(struct csv_assembly *a) {
    size_t n_sold = 0, n_back = 0;
    for (size_t i = 0; i < a->n_lines; i++) {
        n_sold += (a->c->marks[i] & (LEFT_OUT | BELOW_ZERO)) == 0;
        n_back += (a->c->marks[i] & (LEFT_OUT | BELOW_ZERO)) == BELOW_ZERO;
    }
    a->mixed = n_sold > 0 && n_back > 0;
    a->came_back = a->part == CSV_ITS_RETURN || n_sold == 0;
    uint8_t wanted = a->came_back ? BELOW_ZERO : 0;
    a->n_rows = 0;
    for (size_t i = 0; i < a->n_lines; i++) {
        if ((a->c->marks[i] & (LEFT_OUT | BELOW_ZERO)) == wanted) {
            a->c->rows[a->n_rows++] = (uint16_t)i;
        }
    }
}
