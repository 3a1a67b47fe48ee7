// SPDX-License-Identifier: MIT
// `verify` and `rebuild` of a data directory.
//
// verify: one read transaction, so that a writer may go on meanwhile.
// 1. Counts agree: received = accepted + duplicate + rejected, and each is what the tables hold.
// 2. No order id is there twice, no position is missing, and the index leads to the right rows.
// 3. Raw events added up again (audit_sqlite_scan.c) give every cell inside its retention, to the
//    last digit, and no cell is there that raw does not give.
// 4. Where they differ: which side was changed (audit_sqlite_side.c).
// Each broken law is one line (audit_laws.c).
//
// rebuild: takes the writer's lock, adds up again, and replaces the cells that differ in one
// transaction; a crash in the middle leaves everything as it was. Refused when it is the raw orders
// that are damaged, missing or changed, unless told.
#include "store/audit/audit.h"

#include "base/clock.h"
#include "base/mem.h"
#include "engine/zone_file.h"
#include "store/audit/audit_laws.h"
#include "store/audit/audit_sqlite_damage.h"
#include "store/audit/audit_sqlite_index.h"
#include "store/audit/audit_sqlite_scan.h"
#include "store/audit/audit_sqlite_side.h"
#include "store/sales_reader.h"
#include "store/sqlite/sqlite_directory.h"
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct audit {
    sqlite3 *db;
    struct laws laws;
    struct audit_report *report;
    struct store_settings settings;
    struct pipeline_state state;
    struct zone *zone;
    struct recount *recount;
    int64_t gaps;              // positions of raw events that are missing
    char damage[DAMAGE_BYTES]; // of the file and of raw rows, in words; "": none found
};

// One SELECT of an integer compared with what it should be.
static bool expect(struct audit *a, const char *what, const char *sql, int64_t want,
                   struct error *err) {
    int64_t have;
    if (!sqlite_int(a->db, sql, 0, &have, err)) {
        return false;
    }
    laws_expect(&a->laws, what, have, want);
    return true;
}

static bool check_counts(struct audit *a, struct error *err) {
    const struct store_counts *c = &a->state.counts;
    if (a->damage[0] != '\0') {
        laws_raw_broken(&a->laws, "%s", a->damage);
    }
    laws_counts(&a->laws, c, a->recount);
    if (a->gaps != 0) {
        laws_raw_broken(&a->laws, "%" PRId64 " positions of raw events are missing", a->gaps);
    }
    return expect(a, "rejected events kept", "SELECT count(*) FROM rejected_rows",
                  c->rejected - c->rejected_expired, err) &&
           expect(a, "position in the input",
                  "SELECT next_offset FROM pipeline_positions WHERE topic = 'embedded'",
                  c->received, err) &&
           expect(a, "newest batch", "SELECT max(batch_id) FROM batch_rows", a->state.last_batch_id,
                  err);
}

static bool check_ids(struct audit *a, struct error *err) {
    struct audit_index index;
    if (!audit_sqlite_index(a->db, &index, err)) {
        return false;
    }
    if (index.n_damaged != 0) {
        laws_broken(&a->laws,
                    "block %" PRId64 " of order_blocks is not as it was written, one of %" PRId64
                    " such: rebuild has the index made anew",
                    index.first_damaged, index.n_damaged);
    }
    if (index.n_wrong != 0) {
        laws_broken(&a->laws, "%" PRId64 " ids of the index do not lead to their order",
                    index.n_wrong);
    }
    if (index.n_ids != a->state.indexed_below - 1) {
        laws_broken(&a->laws,
                    "the index knows %" PRId64 " ids of %" PRId64 " orders, and %" PRId64
                    " were moved into it",
                    index.n_ids, a->recount->orders, a->state.indexed_below - 1);
    }
    return expect(a, "order ids that are stored twice",
                  "SELECT count(*) FROM (SELECT order_id FROM order_rows GROUP BY order_id "
                  "HAVING count(*) > 1)",
                  0, err);
}

