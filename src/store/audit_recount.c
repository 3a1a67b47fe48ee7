// SPDX-License-Identifier: MIT
// The recount: reads order_rows and adjustment_rows in order of arrival, adds each event to a cube,
// and applies the cube to temporary cells tables whenever it has grown. Positions must follow each
// other without gaps. Fails on read errors and when the temporary files find no room.
#include "store/audit_recount.h"

#include "engine/cube.h"
#include "store/currency.h"
#include "store/sqlite_cells.h"
#include "store/sqlite_rows.h"

enum { CELLS_AT_ONCE = 200000 };

struct counting {
    sqlite3 *db;
    struct cube *cube;
    struct sqlite_cells *cells;
    const struct pipeline_state *state;
    struct recount *out;
    struct arena arena;
};

static bool apply(struct counting *c, struct error *err) {
    if (sqlite_cells_apply(c->cells, c->cube, err) != STORE_OK) {
        return false;
    }
    cube_clear(c->cube);
    return true;
}

static bool amount_is(int64_t amount_e4) {
    return amount_e4 >= 0 && amount_e4 < MONEY_LIMIT_E4;
}

// Whether the order code could have made this event. A damaged row might wrap a sum.
static bool possible(const struct order *o, enum order_kind table_kind) {
    bool placed = table_kind == ORDER_PLACED;
    bool ok = (placed || o->kind == ORDER_CANCELLED || o->kind == ORDER_REFUNDED) &&
              currency_is(text_of(o->currency)) && o->created_ms >= 0 &&
              o->created_ms < INT64_C(7289654400000) && // the year 2201
              o->quantity >= 0 && o->quantity <= (int64_t)ORDER_QUANTITY_MAX * ORDER_ITEMS_MAX &&
              amount_is(o->total_e4 < 0 ? -(o->total_e4 + 1) : o->total_e4) &&
              amount_is(o->subtotal_e4) && amount_is(o->discount_e4) && amount_is(o->shipping_e4) &&
              amount_is(o->tax_e4) && o->n_items <= ORDER_ITEMS_MAX;
    for (uint32_t i = 0; ok && i < o->n_items; i++) { // money_parse has read their subtotals
        ok = o->items[i].quantity >= 0 && o->items[i].quantity <= ORDER_QUANTITY_MAX;
    }
    return ok;
}

static bool count_row(struct counting *c, sqlite3_stmt *select, enum order_kind kind,
                      int64_t *last_position, struct error *err) {
    struct stored_event event;
    arena_reset(&c->arena);
    if (!row_read(select, kind, &c->arena, &event)) {
        return error_set(err, ERROR_RETRIABLE, "out of memory, or damaged items, at position %lld",
                         (long long)*last_position + 1);
    }
    c->out->gaps += event.position - *last_position - 1;
    *last_position = event.position;
    if (!possible(&event.order, kind)) {
        c->out->impossible++;
        return true;
    }
    cube_add(c->cube, &event.order, c->state->minute_floor, c->state->hour_floor);
    // Wraps instead of trapping: a wrong sum is what the comparison is there to find.
    int64_t *gross = &c->out->gross_e4[currency_number(event.order.currency)];
    *gross = (int64_t)((uint64_t)*gross + (uint64_t)currency_gross_of(&event.order));
    return cube_n_cells(c->cube) < CELLS_AT_ONCE || apply(c, err);
}

static bool count_table(struct counting *c, const char *sql, enum order_kind kind, int64_t *n,
                        struct error *err) {
    sqlite3_stmt *select = NULL;
    if (!sqlite_prepare(c->db, sql, &select, err)) {
        return false;
    }
    int64_t last_position = 0;
    int rc = SQLITE_DONE;
    bool ok = true;
    while (ok && (rc = sqlite3_step(select)) == SQLITE_ROW) {
        ok = count_row(c, select, kind, &last_position, err);
        (*n)++;
    }
    if (ok && rc != SQLITE_DONE) {
        sqlite_failed(c->db, "reading raw orders", err);
        ok = false;
    }
    sqlite3_finalize(select);
    return ok;
}

bool audit_recount(sqlite3 *db, const struct zone *zone, const struct pipeline_state *state,
                   struct recount *out, struct error *err) {
    struct counting c = {.db = db, .state = state, .out = out};
    *out = (struct recount){0};
    if (!sqlite_run(db, sqlite_temp_cells_sql, err)) {
        return false;
    }
    c.cells = sqlite_cells_new(db, "temp", err);
    if (c.cells == NULL) {
        return false;
    }
    c.cube = cube_new(zone);
    bool ok =
        count_table(&c, ORDER_SELECT_FROM "ORDER BY r.position", ORDER_PLACED, &out->orders, err) &&
        count_table(&c, ADJUSTMENT_SELECT_FROM "ORDER BY r.position", ORDER_CANCELLED,
                    &out->adjustments, err) &&
        apply(&c, err);
    cube_free(c.cube);
    sqlite_cells_free(c.cells);
    arena_free(&c.arena);
    return ok;
}
