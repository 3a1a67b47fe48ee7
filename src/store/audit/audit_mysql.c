// SPDX-License-Identifier: MIT
// The picture is read in one read-only transaction with a consistent snapshot, table after table,
// rows as they come.
//
// The repair adds the differences to the cells, as a commit would, in a transaction that holds the
// lock on pipeline_state: while it is held nothing is committed, and if last_batch_id is that of
// the picture, nothing was since.
#include "store/audit/audit_mysql.h"

#include "base/clock.h"
#include "base/mem.h"
#include "store/audit/audit_mysql_projection.h"
#include "store/mysql/mysql_decode.h"
#include "store/mysql/mysql_reader_sql.h"
#include "store/mysql/mysql_schema.h"
#include "store/mysql/mysql_store.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { STATEMENT_TIMEOUT_MS = 15 * 60 * 1000 }; // a large table

struct audit_mysql {
    struct audit_aggregates base;
    struct mysql_address address;
    struct mysql_connection *c; // of the call that runs
    struct buf sql;             // scratch
};

static struct audit_mysql *audit_mysql_of(struct audit_aggregates *a) {
    return (struct audit_mysql *)a;
}

// --- The picture

static bool ask_int(struct audit_mysql *a, const char *sql, int64_t *out, struct error *err) {
    MYSQL_RES *rows = mysql_ask(a->c, text_of(sql), "reading aggregates", err);
    if (rows == NULL) {
        return false;
    }
    struct mysql_values v;
    *out = mysql_next(rows, &v) ? mysql_int_at(&v, 0) : 0;
    mysql_free_result(rows);
    return true;
}

static bool read_state(struct audit_mysql *a, struct audit_picture *p, struct error *err) {
    struct aggregates_state state;
    if (!mysql_settings_read(a->c, &p->settings, err) || !mysql_state_read(a->c, &state, err)) {
        return false;
    }
    p->counts = state.counts;
    p->last_batch_id = state.last_batch_id;
    p->minute_floor = state.minute_floor;
    p->hour_floor = state.hour_floor;
    return ask_int(a, "SELECT max(batch_id) FROM pipeline_batches", &p->newest_batch_id, err) &&
           ask_int(a, "SELECT count(*) FROM rejected_events", &p->rejected_kept, err);
}

static bool read_positions(struct audit_mysql *a, struct audit_picture *p, struct error *err) {
    MYSQL_RES *rows = mysql_ask(
        a->c,
        TEXT_LIT("SELECT if(lane < 0, `partition`, lane), next_offset FROM pipeline_positions "
                 "UNION ALL SELECT lane, next_offset FROM pipeline_lanes WHERE next_offset >= 0"),
        "reading positions", err);
    if (rows == NULL) {
        return false;
    }
    struct mysql_values v;
    while (mysql_next(rows, &v)) {
        int64_t lane = mysql_int_at(&v, 0), next_offset = mysql_int_at(&v, 1);
        if (lane >= 0 && lane < AUDIT_LANES && next_offset >= 0) {
            p->n_lanes_shared += p->lane_is_given[lane];
            p->lane_is_given[lane] = true;
            p->next_offset[lane] = next_offset;
        }
    }
    mysql_free_result(rows);
    return true;
}

static bool read_gross(struct audit_mysql *a, struct audit_picture *p, struct error *err) {
    MYSQL_RES *rows = mysql_ask(a->c, TEXT_LIT("SELECT currency, gross FROM currency_gross"),
                                "reading the sums of currencies", err);
    if (rows == NULL) {
        return false;
    }
    struct mysql_values v;
    while (mysql_next(rows, &v)) {
        struct text name = mysql_text_at(&v, 0);
        int64_t sum_e4;
        if (currency_is(name) && mysql_amount_at(&v, 1, &sum_e4)) {
            p->gross_e4[currency_number(name.at)] = sum_e4;
        } else {
            p->n_gross_unknown++;
        }
    }
    mysql_free_result(rows);
    return true;
}