static bool check_gross(struct audit *a, struct error *err) {
    sqlite3_stmt *stmt = NULL;
    if (!sqlite_prepare(a->db, "SELECT currency, gross_e4 FROM currency_gross", &stmt, err)) {
        return false;
    }
    int rc;
    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        laws_gross(&a->laws, a->recount, sqlite_column_text(stmt, 0),
                   sqlite3_column_int64(stmt, 1));
    }
    sqlite3_finalize(stmt);
    if (rc != SQLITE_DONE) {
        sqlite_failed(a->db, "reading the sums of currencies", err);
        return false;
    }
    laws_gross_end(&a->laws, a->recount);
    return true;
}

// --- Cells: the stored table and the recounted one, walked side by side in key order.

static int64_t floor_key(const struct audit *a, int table) {
    switch (table) {
    case CUBE_MINUTE:
        return cell_key(a->state.minute_floor, 0);
    case CUBE_HOUR:
        return cell_key(a->state.hour_floor, 0);
    default:
        return INT64_MIN;
    }
}

static bool cells_from(struct audit *a, const char *schema, int table, sqlite3_stmt **out,
                       struct error *err) {
    char sql[512];
    snprintf(sql, sizeof sql,
             "SELECT cell, " MEASURE_COLUMNS " FROM %s.%s WHERE cell >= ?1 "
             "ORDER BY cell",
             schema, cells_table_names[table]);
    if (!sqlite_prepare(a->db, sql, out, err)) {
        return false;
    }
    sqlite3_bind_int64(*out, 1, floor_key(a, table));
    return true;
}

static bool same_measures(sqlite3_stmt *x, sqlite3_stmt *y) {
    for (int i = 1; i <= N_MEASURES; i++) {
        if (sqlite3_column_type(x, i) != SQLITE_INTEGER ||
            sqlite3_column_int64(x, i) != sqlite3_column_int64(y, i)) {
            return false;
        }
    }
    return true;
}

static void report_cell(struct audit *a, struct laws_table *t, int64_t key, enum cell_fault fault) {
    char where[64];
    snprintf(where, sizeof where, "bucket %" PRId64 ", id %" PRId64, key >> 32, key & UINT32_MAX);
    laws_cell(&a->laws, t, fault, where);
}

static bool walk_both(struct audit *a, int table, sqlite3_stmt *stored, sqlite3_stmt *counted,
                      struct error *err) {
    struct laws_table t = {.name = cells_table_names[table]};
    int rc_s = sqlite3_step(stored), rc_c = sqlite3_step(counted);
    while (rc_s == SQLITE_ROW || rc_c == SQLITE_ROW) {
        int64_t key_s = rc_s == SQLITE_ROW ? sqlite3_column_int64(stored, 0) : INT64_MAX;
        int64_t key_c = rc_c == SQLITE_ROW ? sqlite3_column_int64(counted, 0) : INT64_MAX;
        a->report->cells++;
        if (key_s < key_c) {
            report_cell(a, &t, key_s, CELL_EXTRA);
        } else if (key_c < key_s) {
            report_cell(a, &t, key_c, CELL_MISSING);
        } else if (!same_measures(stored, counted)) {
            report_cell(a, &t, key_s, CELL_DIFFERS);
        }
        if (key_s <= key_c) {
            rc_s = sqlite3_step(stored);
        }
        if (key_c <= key_s) {
            rc_c = sqlite3_step(counted);
        }
    }
    if (rc_s != SQLITE_DONE || rc_c != SQLITE_DONE) {
        sqlite_failed(a->db, "comparing aggregates", err);
        return false;
    }
    return true;
}

static bool check_side(struct audit *a, struct error *err) {
    struct laws_witness w = {0};
    if (laws_raw_is_complete(&a->state.counts, a->recount) &&
        !audit_sqlite_side(a->db, &a->state, &w, err)) {
        return false;
    }
    laws_witness_tell(&a->laws, &w);
    return true;
}

static bool check_cells(struct audit *a, struct error *err) {
    bool ok = true;
    for (int table = 0; ok && table < CUBE_TABLES; table++) {
        sqlite3_stmt *stored = NULL, *counted = NULL;
        ok = cells_from(a, "main", table, &stored, err) &&
             cells_from(a, "temp", table, &counted, err) &&
             walk_both(a, table, stored, counted, err);
        sqlite3_finalize(stored);
        sqlite3_finalize(counted);
    }
    return ok && check_side(a, err) &&
           sqlite_int(a->db, "SELECT count(*) FROM main.total_cells", 0, &a->report->groups, err);
}

