// SPDX-License-Identifier: MIT
// Upserts of cells. They are sorted by table and key first, so that each page of a table is touched
// once, in order; the engine's guard (currency_gross) makes sure that no addition can overflow.
#include "store/sqlite/sqlite_cells.h"

#include "base/mem.h"
#include "store/sqlite/sqlite_schema.h"
#include <stdio.h>
#include <stdlib.h>

struct sqlite_cells {
    sqlite3 *db;
    sqlite3_stmt *upsert[CUBE_TABLES];
    sqlite3_stmt *group_find, *group_add, *product_find, *product_add;
    struct keyed_cell *sorted; // scratch
    size_t cap_sorted;
    int32_t *days; // touched by the last apply
    size_t n_days, cap_days;
};

struct keyed_cell {
    int64_t key;
    const struct cube_cell *cell;
};

static bool prepare_upsert(struct sqlite_cells *c, const char *schema, int table,
                           struct error *err) {
    char sql[1024];
    snprintf(sql, sizeof sql,
             "INSERT INTO %s.%s (cell, " MEASURE_COLUMNS ") VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,"
             "?11) ON CONFLICT (cell) DO UPDATE SET orders = orders + ?2, units = units + ?3, "
             "subtotal_e4 = subtotal_e4 + ?4, discount_e4 = discount_e4 + ?5, "
             "shipping_e4 = shipping_e4 + ?6, tax_e4 = tax_e4 + ?7, total_e4 = total_e4 + ?8, "
             "cancelled_orders = cancelled_orders + ?9, refunds = refunds + ?10, "
             "refunded_total_e4 = refunded_total_e4 + ?11",
             schema, cells_table_names[table]);
    return sqlite_prepare(c->db, sql, &c->upsert[table], err);
}

struct sqlite_cells *sqlite_cells_new(sqlite3 *db, const char *schema, struct error *err) {
    struct sqlite_cells *c = mem_zalloc(1, sizeof *c);
    c->db = db;
    bool ok = true;
    for (int table = 0; ok && table < CUBE_TABLES; table++) {
        ok = prepare_upsert(c, schema, table, err);
    }
    ok = ok &&
         sqlite_prepare(db,
                        "SELECT id FROM sales_groups WHERE source = ?1 AND state = ?2 "
                        "AND currency = ?3",
                        &c->group_find, err) &&
         sqlite_prepare(db, "INSERT INTO main.sales_groups VALUES (NULL, ?1, ?2, ?3)",
                        &c->group_add, err) &&
         sqlite_prepare(db, "SELECT id FROM sales_products WHERE product_id = ?1 AND currency = ?2",
                        &c->product_find, err) &&
         sqlite_prepare(db, "INSERT INTO main.sales_products VALUES (NULL, ?1, ?2)",
                        &c->product_add, err);
    if (!ok) {
        sqlite_cells_free(c);
        return NULL;
    }
    return c;
}

void sqlite_cells_free(struct sqlite_cells *c) {
    if (c == NULL) {
        return;
    }
    for (int table = 0; table < CUBE_TABLES; table++) {
        sqlite3_finalize(c->upsert[table]);
    }
    sqlite3_finalize(c->group_find);
    sqlite3_finalize(c->group_add);
    sqlite3_finalize(c->product_find);
    sqlite3_finalize(c->product_add);
    free(c->sorted);
    free(c->days);
    free(c);
}

// Both statements are bound alike already: find the row, else add it.
static enum store_result find_or_add(struct sqlite_cells *c, sqlite3_stmt *find, sqlite3_stmt *add,
                                     int64_t *id, struct error *err) {
    int rc = sqlite3_step(find);
    if (rc == SQLITE_ROW) {
        *id = sqlite3_column_int64(find, 0);
    }
    sqlite3_reset(find);
    if (rc == SQLITE_ROW) {
        return STORE_OK;
    }
    if (rc != SQLITE_DONE || !sqlite_do(add)) {
        return sqlite_failed(c->db, "naming a group of sales", err);
    }
    *id = sqlite3_last_insert_rowid(c->db);
    return STORE_OK;
}

enum store_result sqlite_group_id(struct sqlite_cells *c, struct cube_dim *dim, struct error *err) {
    if (LIKELY(dim->store_id >= 0)) {
        return STORE_OK;
    }
    sqlite3_stmt *both[2] = {c->group_find, c->group_add};
    for (int i = 0; i < 2; i++) {
        sqlite_bind_text(both[i], 1, dim->source);
        sqlite_bind_text(both[i], 2, dim->state);
        sqlite_bind_text(both[i], 3, text_of(dim->currency));
    }
    return find_or_add(c, c->group_find, c->group_add, &dim->store_id, err);
}