static bool put_cell(struct audit_picture *p, enum cube_table table, const struct mysql_values *v,
                     struct error *err) {
    bool product = table == CUBE_PRODUCT;
    struct cube_dim dim = {.source = product ? TEXT_NONE : mysql_text_at(v, 1),
                           .state = product ? TEXT_NONE : mysql_text_at(v, 2),
                           .product_id = product ? mysql_ident_at(v, 1) : IDENT_NONE};
    struct text currency = mysql_text_at(v, product ? 2 : 3);
    if (currency.len > 3) {
        return error_set(err, ERROR_FATAL, "a currency in %s is no code of three letters",
                         mysql_cells_tables[table].table);
    }
    memcpy(dim.currency, currency.at, currency.len);
    struct measures sum;
    if (!mysql_measures_at(v, product ? 3 : 4, product, &sum)) {
        return mysql_no_amount(err);
    }
    struct measures *cell = cube_cell(p->cells, table, (int32_t)mysql_int_at(v, 0), &dim);
    if (cell == NULL) {
        return error_set(err, ERROR_RETRIABLE, "out of memory while reading the sums");
    }
    *cell = sum;
    return true;
}

static bool read_cells(struct audit_mysql *a, struct audit_picture *p, enum cube_table table,
                       struct error *err) {
    const struct mysql_cells_table *t = &mysql_cells_tables[table];
    buf_clear(&a->sql);
    if (table == CUBE_PRODUCT) {
        buf_printf(&a->sql, "SELECT %s, product_id, currency, orders, units, total FROM %s",
                   t->number, t->table);
    } else {
        buf_printf(&a->sql, "SELECT %s, source, state, currency, " SQL_MEASURES " FROM %s%s",
                   t->number, t->table,
                   table == CUBE_MINUTE ? " WHERE bucket >= " SQL_MINUTE_FLOOR
                   : table == CUBE_HOUR ? " WHERE bucket >= " SQL_HOUR_FLOOR
                                        : "");
    }
    MYSQL *handle = a->c->handle;
    MYSQL_RES *rows = a->sql.failed || mysql_real_query(handle, a->sql.at, a->sql.len) != 0
                          ? NULL
                          : mysql_use_result(handle); // as they come: there may be millions
    if (rows == NULL) {
        mysql_failed(a->c, "reading aggregates", err);
        return false;
    }
    bool ok = true;
    struct mysql_values v;
    while (ok && mysql_next(rows, &v)) {
        ok = put_cell(p, table, &v, err);
    }
    if (ok && mysql_errno(handle) != 0) {
        mysql_failed(a->c, "reading aggregates", err);
        ok = false;
    }
    mysql_free_result(rows);
    return ok;
}

static bool read_all(struct audit_mysql *a, struct audit_picture *p, struct laws *laws,
                     struct error *err) {
    if (!mysql_run(a->c, TEXT_LIT("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY"),
                   "beginning a snapshot", err) ||
        !read_state(a, p, err) || !read_positions(a, p, err) || !read_gross(a, p, err)) {
        return false;
    }
    for (int table = 0; table < CUBE_TABLES; table++) {
        if (!read_cells(a, p, (enum cube_table)table, err)) {
            return false;
        }
    }
    return audit_mysql_projection(a->c, &p->settings, laws, err);
}

static bool audit_read(struct audit_aggregates *base, struct audit_picture *out, struct laws *laws,
                       struct error *err) {
    struct audit_mysql *a = audit_mysql_of(base);
    bool ok =
        mysql_connection_open(&a->address, MYSQL_ROLE_READER, STATEMENT_TIMEOUT_MS, &a->c, err);
    if (ok) {
        ok = read_all(a, out, laws, err);
        mysql_connection_close(a->c);
    }
    a->c = NULL;
    return ok;
}

