// SPDX-License-Identifier: MIT
// Writing the projection.
//
// With a unique key on source and state: INSERT ... SELECT from sales_totals of the groups touched
// ... ON DUPLICATE KEY UPDATE.
//
// Without one (a user's table):
// 1. The table is joined to sales_totals by its primary key, row by row, and the rows of the groups
//    touched are set. Texts are compared as utf8mb4_bin, whatever the table's collation.
// 2. Whether a group has a row is looked up when the cube meets the group first, by reading the
//    table's source and state once; those that are missing are inserted. The same is done when
//    fewer rows were set than there should be: somebody has deleted some, or a transaction that
//    inserted them was rolled back.
// 3. In a character set that lacks characters, groups that it cannot hold are left out.
//
// How it fails: the statement's error; the transaction is the caller's to roll back.
#include "store/mysql/mysql_projection.h"

#include "base/log.h"
#include "base/mem.h"
#include "order/timestamp.h"
#include "store/mysql/mysql_schema.h"
#include <stdlib.h>

// cube_dim.store_id of a group: its row in the table.
enum { ROW_UNKNOWN = -1, ROW_IMPOSSIBLE = 0, ROW_THERE = 1 };

struct touched {
    struct cube_dim *group;
    bool seen; // scratch of mark_all
};

struct projection {
    struct projection_plan plan;
    char currency[4];
    struct touched *touched; // groups of the batch in the shop's currency, by their texts
    size_t n, cap;
};

struct work {
    struct projection *p;
    struct mysql_connection *c;
    const struct batch_summary *summary;
    struct buf *sql;
};

#define DOING "setting " PROJECTION_TABLE

// --- Binding

#define AS_BINARY(column) "CONVERT(" column " USING utf8mb4) COLLATE utf8mb4_bin"

static bool refuse_double_rows(struct mysql_connection *c, struct error *err) {
    MYSQL_RES *rows = mysql_ask(c,
                                TEXT_LIT("SELECT " AS_BINARY("source") " AS g, " AS_BINARY(
                                    "state") " AS h "
                                             "FROM " PROJECTION_TABLE
                                             " WHERE source IS NOT NULL AND state IS NOT NULL "
                                             "GROUP BY g, h HAVING COUNT(*) > 1 LIMIT 1"),
                                "looking at " PROJECTION_TABLE, err);
    if (rows == NULL) {
        return false;
    }
    MYSQL_ROW row = mysql_fetch_row(rows);
    bool ok = row == NULL || error_set(err, ERROR_USAGE,
                                       "%s: " PROJECTION_TABLE
                                       " has several rows for source %.60s, state %.60s; leave one",
                                       c->name, row[0], row[1]);
    mysql_free_result(rows);
    return ok;
}

bool projection_bind(struct mysql_connection *c, const char *currency, bool tell,
                     struct projection **out, struct error *err) {
    struct found_table found;
    struct projection_plan plan;
    bool there;
    if (!catalog_read(c, PROJECTION_TABLE, &found, &there, err)) {
        return false;
    }
    bool ok = there ? projection_plan_make(&found, c->name, &plan, err)
                    : error_set(err, ERROR_USAGE,
                                "%s has no table " PROJECTION_TABLE
                                "; run `salestide setup --aggregates URL`",
                                c->name);
    found_table_free(&found);
    if (!ok || (!plan.keyed && !refuse_double_rows(c, err))) {
        return false;
    }
    if (tell && plan.notes[0] != '\0') {
        log_warn("store", PROJECTION_TABLE " is used as it was found: %s; sales_totals is exact",
                 plan.notes);
    }
    struct projection *p = mem_zalloc(1, sizeof *p);
    p->plan = plan;
    memcpy(p->currency, currency, sizeof p->currency);
    *out = p;
    return true;
}

void projection_free(struct projection *p) {
    if (p == NULL) {
        return;
    }
    free(p->touched);
    free(p);
}

// --- Pieces of statements

static void put_processed_at(const struct work *w) {
    char instant[32];
    size_t n = timestamp_format(w->summary->committed_ms, instant);
    switch (w->p->plan.processed) {
    case PROCESSED_MS:
        buf_put_i64(w->sql, w->summary->committed_ms);
        break;
    case PROCESSED_RFC3339:
        sql_put_text(w->sql, (struct text){instant, n});
        break;
    case PROCESSED_SECONDS:
        instant[10] = ' ';
        sql_put_text(w->sql, (struct text){instant, 19});
        break;
    default:
        sql_put_instant(w->sql, w->summary->committed_ms);
    }
}

static void put_batch_id(const struct work *w) {
    int64_t most = w->p->plan.batch_id_max;
    buf_put_i64(w->sql, w->summary->batch_id < most ? w->summary->batch_id : most);
}