// --- Common parts

// Of a connection that is open.
static bool read_audit(struct audit *a, const char *begin, struct error *err) {
    return sqlite_run(a->db, begin, err) && sqlite_holds_check(a->db, SQLITE_HOLDS_ALL, err) &&
           sqlite_settings_read(a->db, &a->settings, err) &&
           sqlite_state_read(a->db, &a->state, err) &&
           zone_open(a->settings.timezone, &a->zone, err) &&
           audit_sqlite_scan(a->db, a->zone, &a->state, a->recount, &a->gaps, err) &&
           audit_sqlite_damage(a->db, a->damage, err);
}

static bool open_audit(struct audit *a, const char *directory, const char *begin,
                       struct error *err) {
    return sqlite_connect(directory, NULL, SQLITE_AUDITOR, &a->db, err) &&
           read_audit(a, begin, err);
}

static void start_audit(struct audit *a, FILE *out, struct audit_report *report) {
    *report = (struct audit_report){0};
    *a = (struct audit){.laws = {out, report}, .report = report};
    a->recount = mem_zalloc(1, sizeof *a->recount);
}

static void end_audit(struct audit *a) {
    a->report->orders = a->recount->orders;
    a->report->adjustments = a->recount->adjustments;
    if (a->db != NULL && !sqlite3_get_autocommit(a->db)) {
        sqlite3_exec(a->db, "ROLLBACK", NULL, NULL, NULL);
    }
    sqlite3_close(a->db);
    zone_free(a->zone);
    free(a->recount);
}

// All-time total of each currency, as people read it.
static bool print_totals(struct audit *a, struct error *err) {
    sqlite3_stmt *stmt = NULL;
    if (!sqlite_prepare(a->db,
                        "SELECT g.currency, count(*), " AUDIT_SUM(c.orders) ", " AUDIT_SUM(
                            c.total_e4) " "
                                        "FROM main.total_cells c JOIN sales_groups g ON g.id = "
                                        "c.cell & 4294967295 "
                                        "GROUP BY 1 ORDER BY 1",
                        &stmt, err)) {
        return false;
    }
    int rc;
    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        laws_print_total(&a->laws, sqlite_column_text(stmt, 0), sqlite3_column_int64(stmt, 1),
                         sqlite3_column_int64(stmt, 2), sqlite3_column_int64(stmt, 3));
    }
    sqlite3_finalize(stmt);
    if (rc != SQLITE_DONE) {
        sqlite_failed(a->db, "reading the totals", err);
    }
    return rc == SQLITE_DONE;
}

static bool check_all(struct audit *a, struct error *err) {
    return check_counts(a, err) && check_ids(a, err) && check_gross(a, err) &&
           check_cells(a, err) && print_totals(a, err);
}

bool audit_verify(const char *directory, FILE *out, struct audit_report *report,
                  struct error *err) {
    struct audit a;
    start_audit(&a, out, report);
    bool ok = open_audit(&a, directory, "BEGIN", err) && check_all(&a, err);
    end_audit(&a);
    return ok;
}

bool audit_verify_copy(const char *path, FILE *out, struct audit_report *report,
                       struct error *err) {
    struct audit a;
    start_audit(&a, out, report);
    bool ok =
        sqlite_connect_copy(path, &a.db, err) && read_audit(&a, "BEGIN", err) && check_all(&a, err);
    end_audit(&a);
    return ok;
}

// --- Rebuild

static int take_lock(const char *directory, struct error *err) {
    char path[4096];
    snprintf(path, sizeof path, "%s/sales.db", directory);
    if (access(path, F_OK) != 0) {
        error_set(err, ERROR_USAGE, "%s is not a data directory of salestide (no sales.db): %s",
                  directory, strerror(errno));
        return -1;
    }
    bool busy;
    int fd = sqlite_directory_lock_free(directory, &busy, err);
    if (busy) {
        error_set(err, ERROR_USAGE, "a salestide process writes to %s: stop it before rebuild",
                  directory);
    }
    return fd;
}