enum store_result sqlite_product_id(struct sqlite_cells *c, struct cube_dim *dim,
                                    struct error *err) {
    if (LIKELY(dim->store_id >= 0)) {
        return STORE_OK;
    }
    sqlite3_stmt *both[2] = {c->product_find, c->product_add};
    for (int i = 0; i < 2; i++) {
        sqlite_bind_ident(both[i], 1, dim->product_id);
        sqlite_bind_text(both[i], 2, text_of(dim->currency));
    }
    return find_or_add(c, c->product_find, c->product_add, &dim->store_id, err);
}

static int by_table_and_key(const void *left, const void *right) {
    const struct keyed_cell *a = left, *b = right;
    if (a->cell->table != b->cell->table) {
        return a->cell->table < b->cell->table ? -1 : 1;
    }
    return (a->key > b->key) - (a->key < b->key);
}

static enum store_result give_keys(struct sqlite_cells *c, struct cube *cube, struct error *err) {
    size_t n = cube_n_cells(cube);
    if (n > c->cap_sorted) {
        c->cap_sorted = n * 2;
        c->sorted = mem_realloc(c->sorted, c->cap_sorted * sizeof *c->sorted);
    }
    const struct cube_cell *cells = cube_cells(cube);
    for (size_t i = 0; i < n; i++) {
        bool product = cells[i].table == CUBE_PRODUCT;
        struct cube_dim *dim =
            product ? cube_product(cube, cells[i].dim) : cube_group(cube, cells[i].dim);
        enum store_result result =
            product ? sqlite_product_id(c, dim, err) : sqlite_group_id(c, dim, err);
        if (result != STORE_OK) {
            return result;
        }
        c->sorted[i] = (struct keyed_cell){cell_key(cells[i].bucket, dim->store_id), &cells[i]};
    }
    return STORE_OK;
}

static bool upsert(struct sqlite_cells *c, const struct keyed_cell *k) {
    sqlite3_stmt *stmt = c->upsert[k->cell->table];
    const struct measures *m = &k->cell->sum;
    sqlite3_bind_int64(stmt, 1, k->key);
    sqlite3_bind_int64(stmt, 2, m->orders);
    sqlite3_bind_int64(stmt, 3, m->units);
    sqlite3_bind_int64(stmt, 4, m->subtotal_e4);
    sqlite3_bind_int64(stmt, 5, m->discount_e4);
    sqlite3_bind_int64(stmt, 6, m->shipping_e4);
    sqlite3_bind_int64(stmt, 7, m->tax_e4);
    sqlite3_bind_int64(stmt, 8, m->total_e4);
    sqlite3_bind_int64(stmt, 9, m->cancelled_orders);
    sqlite3_bind_int64(stmt, 10, m->refunds);
    sqlite3_bind_int64(stmt, 11, m->refunded_total_e4);
    return sqlite_do(stmt);
}

// Cells come by table and bucket. Days of products are days of groups, too.
static void note_day(struct sqlite_cells *c, const struct cube_cell *cell) {
    if (cell->table != CUBE_DAY || (c->n_days > 0 && c->days[c->n_days - 1] == cell->bucket)) {
        return;
    }
    if (c->n_days == c->cap_days) {
        c->cap_days = c->cap_days > 0 ? 2 * c->cap_days : 8;
        c->days = mem_realloc(c->days, c->cap_days * sizeof *c->days);
    }
    c->days[c->n_days++] = cell->bucket;
}

const int32_t *sqlite_cells_days(const struct sqlite_cells *c, size_t *n) {
    *n = c->n_days;
    return c->days;
}

enum store_result sqlite_cells_apply(struct sqlite_cells *c, struct cube *cube, struct error *err) {
    enum store_result result = give_keys(c, cube, err);
    c->n_days = 0;
    if (result != STORE_OK) {
        return result;
    }
    size_t n = cube_n_cells(cube);
    if (n > 1) {
        qsort(c->sorted, n, sizeof *c->sorted, by_table_and_key);
    }
    for (size_t i = 0; i < n; i++) {
        if (!upsert(c, &c->sorted[i])) {
            return sqlite_failed(c->db, "adding up", err);
        }
        note_day(c, c->sorted[i].cell);
    }
    return STORE_OK;
}
