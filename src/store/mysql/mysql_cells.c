// SPDX-License-Identifier: MIT
// Upserts of cells.
//
// 1. The groups and products that the cells use are sorted by their texts, once; a cell's place is
//    then an integer: table, bucket, rank. Integers sort fast.
// 2. The cells go out in that order, many rows a statement. sales_totals comes last: its rows are
//    touched by every batch, so an instance holds them shortest.
//
// How it fails: the statement's error; the transaction is the caller's to roll back.
#include "store/mysql/mysql_cells.h"

#include "base/mem.h"
#include <stdlib.h>

struct placed_cell {
    uint64_t place; // 3 bits of table, 32 of bucket, 29 of rank
    const struct cube_cell *cell;
};

// Places of groups or products in the order of their texts.
struct ranks {
    uint32_t *of;   // by number in the cube; UINT32_MAX: not used by the batch
    uint32_t *used; // numbers in order
    uint32_t n, cap;
};

struct mysql_cells {
    struct ranks groups, products;
    struct placed_cell *sorted;
    size_t n, cap;
};

struct mysql_cells *mysql_cells_new(void) {
    return mem_zalloc(1, sizeof(struct mysql_cells));
}

static void ranks_free(struct ranks *r) {
    free(r->of);
    free(r->used);
}

void mysql_cells_free(struct mysql_cells *s) {
    if (s == NULL) {
        return;
    }
    ranks_free(&s->groups);
    ranks_free(&s->products);
    free(s->sorted);
    free(s);
}

// --- Order