// Replaces what differs in one table; *changed counts cells.
static bool replace_cells(struct audit *a, int table, int64_t *changed, struct error *err) {
    const char *name = cells_table_names[table];
    long long floor = floor_key(a, table);
    char sql[1024];
    snprintf(sql, sizeof sql,
             "DELETE FROM main.%s WHERE cell >= %lld AND cell NOT IN (SELECT cell FROM temp.%s)",
             name, floor == INT64_MIN ? -INT64_MAX : floor, name);
    if (!sqlite_run(a->db, sql, err)) {
        return false;
    }
    *changed += sqlite3_changes64(a->db);
    snprintf(sql, sizeof sql,
             "INSERT OR REPLACE INTO main.%s SELECT cell, " MEASURE_COLUMNS " FROM temp.%s "
             "EXCEPT SELECT cell, " MEASURE_COLUMNS " FROM main.%s",
             name, name, name);
    if (!sqlite_run(a->db, sql, err)) {
        return false;
    }
    *changed += sqlite3_changes64(a->db);
    return true;
}

static bool replace_gross(struct audit *a, struct error *err) {
    sqlite3_stmt *put = NULL;
    bool ok = sqlite_run(a->db, "DELETE FROM currency_gross", err) &&
              sqlite_prepare(a->db, "INSERT INTO currency_gross VALUES (?1, ?2)", &put, err);
    for (int32_t i = 0; ok && i < N_CURRENCIES; i++) {
        if (a->recount->gross_e4[i] != 0) {
            char name[4];
            currency_name(i, name);
            sqlite3_bind_text(put, 1, name, 3, SQLITE_STATIC);
            sqlite3_bind_int64(put, 2, a->recount->gross_e4[i]);
            ok = sqlite_do(put);
            if (!ok) {
                sqlite_failed(a->db, "writing the sums of currencies", err);
            }
        }
    }
    sqlite3_finalize(put);
    return ok;
}

// Whoever keeps sums of whole days reads all of them anew.
static bool note_days(struct audit *a, struct error *err) {
    char sql[256];
    snprintf(sql, sizeof sql,
             "UPDATE day_changes SET accepted = min(accepted, (SELECT accepted FROM "
             "pipeline_state)); INSERT OR REPLACE INTO day_changes SELECT %d, %lld, accepted FROM "
             "pipeline_state",
             DAY_CHANGE_ALL, (long long)clock_now_ms(clock_system()));
    return sqlite_run(a->db, sql, err);
}

static bool may_rebuild(const struct audit *a, bool accept_loss, struct error *err) {
    struct laws_witness w = {0};
    if (a->damage[0] != '\0' && !accept_loss) {
        return error_set(err, ERROR_USAGE,
                         "%s: restore the file from a copy (or say --accept-loss, and what cannot "
                         "be read is taken out of every total)",
                         a->damage);
    }
    return laws_may_rebuild(&a->state.counts, a->recount, accept_loss, err) &&
           (accept_loss ||
            (audit_sqlite_side(a->db, &a->state, &w, err) && laws_may_replace(&w, err)));
}

bool audit_rebuild(const char *directory, bool accept_loss, FILE *out, int64_t *changed,
                   struct audit_report *report, struct error *err) {
    struct audit a;
    start_audit(&a, out, report);
    *changed = 0;
    int lock_fd = take_lock(directory, err);
    bool ok = lock_fd >= 0 && open_audit(&a, directory, "BEGIN IMMEDIATE", err) &&
              may_rebuild(&a, accept_loss, err);
    int64_t there = a.recount->orders + a.recount->adjustments;
    if (ok && (a.gaps != 0 || there != a.state.counts.accepted)) {
        ok = audit_sqlite_accept_loss(a.db, there, err);
    } else {
        ok = ok && audit_sqlite_mend_index(a.db, a.state.indexed_below, out, err);
    }
    for (int table = 0; ok && table < CUBE_TABLES; table++) {
        ok = replace_cells(&a, table, changed, err);
    }
    ok = ok && note_days(&a, err) && replace_gross(&a, err) && print_totals(&a, err) &&
         sqlite_run(a.db, "COMMIT", err);
    end_audit(&a);
    if (lock_fd >= 0) {
        close(lock_fd);
    }
    return ok;
}