// --- The repair

static bool lock_and_compare(struct audit_mysql *a, const struct audit_picture *seen,
                             struct error *err) {
    int64_t last_batch_id;
    if (!mysql_run(a->c, TEXT_LIT("START TRANSACTION"), "rebuilding", err) ||
        !ask_int(a, "SELECT last_batch_id FROM pipeline_state WHERE id = 1 FOR UPDATE",
                 &last_batch_id, err)) {
        return false;
    }
    return last_batch_id == seen->last_batch_id ||
           error_set(err, ERROR_USAGE,
                     "orders were committed while the raw ones were added up: nothing was changed; "
                     "stop the processes (or the orders) and run rebuild again");
}

static void subtract(struct measures *from, const struct measures *m) {
    int64_t *to = &from->orders;
    const int64_t *by = &m->orders;
    for (size_t i = 0; i < sizeof *m / sizeof *by; i++) {
        to[i] = (int64_t)((uint64_t)to[i] - (uint64_t)by[i]);
    }
}

static bool run_written(struct audit_mysql *a, struct error *err) {
    bool ok = a->sql.failed ? error_set(err, ERROR_RETRIABLE, "out of memory")
                            : mysql_run(a->c, buf_text(&a->sql), "rebuilding", err);
    buf_clear(&a->sql);
    return ok;
}

static bool delete_cell(struct audit_mysql *a, const struct audit_change *c, struct error *err) {
    const struct mysql_cells_table *t = &mysql_cells_tables[c->table];
    buf_clear(&a->sql);
    buf_printf(&a->sql, "DELETE FROM %s WHERE currency = '%.3s'", t->table, c->dim->currency);
    if (t->bucket != NULL) {
        buf_printf(&a->sql, " AND %s = ", t->bucket);
        mysql_put_bucket(&a->sql, c->table, c->bucket);
    }
    if (c->table == CUBE_PRODUCT) {
        buf_put_str(&a->sql, " AND product_id = ");
        sql_put_ident(&a->sql, c->dim->product_id);
    } else {
        buf_put_str(&a->sql, " AND source = ");
        sql_put_text(&a->sql, c->dim->source);
        buf_put_str(&a->sql, " AND state = ");
        sql_put_text(&a->sql, c->dim->state);
    }
    return run_written(a, err);
}

static bool repair_gross(struct audit_mysql *a, const int64_t *gross_e4, struct error *err) {
    if (!mysql_run(a->c, TEXT_LIT("DELETE FROM currency_gross"), "rebuilding", err)) {
        return false;
    }
    bool ok = true;
    for (int32_t i = 0; ok && i < N_CURRENCIES; i++) {
        if (gross_e4[i] != 0) {
            char name[4];
            currency_name(i, name);
            buf_printf(&a->sql, "INSERT INTO currency_gross (currency, gross) VALUES ('%s', ",
                       name);
            sql_put_amount(&a->sql, gross_e4[i]);
            buf_put_char(&a->sql, ')');
            ok = run_written(a, err);
        }
    }
    return ok;
}

// The differences as a cube, applied as a commit applies its deltas; the projection's rows of all
// groups are set anew.
static bool repair_counts(struct audit_mysql *a, int64_t n_events, struct error *err) {
    buf_clear(&a->sql);
    buf_printf(&a->sql,
               "UPDATE pipeline_state SET duplicate = duplicate + (accepted - %" PRId64
               "), accepted = %" PRId64 " WHERE accepted > %" PRId64,
               n_events, n_events, n_events);
    return mysql_send(a->c, &a->sql, "rebuilding", err);
}

