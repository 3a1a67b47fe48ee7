// SPDX-License-Identifier: MIT
// The server compares, since the types of the projection's columns may be a user's: an amount may
// be off by what its type cannot hold, and no more.
#include "store/audit/audit_mysql_projection.h"

#include "store/mysql/mysql_decode.h"
#include "store/mysql/mysql_projection_plan.h"
#include "store/mysql/mysql_schema.h"
#include "store/mysql/mysql_sql.h"
#include <inttypes.h>
#include <stdio.h>

#define DOING "reading the projection"
#define AS_BINARY(column) "CONVERT(" column " USING utf8mb4) COLLATE utf8mb4_bin"

// How far a projected amount may be from its total, as SQL: what the column's type cannot hold.
static void put_tolerance(struct buf *out, const struct found_column *amount) {
    if (strcmp(amount->kind, "double") == 0) {
        buf_put_str(out, "ABS(s.total) * 1e-14");
    } else if (strcmp(amount->kind, "float") == 0) {
        buf_put_str(out, "ABS(s.total) * 1e-6");
    } else if (strstr(amount->kind, "int") != NULL) {
        buf_put_str(out, "0.5");
    } else if (strcmp(amount->kind, "decimal") == 0 && amount->scale < 4) {
        buf_printf(out, "0.5 * POW(10, -%d)", amount->scale);
    } else {
        buf_put_str(out, "0");
    }
}

static void put_projection_sql(struct buf *out, const struct store_settings *settings,
                               const struct found_table *found,
                               const struct projection_plan *plan) {
    const struct found_column *amount = found_column_of(found, "total_sum_amount");
    const char *projected =
        plan->amount_as_text ? "CAST(p.total_sum_amount AS DECIMAL(19,4))" : "p.total_sum_amount";
    buf_printf(out,
               "SELECT s.source, s.state, s.total, p.total_sum_amount FROM sales_totals s "
               "LEFT JOIN " PROJECTION_TABLE " p ON %s = s.source AND %s = s.state "
               "WHERE s.currency = ",
               plan->keyed ? "p.source" : AS_BINARY("p.source"), // else its key would not be used
               plan->keyed ? "p.state" : AS_BINARY("p.state"));
    sql_put_text(out, text_of(settings->currency));
    buf_printf(out, " AND CASE WHEN p.source IS NULL THEN ");
    if (plan->partial_charset) { // groups that it cannot name are left out
        buf_printf(out,
                   "CONVERT(CONVERT(s.source USING %s) USING utf8mb4) = s.source AND "
                   "CONVERT(CONVERT(s.state USING %s) USING utf8mb4) = s.state",
                   plan->source_charset, plan->state_charset);
    } else {
        buf_put_str(out, "TRUE");
    }
    buf_printf(out, " ELSE COALESCE(ABS(%s - s.total) > ", projected);
    put_tolerance(out, amount);
    buf_put_str(out, ", TRUE) END");
}

static bool check_amounts(struct mysql_connection *c, struct buf *sql, struct laws *laws,
                          struct error *err) {
    MYSQL_RES *rows = mysql_ask(c, buf_text(sql), DOING, err);
    if (rows == NULL) {
        return false;
    }
    struct laws_table t = {.name = PROJECTION_TABLE};
    struct mysql_values v;
    while (mysql_next(rows, &v)) {
        char where[600];
        struct text have = mysql_text_at(&v, 3);
        snprintf(where, sizeof where, "%s, %s (%.*s)", v.row[0], v.row[1],
                 have.at != NULL ? (int)have.len : 4, have.at != NULL ? have.at : "none");
        laws_cell(laws, &t, have.at != NULL ? CELL_DIFFERS : CELL_MISSING, where);
    }
    mysql_free_result(rows);
    return true;
}

// Rows that no total gives, and groups with more than one.
static bool check_extra(struct mysql_connection *c, const struct store_settings *settings,
                        struct buf *sql, struct laws *laws, struct error *err) {
    buf_clear(sql);
    buf_put_str(sql,
                "SELECT (SELECT count(*) FROM " PROJECTION_TABLE " p LEFT JOIN sales_totals s ON "
                "s.source = " AS_BINARY("p.source") " AND s.state = " AS_BINARY(
                    "p.state") " AND s.currency = ");
    sql_put_text(sql, text_of(settings->currency));
    buf_put_str(sql, " WHERE s.source IS NULL) + (SELECT count(*) - count(DISTINCT " AS_BINARY(
                         "source") ", " AS_BINARY("state") ") FROM " PROJECTION_TABLE ")");
    MYSQL_RES *rows = sql->failed ? NULL : mysql_ask(c, buf_text(sql), DOING, err);
    struct mysql_values v;
    int64_t n_extra = rows != NULL && mysql_next(rows, &v) ? mysql_int_at(&v, 0) : 0;
    mysql_free_result(rows);
    if (rows == NULL) {
        return false;
    }
    if (n_extra != 0) {
        laws_broken(laws,
                    PROJECTION_TABLE ": %" PRId64 " rows are of no source and state that has "
                                     "sales, or a second one of it",
                    n_extra);
    }
    return true;
}

bool audit_mysql_projection(struct mysql_connection *c, const struct store_settings *settings,
                            struct laws *laws, struct error *err) {
    struct found_table found;
    struct projection_plan plan;
    bool there;
    struct buf sql = {0};
    if (!catalog_read(c, PROJECTION_TABLE, &found, &there, err)) {
        return false;
    }
    if (!there) {
        laws_broken(laws, PROJECTION_TABLE " is missing");
        return true;
    }
    bool ok = projection_plan_make(&found, c->name, &plan, err);
    if (ok) {
        put_projection_sql(&sql, settings, &found, &plan);
    }
    if (ok && sql.failed) {
        ok = error_set(err, ERROR_RETRIABLE, "out of memory");
    }
    ok = ok && check_amounts(c, &sql, laws, err) && check_extra(c, settings, &sql, laws, err);
    found_table_free(&found);
    buf_free(&sql);
    return ok;
}