static const char *amount_of(const struct work *w) {
    return w->p->plan.amount_as_text ? "CAST(s.total AS CHAR)" : "s.total";
}

// A statement's head, the groups of one kind in (...), and its tail, as often as the length asks
// for. *n_rows: rows that were matched, *n_groups: groups that were named.
struct grouped {
    void (*head)(const struct work *w);
    const char *tail;
    bool (*wanted)(const struct projection *p, size_t i);
};

static bool send_grouped(const struct work *w, const struct grouped *g, int64_t *n_rows,
                         int64_t *n_groups, struct error *err) {
    size_t limit = mysql_rows_limit(w->c);
    for (size_t i = 0; i < w->p->n;) {
        size_t n = 0;
        for (; i < w->p->n && w->sql->len < limit && !w->sql->failed; i++) {
            if (!g->wanted(w->p, i)) {
                continue;
            }
            if (n++ == 0) {
                g->head(w);
                buf_put_str(w->sql, " AND (s.source, s.state) IN (");
            } else {
                buf_put_char(w->sql, ',');
            }
            buf_put_char(w->sql, '(');
            sql_put_text(w->sql, w->p->touched[i].group->source);
            buf_put_char(w->sql, ',');
            sql_put_text(w->sql, w->p->touched[i].group->state);
            buf_put_char(w->sql, ')');
        }
        if (n == 0) {
            break;
        }
        buf_put_char(w->sql, ')');
        buf_put_str(w->sql, g->tail);
        if (!mysql_send(w->c, w->sql, DOING, err)) {
            return false;
        }
        *n_rows += mysql_rows(w->c);
        *n_groups += (int64_t)n;
    }
    return true;
}

static void head_insert(const struct work *w) {
    buf_printf(w->sql,
               "INSERT INTO " PROJECTION_TABLE
               " (source, state, total_sum_amount, processed_at, batch_id) "
               "SELECT s.source, s.state, %s, ",
               amount_of(w));
    put_processed_at(w);
    buf_put_char(w->sql, ',');
    put_batch_id(w);
    buf_put_str(w->sql, " FROM sales_totals s WHERE s.currency = ");
    sql_put_text(w->sql, text_of(w->p->currency));
}

// The user's table first, so that each of its rows finds its total by primary key.
static void head_update(const struct work *w) {
    buf_printf(w->sql,
               "UPDATE " PROJECTION_TABLE
               " t STRAIGHT_JOIN sales_totals s ON s.source = " AS_BINARY(
                   "t.source") " AND s.state = " AS_BINARY("t.state") " SET t.total_sum_amount = "
                                                                      "%s, t.processed_at = ",
               amount_of(w));
    put_processed_at(w);
    buf_put_str(w->sql, ", t.batch_id = ");
    put_batch_id(w);
    buf_put_str(w->sql, " WHERE s.currency = ");
    sql_put_text(w->sql, text_of(w->p->currency));
}

// --- A table without a key

static bool any_group(const struct projection *p, size_t i) {
    UNUSED(p);
    UNUSED(i);
    return true;
}
static bool has_row(const struct projection *p, size_t i) {
    return p->touched[i].group->store_id == ROW_THERE;
}
static bool is_missing(const struct projection *p, size_t i) {
    return p->touched[i].group->store_id == ROW_UNKNOWN && !p->touched[i].seen;
}