// Whoever keeps sums of whole days reads all of them anew.
static bool note_days(struct audit_mysql *a, struct error *err) {
    buf_clear(&a->sql);
    buf_put_str(&a->sql, "REPLACE INTO sales_day_changes (day, changed_at, accepted) SELECT ");
    sql_put_day(&a->sql, DAY_CHANGE_ALL);
    buf_put_str(&a->sql, ", UTC_TIMESTAMP(3), accepted FROM pipeline_state WHERE id = 1");
    return mysql_run(a->c,
                     TEXT_LIT("UPDATE sales_day_changes SET accepted = LEAST(accepted, (SELECT "
                              "accepted FROM pipeline_state WHERE id = 1))"),
                     "rebuilding", err) &&
           run_written(a, err);
}

static bool repair_cells(struct audit_mysql *a, const struct audit_picture *seen,
                         const struct audit_repair *r, struct cube *deltas, struct error *err) {
    for (size_t i = 0; i < r->n_changes; i++) {
        const struct audit_change *c = &r->changes[i];
        if (c->want == NULL && !delete_cell(a, c, err)) {
            return false;
        }
        if (c->want != NULL) {
            struct measures *delta = cube_cell(deltas, c->table, c->bucket, c->dim);
            if (delta == NULL) {
                return error_set(err, ERROR_RETRIABLE, "out of memory while rebuilding");
            }
            *delta = *c->want;
            if (c->have != NULL) {
                subtract(delta, c->have);
            }
        }
    }
    for (size_t i = 0; i < cube_n_cells(seen->cells); i++) { // of every group, nothing to add
        const struct cube_cell *cell = &cube_cells(seen->cells)[i];
        const struct cube_dim *group =
            cell->table == CUBE_TOTALS ? cube_group(seen->cells, cell->dim) : NULL;
        if (group != NULL && cube_cell(deltas, CUBE_TOTALS, 0, group) == NULL) {
            return error_set(err, ERROR_RETRIABLE, "out of memory while rebuilding");
        }
    }
    struct mysql_cells *cells = mysql_cells_new();
    struct projection *projection = NULL;
    const struct batch_summary summary = {.batch_id = seen->last_batch_id,
                                          .committed_ms = clock_now_ms(clock_system())};
    mysql_cells_sort(cells, deltas, seen->minute_floor, seen->hour_floor);
    bool ok = mysql_cells_apply(cells, a->c, deltas, &a->sql, err) &&
              projection_bind(a->c, seen->settings.currency, false, &projection, err) &&
              projection_set(projection, a->c, cells, deltas, &summary, &a->sql, err);
    projection_free(projection);
    mysql_cells_free(cells);
    return ok;
}

static bool audit_repair_all(struct audit_aggregates *base, const struct audit_picture *seen,
                             const struct audit_repair *r, struct error *err) {
    struct audit_mysql *a = audit_mysql_of(base);
    struct cube *deltas = mem_must(cube_new(NULL, NULL)); // cells are put, no event is added
    buf_clear(&a->sql);
    bool ok =
        mysql_connection_open(&a->address, MYSQL_ROLE_WRITER, STATEMENT_TIMEOUT_MS, &a->c, err);
    if (ok) {
        ok = lock_and_compare(a, seen, err) && repair_cells(a, seen, r, deltas, err) &&
             repair_gross(a, r->gross_e4, err) && repair_counts(a, r->n_events, err) &&
             note_days(a, err) && mysql_run(a->c, TEXT_LIT("COMMIT"), "rebuilding", err);
        mysql_connection_close(a->c); // rolls back what was not committed
    }
    a->c = NULL;
    cube_free(deltas);
    return ok;
}

static void audit_close(struct audit_aggregates *base) {
    struct audit_mysql *a = audit_mysql_of(base);
    buf_free(&a->sql);
    free(a);
}

static const struct audit_aggregates_ops ops = {
    .read = audit_read, .repair = audit_repair_all, .close = audit_close};

struct audit_aggregates *audit_mysql_new(const struct mysql_address *address) {
    struct audit_mysql *a = mem_zalloc(1, sizeof *a);
    a->base.ops = &ops;
    a->address = *address;
    return &a->base;
}
