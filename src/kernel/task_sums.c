// SPDX-License-Identifier: MIT
// What a task has summed so far, as columns: a row for each cell of the cube, in order of their
// making. The cube stays as it is.
//
// How it fails: memory is refused, or the rows would not fit into one array; the task goes on.
#include "kernel/arrow_out.h"
#include "kernel/result.h"
#include "kernel/task.h"
#include "sums/cube_columns.h"

#define OUT_DATE "tdD", 4
static const int64_t MINUTE_US = INT64_C(60) * 1000000, HOUR_US = INT64_C(3600) * 1000000;

enum {
    SUM_TABLE,
    SUM_BUCKET,
    SUM_DAY,
    SUM_SOURCE,
    SUM_STATE,
    SUM_CURRENCY,
    SUM_MEASURES, // in the order of enum cube_measure
    SUM_COLUMNS = SUM_MEASURES + CUBE_MEASURES,
};
static const struct out_column_kind sum_kinds[SUM_COLUMNS] = {
    [SUM_TABLE] = {"table", OUT_UTF8, false},
    [SUM_BUCKET] = {"bucket", OUT_INSTANT, true},
    [SUM_DAY] = {"day", OUT_DATE, true},
    [SUM_SOURCE] = {"source", OUT_UTF8, false},
    [SUM_STATE] = {"state", OUT_UTF8, false},
    [SUM_CURRENCY] = {"currency", OUT_UTF8, false},
    [SUM_MEASURES + CUBE_ORDERS] = {"orders", OUT_INT64, false},
    [SUM_MEASURES + CUBE_UNITS] = {"units", OUT_INT64, false},
    [SUM_MEASURES + CUBE_SUBTOTAL_E4] = {"subtotal", OUT_MONEY, false},
    [SUM_MEASURES + CUBE_DISCOUNT_E4] = {"discount", OUT_MONEY, false},
    [SUM_MEASURES + CUBE_SHIPPING_E4] = {"shipping", OUT_MONEY, false},
    [SUM_MEASURES + CUBE_TAX_E4] = {"tax", OUT_MONEY, false},
    [SUM_MEASURES + CUBE_TOTAL_E4] = {"total", OUT_MONEY, false},
    [SUM_MEASURES + CUBE_CANCELLED_ORDERS] = {"cancelled_orders", OUT_INT64, false},
    [SUM_MEASURES + CUBE_REFUNDS] = {"refunds", OUT_INT64, false},
    [SUM_MEASURES + CUBE_REFUNDED_TOTAL_E4] = {"refunded_total", OUT_MONEY, false},
};

enum {
    PRODUCT_DAY,
    PRODUCT_ID,
    PRODUCT_CURRENCY,
    PRODUCT_ORDERS,
    PRODUCT_UNITS,
    PRODUCT_TOTAL,
    PRODUCT_COLUMNS,
};
static const struct out_column_kind product_kinds[PRODUCT_COLUMNS] = {
    [PRODUCT_DAY] = {"day", OUT_DATE, false},
    [PRODUCT_ID] = {"product_id", OUT_UTF8, false},
    [PRODUCT_CURRENCY] = {"currency", OUT_UTF8, false},
    [PRODUCT_ORDERS] = {"orders", OUT_INT64, false},
    [PRODUCT_UNITS] = {"units", OUT_INT64, false},
    [PRODUCT_TOTAL] = {"total", OUT_MONEY, false},
};

// The bucket's first instant, and the shop's date where it is a day.
static void put_bucket(struct out_table *t, const struct zone *zone, enum cube_table table,
                       int32_t bucket) {
    switch (table) {
    case CUBE_MINUTE:
        out_i64(t, SUM_BUCKET, bucket * MINUTE_US);
        break;
    case CUBE_HOUR:
        out_i64(t, SUM_BUCKET, bucket * HOUR_US);
        break;
    case CUBE_DAY:
        out_i64(t, SUM_BUCKET, zone_day_start_ms(zone, bucket) * 1000);
        out_i32(t, SUM_DAY, bucket);
        return;
    case CUBE_TOTALS:
    case CUBE_PRODUCT:
    case CUBE_TABLES:
        out_null(t, SUM_BUCKET);
        break;
    }
    out_null(t, SUM_DAY);
}