static int compare_texts(struct text a, struct text b) {
    size_t n = a.len < b.len ? a.len : b.len;
    int order = n > 0 ? memcmp(a.at, b.at, n) : 0;
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static int by_group(const void *left, const void *right, void *user) {
    const struct cube_dim *a = cube_group(user, *(const uint32_t *)left);
    const struct cube_dim *b = cube_group(user, *(const uint32_t *)right);
    int order = compare_texts(a->source, b->source);
    order = order != 0 ? order : compare_texts(a->state, b->state);
    return order != 0 ? order : memcmp(a->currency, b->currency, 3);
}

static int by_product(const void *left, const void *right, void *user) {
    const struct cube_dim *a = cube_product(user, *(const uint32_t *)left);
    const struct cube_dim *b = cube_product(user, *(const uint32_t *)right);
    char a_digits[24], b_digits[24];
    int order =
        compare_texts(ident_text(a->product_id, a_digits), ident_text(b->product_id, b_digits));
    return order != 0 ? order : memcmp(a->currency, b->currency, 3);
}

static void ranks_begin(struct ranks *r, uint32_t n_dims) {
    if (n_dims > r->cap) {
        r->cap = n_dims * 2;
        r->of = mem_realloc(r->of, r->cap * sizeof *r->of);
        r->used = mem_realloc(r->used, r->cap * sizeof *r->used);
    }
    memset(r->of, 0xFF, n_dims * sizeof *r->of);
    r->n = 0;
}

static void ranks_use(struct ranks *r, uint32_t dim) {
    if (r->of[dim] == UINT32_MAX) {
        r->of[dim] = 0;
        r->used[r->n++] = dim;
    }
}

static void ranks_sort(struct ranks *r, struct cube *cube,
                       int (*by)(const void *, const void *, void *)) {
    if (r->n > 1) {
        qsort_r(r->used, r->n, sizeof *r->used, by, cube);
    }
    for (uint32_t i = 0; i < r->n; i++) {
        r->of[r->used[i]] = i;
    }
}

static void rank_dims(struct mysql_cells *s, struct cube *cube) {
    size_t n = cube_n_cells(cube);
    const struct cube_cell *cells = cube_cells(cube);
    uint32_t n_groups = 1, n_products = 1;
    for (size_t i = 0; i < n; i++) {
        uint32_t *most = cells[i].table == CUBE_PRODUCT ? &n_products : &n_groups;
        *most = cells[i].dim + 1 > *most ? cells[i].dim + 1 : *most;
    }
    ranks_begin(&s->groups, n_groups);
    ranks_begin(&s->products, n_products);
    for (size_t i = 0; i < n; i++) {
        ranks_use(cells[i].table == CUBE_PRODUCT ? &s->products : &s->groups, cells[i].dim);
    }
    ranks_sort(&s->groups, cube, by_group);
    ranks_sort(&s->products, cube, by_product);
}

static uint64_t place_of(const struct mysql_cells *s, const struct cube_cell *cell) {
    uint64_t table = cell->table == CUBE_TOTALS ? CUBE_TABLES : cell->table;
    uint32_t bucket = (uint32_t)cell->bucket ^ UINT32_C(0x80000000); // negative days come first
    const struct ranks *ranks = cell->table == CUBE_PRODUCT ? &s->products : &s->groups;
    return table << 61 | (uint64_t)bucket << 29 | ranks->of[cell->dim];
}

static int by_place(const void *left, const void *right) {
    uint64_t a = ((const struct placed_cell *)left)->place;
    uint64_t b = ((const struct placed_cell *)right)->place;
    return (a > b) - (a < b);
}

void mysql_cells_sort(struct mysql_cells *s, struct cube *cube, int32_t minute_floor,
                      int32_t hour_floor) {
    size_t n = cube_n_cells(cube);
    if (n > s->cap) {
        s->cap = n * 2;
        s->sorted = mem_realloc(s->sorted, s->cap * sizeof *s->sorted);
    }
    rank_dims(s, cube);
    const struct cube_cell *cells = cube_cells(cube);
    s->n = 0;
    for (size_t i = 0; i < n; i++) {
        bool expired = (cells[i].table == CUBE_MINUTE && cells[i].bucket < minute_floor) ||
                       (cells[i].table == CUBE_HOUR && cells[i].bucket < hour_floor);
        if (!expired) {
            s->sorted[s->n++] = (struct placed_cell){place_of(s, &cells[i]), &cells[i]};
        }
    }
    if (s->n > 1) {
        qsort(s->sorted, s->n, sizeof *s->sorted, by_place);
    }
}

size_t mysql_cells_n(const struct mysql_cells *s) {
    return s->n;
}

const struct cube_cell *mysql_cells_at(const struct mysql_cells *s, size_t i) {
    return s->sorted[i].cell;
}

// --- Statements

#define ADD(measure) measure " = " measure " + VALUES(" measure ")"
#define ADD_MEASURES                                                                                             \
    " ON DUPLICATE KEY UPDATE " ADD("orders") ", " ADD("units") ", " ADD("subtotal") ", " ADD(                   \
        "di"                                                                                                     \
        "sc"                                                                                                     \
        "ou"                                                                                                     \
        "n"                                                                                                      \
        "t") ", " ADD("shipping") ", " ADD("tax") ", " ADD("total") ", " ADD("cancelled_orders") ", " ADD("refu" \
                                                                                                          "nds") ", " ADD("refunded_total")
#define CELLS_OF(table)                                                                            \
    "INSERT INTO " table " (bucket, source, state, currency, " SQL_MEASURES ") VALUES "

static const struct {
    const char *head, *tail;
} statements[CUBE_TABLES] = {
    [CUBE_TOTALS] = {"INSERT INTO sales_totals (source, state, currency, " SQL_MEASURES ") VALUES ",
                     ADD_MEASURES},
    [CUBE_MINUTE] = {CELLS_OF("sales_by_minute"), ADD_MEASURES},
    [CUBE_HOUR] = {CELLS_OF("sales_by_hour"), ADD_MEASURES},
    [CUBE_DAY] = {CELLS_OF("sales_by_day"), ADD_MEASURES},
    [CUBE_PRODUCT] = {"INSERT INTO sales_by_product (day, product_id, currency, orders, units, "
                      "total) VALUES ",
                      " ON DUPLICATE KEY UPDATE " ADD("orders") ", " ADD("units") ", " ADD(
                          "total")},
};

static void put_bucket(struct buf *sql, const struct cube_cell *cell) {
    if (cell->table == CUBE_TOTALS) {
        return;
    }
    if (cell->table == CUBE_MINUTE) {
        sql_put_minute(sql, cell->bucket);
    } else if (cell->table == CUBE_HOUR) {
        sql_put_hour(sql, cell->bucket);
    } else {
        sql_put_day(sql, cell->bucket);
    }
    buf_put_char(sql, ',');
}

static void put_cell(struct buf *sql, struct cube *cube, const struct cube_cell *cell) {
    put_bucket(sql, cell);
    if (cell->table == CUBE_PRODUCT) {
        const struct cube_dim *product = cube_product(cube, cell->dim);
        sql_put_ident(sql, product->product_id);
        buf_put_char(sql, ',');
        sql_put_text(sql, text_of(product->currency));
        buf_put_char(sql, ',');
        buf_put_i64(sql, cell->sum.orders);
        buf_put_char(sql, ',');
        buf_put_i64(sql, cell->sum.units);
        buf_put_char(sql, ',');
        sql_put_amount(sql, cell->sum.total_e4);
        return;
    }
    const struct cube_dim *group = cube_group(cube, cell->dim);
    sql_put_text(sql, group->source);
    buf_put_char(sql, ',');
    sql_put_text(sql, group->state);
    buf_put_char(sql, ',');
    sql_put_text(sql, text_of(group->currency));
    buf_put_char(sql, ',');
    sql_put_measures(sql, &cell->sum);
}

bool mysql_cells_apply(const struct mysql_cells *s, struct mysql_connection *c, struct cube *cube,
                       struct buf *sql, struct error *err) {
    struct mysql_rows rows = {
        .c = c, .sql = sql, .doing = "adding up", .limit_bytes = mysql_rows_limit(c)};
    for (size_t i = 0; i < s->n; i++) {
        const struct cube_cell *cell = s->sorted[i].cell;
        bool next_table = i == 0 || s->sorted[i - 1].cell->table != cell->table;
        if (next_table) {
            if (!mysql_rows_flush(&rows, err)) {
                return false;
            }
            rows.head = statements[cell->table].head;
            rows.tail = statements[cell->table].tail;
        }
        mysql_row_begin(&rows);
        put_cell(sql, cube, cell);
        if (!mysql_row_end(&rows, err)) {
            return false;
        }
    }
    return mysql_rows_flush(&rows, err);
}