static int compare_texts(struct text a, struct text b) {
    size_t n = a.len < b.len ? a.len : b.len;
    int order = n > 0 ? memcmp(a.at, b.at, n) : 0;
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

// Marks the touched group of these texts as seen, if there is one.
static void mark_seen(struct projection *p, struct text source, struct text state) {
    size_t low = 0, high = p->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare_texts(source, p->touched[middle].group->source);
        order = order != 0 ? order : compare_texts(state, p->touched[middle].group->state);
        if (order == 0) {
            p->touched[middle].seen = true;
            return;
        }
        if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
}

// Runs what `sql` holds, which gives sources and states, and marks the touched ones among them.
static bool mark_all(const struct work *w, struct error *err) {
    for (size_t i = 0; i < w->p->n; i++) {
        w->p->touched[i].seen = false;
    }
    MYSQL_RES *rows = mysql_send_question(w->c, w->sql, DOING, err);
    if (rows == NULL) {
        return false;
    }
    MYSQL_ROW row;
    while ((row = mysql_fetch_row(rows)) != NULL) {
        const unsigned long *lengths = mysql_fetch_lengths(rows);
        if (row[0] != NULL && row[1] != NULL) {
            mark_seen(w->p, mysql_column(row, lengths, 0), mysql_column(row, lengths, 1));
        }
    }
    mysql_free_result(rows);
    return true;
}

// Which groups come back from the table's character set as they went in.
static bool find_impossible(const struct work *w, struct error *err) {
    buf_printf(
        w->sql,
        "SELECT s.source, s.state FROM sales_totals s WHERE s.currency = '%s' AND "
        "CONVERT(CONVERT(s.source USING %s) USING utf8mb4) COLLATE utf8mb4_bin = s.source AND "
        "CONVERT(CONVERT(s.state USING %s) USING utf8mb4) COLLATE utf8mb4_bin = s.state",
        w->p->currency, w->p->plan.source_charset, w->p->plan.state_charset);
    if (!mark_all(w, err)) {
        return false;
    }
    for (size_t i = 0; i < w->p->n; i++) {
        struct cube_dim *group = w->p->touched[i].group;
        if (!w->p->touched[i].seen && group->store_id == ROW_UNKNOWN) {
            group->store_id = ROW_IMPOSSIBLE;
            log_warn("store",
                     PROJECTION_TABLE
                     " leaves out source %.*s, state %.*s: its character set lacks "
                     "some of the characters",
                     TEXT_ARG(group->source), TEXT_ARG(group->state));
        }
    }
    return true;
}

// Looks up which unknown groups have a row, and inserts the others.
static bool learn(const struct work *w, struct error *err) {
    if (w->p->plan.partial_charset && !find_impossible(w, err)) {
        return false;
    }
    buf_put_str(w->sql, "SELECT CONVERT(source USING utf8mb4), CONVERT(state USING utf8mb4) "
                        "FROM " PROJECTION_TABLE);
    const struct grouped insert = {head_insert, "", is_missing};
    int64_t n_rows = 0, n_groups = 0;
    if (!mark_all(w, err) || !send_grouped(w, &insert, &n_rows, &n_groups, err)) {
        return false;
    }
    for (size_t i = 0; i < w->p->n; i++) {
        if (w->p->touched[i].group->store_id == ROW_UNKNOWN) {
            w->p->touched[i].group->store_id = ROW_THERE;
        }
    }
    return true;
}

static bool any_unknown(const struct projection *p) {
    for (size_t i = 0; i < p->n; i++) {
        if (p->touched[i].group->store_id == ROW_UNKNOWN) {
            return true;
        }
    }
    return false;
}

static bool set_unkeyed(const struct work *w, struct error *err) {
    const struct grouped update = {head_update, "", has_row};
    for (int attempt = 0; attempt < 2; attempt++) {
        int64_t n_rows = 0, n_groups = 0;
        if (any_unknown(w->p) && !learn(w, err)) {
            return false;
        }
        if (!send_grouped(w, &update, &n_rows, &n_groups, err)) {
            return false;
        }
        if (n_rows == n_groups) {
            return true;
        }
        for (size_t i = 0; i < w->p->n; i++) {
            w->p->touched[i].group->store_id = ROW_UNKNOWN;
        }
    }
    return true; // rows that somebody doubled meanwhile: each of them was set
}

// --- All

static void collect_touched(struct projection *p, const struct mysql_cells *cells,
                            struct cube *cube) {
    size_t n = mysql_cells_n(cells);
    p->n = 0;
    for (size_t i = n; i > 0 && mysql_cells_at(cells, i - 1)->table == CUBE_TOTALS; i--) {
        p->n++;
    }
    size_t first = n - p->n;
    if (p->n > p->cap) {
        p->cap = p->n * 2;
        p->touched = mem_realloc(p->touched, p->cap * sizeof *p->touched);
    }
    p->n = 0;
    for (size_t i = first; i < n; i++) {
        struct cube_dim *group = cube_group(cube, mysql_cells_at(cells, i)->dim);
        if (memcmp(group->currency, p->currency, 3) == 0) {
            p->touched[p->n++].group = group;
        }
    }
}

bool projection_set(struct projection *p, struct mysql_connection *c,
                    const struct mysql_cells *cells, struct cube *cube,
                    const struct batch_summary *summary, struct buf *sql, struct error *err) {
    const struct work w = {p, c, summary, sql};
    collect_touched(p, cells, cube);
    if (p->n == 0) {
        return true;
    }
    if (!p->plan.keyed) {
        return set_unkeyed(&w, err);
    }
    const struct grouped upsert = {
        head_insert,
        " ON DUPLICATE KEY UPDATE total_sum_amount = VALUES(total_sum_amount), "
        "processed_at = VALUES(processed_at), batch_id = VALUES(batch_id)",
        any_group};
    int64_t n_rows = 0, n_groups = 0;
    return send_grouped(&w, &upsert, &n_rows, &n_groups, err);
}