static void put_sum(struct out_table *t, const struct salestide_task *task,
                    const struct cube_columns *c, size_t row) {
    static const char *const names[CUBE_TABLES] = {[CUBE_TOTALS] = "total",
                                                   [CUBE_MINUTE] = "minute",
                                                   [CUBE_HOUR] = "hour",
                                                   [CUBE_DAY] = "day"};
    const struct cube_dim *group = &c->groups[c->dim[row]];
    enum cube_table table = c->table[row];
    out_text(t, SUM_TABLE, text_of(names[table]));
    put_bucket(t, task->shop->zone, table, c->bucket[row]);
    out_text(t, SUM_SOURCE, group->source);
    out_text(t, SUM_STATE, group->state);
    out_text(t, SUM_CURRENCY, text_of(group->currency));
    for (int64_t k = 0; k < CUBE_MEASURES; k++) {
        if (sum_kinds[SUM_MEASURES + k].n_bytes == 16) {
            out_money(t, SUM_MEASURES + k, c->measures[k][row]);
        } else {
            out_i64(t, SUM_MEASURES + k, c->measures[k][row]);
        }
    }
}

static void put_product(struct out_table *t, const struct salestide_task *task,
                        const struct cube_columns *c, size_t row) {
    UNUSED(task);
    const struct cube_dim *product = &c->products[c->dim[row]];
    char digits[24];
    out_i32(t, PRODUCT_DAY, c->bucket[row]);
    out_text(t, PRODUCT_ID, ident_text(product->product_id, digits));
    out_text(t, PRODUCT_CURRENCY, text_of(product->currency));
    out_i64(t, PRODUCT_ORDERS, c->measures[CUBE_ORDERS][row]);
    out_i64(t, PRODUCT_UNITS, c->measures[CUBE_UNITS][row]);
    out_money(t, PRODUCT_TOTAL, c->measures[CUBE_TOTAL_E4][row]);
}

// One of the two results.
struct sums_view {
    unsigned tables; // CUBE_TABLE_BIT
    const struct out_column_kind *kinds;
    int64_t n_columns;
    void (*put)(struct out_table *t, const struct salestide_task *task,
                const struct cube_columns *c, size_t row);
};

static bool export_cells(const struct salestide_task *task, const struct sums_view *view,
                         const struct cube_columns *c, struct ArrowSchema *schema,
                         struct ArrowArray *array, bool *too_large) {
    struct out_table t;
    if (!out_table_init(&t, view->kinds, view->n_columns, task->heap)) {
        return false;
    }
    bool ok = true;
    for (size_t row = 0; ok && row < c->n_rows; row++) {
        ok = out_row_room(&t);
        if (ok) {
            view->put(&t, task, c, row);
            out_row_end(&t);
            ok = !t.failed;
        }
    }
    *too_large = t.too_large;
    ok = ok && out_table_export(&t, schema, array);
    out_table_free(&t);
    return ok;
}

static int32_t export_view(const struct salestide_task *t, const struct sums_view *view,
                           struct ArrowSchema *schema, struct ArrowArray *array,
                           struct salestide_error *err) {
    kernel_begin(err);
    if (schema != NULL) {
        schema->release = NULL;
    }
    if (array != NULL) {
        array->release = NULL;
    }
    if (t == NULL || schema == NULL || array == NULL || t->state == TASK_FAILED) {
        return kernel_answer(err, SALESTIDE_INVALID,
                             "sums need a task that has not failed, out_schema and out");
    }
    struct cube_columns columns;
    if (!cube_columns_of(t->cube, view->tables, t->heap, &columns)) {
        return kernel_no_memory(err);
    }
    bool too_large = false;
    bool ok = export_cells(t, view, &columns, schema, array, &too_large);
    cube_columns_free(&columns);
    return ok ? SALESTIDE_OK
           : too_large
               ? kernel_answer(err, SALESTIDE_INVALID,
                               "the sums would take 2 GiB in one column: give smaller ranges")
               : kernel_no_memory(err);
}

int32_t salestide_task_sums(struct salestide_task *task, struct ArrowSchema *out_schema,
                            struct ArrowArray *out, struct salestide_error *err) {
    static const struct sums_view view = {CUBE_TABLE_BIT(CUBE_TOTALS) |
                                              CUBE_TABLE_BIT(CUBE_MINUTE) |
                                              CUBE_TABLE_BIT(CUBE_HOUR) | CUBE_TABLE_BIT(CUBE_DAY),
                                          sum_kinds, SUM_COLUMNS, put_sum};
    return export_view(task, &view, out_schema, out, err);
}

int32_t salestide_task_products(struct salestide_task *task, struct ArrowSchema *out_schema,
                                struct ArrowArray *out, struct salestide_error *err) {
    static const struct sums_view view = {CUBE_TABLE_BIT(CUBE_PRODUCT), product_kinds,
                                          PRODUCT_COLUMNS, put_product};
    return export_view(task, &view, out_schema, out, err);
}
