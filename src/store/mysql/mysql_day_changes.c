// SPDX-License-Identifier: MIT
// Noting which days a batch has changed (day_change in store/sales_reader.h), for readers that keep
// sums of whole days.
//
// A program of an earlier version counts and notes nothing. The newest note counts all accepted
// events, so whoever comes after such a batch sees that it is behind, and notes that every day may
// have changed. This instance need not look when nobody has counted since its own last note.
//
// How it fails: the statement's error; the transaction is the caller's to roll back.
#include "store/mysql/mysql_rows.h"
#include "store/mysql/mysql_store.h"
#include "store/sales_reader.h"

static const char note_head[] = "INSERT INTO sales_day_changes (day, changed_at, accepted) VALUES ";
#define NOTE_AGAIN                                                                                 \
    " ON DUPLICATE KEY UPDATE changed_at = VALUES(changed_at), "                                   \
    "accepted = VALUES(accepted)"

static bool read_newest(struct mysql_aggregates *s, int64_t *accepted, struct error *err) {
    MYSQL_RES *rows =
        mysql_ask(s->c, TEXT_LIT("SELECT COALESCE(MAX(accepted), 0) FROM sales_day_changes"),
                  "reading which days have changed", err);
    MYSQL_ROW row = rows != NULL ? mysql_fetch_row(rows) : NULL;
    *accepted = row != NULL ? mysql_column_int(row, 0) : 0;
    mysql_free_result(rows);
    return rows != NULL;
}

static bool note_day(struct mysql_rows *rows, int32_t day, const struct batch_summary *summary,
                     int64_t accepted, struct error *err) {
    mysql_row_begin(rows);
    sql_put_day(rows->sql, day);
    buf_put_char(rows->sql, ',');
    sql_put_instant(rows->sql, summary->committed_ms);
    buf_printf(rows->sql, ",%lld", (long long)accepted);
    return mysql_row_end(rows, err);
}

// Cells are sorted by table and bucket. Days of products are days of groups, too.
static bool is_new_day(const struct mysql_cells *cells, size_t i) {
    const struct cube_cell *cell = mysql_cells_at(cells, i);
    const struct cube_cell *before = i > 0 ? mysql_cells_at(cells, i - 1) : NULL;
    bool again = before != NULL && before->table == cell->table && before->bucket == cell->bucket;
    return cell->table == CUBE_DAY && !again;
}

bool mysql_note_days(struct mysql_aggregates *s, const struct batch_summary *summary,
                     int64_t accepted, int64_t *noted, struct error *err) {
    int64_t before = accepted - summary->counts.accepted, newest = before;
    struct mysql_rows rows = {.c = s->c,
                              .sql = &s->sql,
                              .head = note_head,
                              .tail = NOTE_AGAIN,
                              .doing = "noting which days have changed",
                              .limit_bytes = mysql_rows_limit(s->c)};
    if (summary->counts.accepted == 0) {
        return true;
    }
    if (before != *noted && !read_newest(s, &newest, err)) {
        return false;
    }
    if (newest != before && !note_day(&rows, DAY_CHANGE_ALL, summary, accepted, err)) {
        return false;
    }
    for (size_t i = 0; i < mysql_cells_n(s->cells); i++) {
        if (is_new_day(s->cells, i) &&
            !note_day(&rows, mysql_cells_at(s->cells, i)->bucket, summary, accepted, err)) {
            return false;
        }
    }
    *noted = accepted;
    return mysql_rows_flush(&rows, err);
}
