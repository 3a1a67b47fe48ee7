// SPDX-License-Identifier: MIT
// Opening the writer's connection, and bringing its memory in line with the file.
//
// 1. Connect for writing; make what is missing; compare the settings.
// 2. Move the whole write-ahead log into the database file, with its fsync: after a failed fsync
//    nothing in the page cache may be trusted to be on disk.
// 3. Read counts and gross sums. 4. Prepare the statements; start the checkpoint thread.
//
// How it fails: `err` says what; everything that was opened is closed again by the caller with
// sqlite_sums_disconnect.
#include "store/sqlite/sqlite_sums.h"
#include <string.h>

bool sqlite_sums_lock(struct sqlite_sums *s, struct error *err) {
    s->lock_fd = sqlite_directory_lock(s->directory, err);
    return s->lock_fd >= 0;
}

void sqlite_sums_disconnect(struct sqlite_sums *s) {
    checkpointer_stop(s->checkpointer);
    s->checkpointer = NULL;
    sqlite3_stmt **statements[] = {&s->begin,        &s->commit,    &s->add_rejected,
                                   &s->put_state,    &s->put_batch, &s->drop_batch,
                                   &s->put_day,      &s->put_gross, &s->drop_rejected,
                                   &s->drop_minutes, &s->drop_hours};
    for (size_t i = 0; i < COUNT_OF(statements); i++) {
        sqlite3_finalize(*statements[i]);
        *statements[i] = NULL;
    }
    sqlite_cells_free(s->cells);
    s->cells = NULL;
    sqlite3_close(s->db);
    s->db = NULL;
}

static bool sqlite_sums_open_prepare_all(struct sqlite_sums *s, struct error *err) {
    const struct {
        sqlite3_stmt **stmt;
        const char *sql;
    } all[] = {
        {&s->begin, "BEGIN IMMEDIATE"},
        {&s->commit, "COMMIT"},
        {&s->add_rejected, "INSERT INTO rejected_rows VALUES (?1,?2,?3,?4,?5,?6,?7)"},
        {&s->put_state,
         "UPDATE pipeline_state SET received=?1, accepted=?2, duplicate=?3, rejected=?4, "
         "rejected_expired=?5, amounts_rounded=?6, total_mismatch=?7, quantity_zero=?8, late=?9, "
         "future=?10, last_batch_id=?11, minute_floor=?12, hour_floor=?13, indexed_below=?14, "
         "skipped=?15"},
        {&s->put_batch, "INSERT INTO batch_rows VALUES (?1,?2,?3,?4,?5,?6)"},
        {&s->drop_batch, "DELETE FROM batch_rows WHERE batch_id <= ?1"},
        {&s->put_day, "INSERT OR REPLACE INTO day_changes VALUES (?1, ?2, ?3)"},
        {&s->put_gross, "INSERT OR REPLACE INTO currency_gross VALUES (?1, ?2)"},
        {&s->drop_rejected, "DELETE FROM rejected_rows WHERE id IN (SELECT id FROM rejected_rows "
                            "ORDER BY id LIMIT ?3) "
                            "AND (id <= ?1 OR arrival_ms < ?2)"},
        {&s->drop_minutes, "DELETE FROM minute_cells WHERE cell IN (SELECT cell FROM minute_cells "
                           "WHERE cell < ?1 ORDER BY cell LIMIT ?2)"},
        {&s->drop_hours, "DELETE FROM hour_cells WHERE cell IN (SELECT cell FROM hour_cells "
                         "WHERE cell < ?1 ORDER BY cell LIMIT ?2)"},
    };
    for (size_t i = 0; i < COUNT_OF(all); i++) {
        if (!sqlite_prepare(s->db, all[i].sql, all[i].stmt, err)) {
            return false;
        }
    }
    return true;
}

static bool read_gross(struct sqlite_sums *s, struct error *err) {
    memset(s->gross_e4, 0, N_CURRENCIES * sizeof *s->gross_e4);
    sqlite3_stmt *stmt = NULL;
    if (!sqlite_prepare(s->db, "SELECT currency, gross_e4 FROM currency_gross", &stmt, err)) {
        return false;
    }
    int rc;
    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        struct text name = sqlite_column_text(stmt, 0);
        if (currency_is(name)) {
            s->gross_e4[currency_number(name.at)] = sqlite3_column_int64(stmt, 1);
        }
    }
    if (rc != SQLITE_DONE) {
        sqlite_failed(s->db, "reading the sums of currencies", err);
    }
    sqlite3_finalize(stmt);
    return rc == SQLITE_DONE;
}

static bool read_memory(struct sqlite_sums *s, struct error *err) {
    int64_t last_rejected, noted;
    if (!sqlite_state_read(s->db, &s->state, err) ||
        !sqlite_int(s->db, "SELECT max(accepted) FROM day_changes", 0, &noted, err) ||
        !sqlite_int(s->db, "SELECT max(id) FROM rejected_rows", 0, &last_rejected, err) ||
        !read_gross(s, err)) {
        return false;
    }
    // An id is never used twice, also when the newest rejected row is gone.
    s->next_rejected =
        (last_rejected > s->state.counts.rejected ? last_rejected : s->state.counts.rejected) + 1;
    s->next = s->state;
    s->note_all = noted != s->state.counts.accepted;
    return true;
}

// Everything in the write-ahead log into the database file, with its fsync. A reader of an old
// snapshot is in the way: at the first start that is fine, after a failure it is not.
static bool make_durable(struct sqlite_sums *s, bool after_failure, struct error *err) {
    int rc = sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_FULL, NULL, NULL);
    if (rc == SQLITE_OK || (rc == SQLITE_BUSY && !after_failure)) {
        return true;
    }
    sqlite_failed(s->db, "moving the write-ahead log into the database", err);
    return false;
}

bool sqlite_sums_connect(struct sqlite_sums *s, enum sqlite_holds holds,
                         struct store_settings *settings, bool after_failure, struct error *err) {
    // A file that is gone is not made anew, and another one in its place is not taken for it.
    if (!sqlite_files_in_place(&s->files, s->directory, false, err) ||
        !sqlite_directory_keep(s->directory, s->lock_fd, err) ||
        !sqlite_connect(s->directory, s->vfs, SQLITE_WRITER, &s->db, err) ||
        !sqlite_files_whole(&s->files, s->db, s->directory, err) ||
        !sqlite_schema_prepare(s->db, holds, settings, err) ||
        !make_durable(s, after_failure, err) || // before anything else is answered
        !sqlite_files_note(&s->files, s->db, s->directory, err) || !read_memory(s, err) ||
        !sqlite_sums_open_prepare_all(s, err)) {
        return false;
    }
    s->cells = sqlite_cells_new(s->db, "main", err);
    if (s->cells == NULL) {
        return false;
    }
    sqlite_directory_mark(s->lock_fd);
    s->checkpointer = checkpointer_start(s->directory, s->vfs, s->db, err);
    return s->checkpointer != NULL;
}
