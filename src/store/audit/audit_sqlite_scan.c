// SPDX-License-Identifier: MIT
// The recount: reads order_rows and adjustment_rows in order of arrival, adds each event to a cube,
// and applies the cube to temporary cells tables whenever it has grown. Positions must follow each
// other without gaps. Fails on read errors and when the temporary files find no room.
#include "store/audit/audit_sqlite_scan.h"

#include "base/mem.h"
#include "store/sqlite/sqlite_cells.h"
#include "store/sqlite/sqlite_rows.h"

enum { CELLS_AT_ONCE = 200000 };

struct counting {
    sqlite3 *db;
    struct cube *cube;
    struct sqlite_cells *cells;
    const struct pipeline_state *state;
    struct recount *out;
    int64_t *gaps;
    struct arena arena;
};

static bool apply(struct counting *c, struct error *err) {
    if (sqlite_cells_apply(c->cells, c->cube, err) != STORE_OK) {
        return false;
    }
    cube_clear(c->cube);
    return true;
}

static bool count_row(struct counting *c, sqlite3_stmt *select, enum order_kind kind,
                      int64_t *last_position, struct error *err) {
    struct stored_event event;
    arena_reset(&c->arena);
    if (!row_read(select, kind, &c->arena, &event)) {
        return error_set(err, ERROR_RETRIABLE, "out of memory, or damaged items, at position %lld",
                         (long long)*last_position + 1);
    }
    *c->gaps += event.position - *last_position - 1;
    *last_position = event.position;
    if (!recount_add(c->out, c->cube, &event, kind == ORDER_PLACED, c->state->minute_floor,
                     c->state->hour_floor)) {
        return error_set(err, ERROR_RETRIABLE, "out of memory at position %lld",
                         (long long)*last_position);
    }
    return cube_n_cells(c->cube) < CELLS_AT_ONCE || apply(c, err);
}

static bool count_table(struct counting *c, const char *sql, enum order_kind kind,
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
    }
    if (ok && rc != SQLITE_DONE) {
        sqlite_failed(c->db, "reading raw orders", err);
        ok = false;
    }
    sqlite3_finalize(select);
    return ok;
}

bool audit_sqlite_scan(sqlite3 *db, const struct zone *zone, const struct pipeline_state *state,
                       struct recount *out, int64_t *gaps, struct error *err) {
    struct counting c = {.db = db, .state = state, .out = out, .gaps = gaps};
    *out = (struct recount){0};
    *gaps = 0;
    if (!sqlite_run(db, sqlite_temp_cells_sql, err)) {
        return false;
    }
    c.cells = sqlite_cells_new(db, "temp", err);
    if (c.cells == NULL) {
        return false;
    }
    c.cube = mem_must(cube_new(zone, NULL));
    bool ok = count_table(&c, ORDER_SELECT_FROM "ORDER BY r.rowid", ORDER_PLACED, err) &&
              count_table(&c, ADJUSTMENT_SELECT_FROM "ORDER BY r.position", ORDER_CANCELLED, err) &&
              apply(&c, err);
    cube_free(c.cube);
    sqlite_cells_free(c.cells);
    arena_free(&c.arena);
    return ok;
}
