// SPDX-License-Identifier: MIT
// The table of a connection that a batch's rows are copied from: `arriving.NAME`, of the same shape
// as main.NAME, in pages that are in memory (table_pages.h). INSERT INTO main.NAME SELECT * FROM
// arriving.NAME takes no row apart (https://www.sqlite.org/src, xferOptimization), which is a
// quarter of the work of putting the columns together; where SQLite chooses not to, it does the
// same more slowly.
//
// One thread at a time: the connection's. Its PRAGMA integrity_check has to name main: the attached
// file is larger than what is written of it.
#pragma once
#include "store/sqlite/sql_record.h"
#include "store/sqlite/sqlite_util.h"
#include "store/sqlite/table_pages.h"

struct rows_source {
    struct table_pages pages;
    struct sql_record row; // of the one that is added
    sqlite3_vfs vfs;       // reads them
    char vfs_name[40];
    uint64_t n_looks, n_looks_before; // how often SQLite began to read; until the last begin
};

// Attaches it, empty, to a connection opened with SQLITE_OPEN_URI. Not within a transaction. Stays
// where it is until closed, also when it failed.
MUST_CHECK bool rows_source_open(struct rows_source *s, sqlite3 *db, const char *table,
                                 struct error *err);
// After the connection was closed. A zeroed one is fine.
void rows_source_close(struct rows_source *s);

// Within a transaction, once in each: it is written anew. Then for each row record_begin,
// its columns, rows_source_add; then rows_source_end, and it can be read until the transaction
// ends. False of begin: SQLite has not looked at it since the last time, as a statement of the
// connection that is not reset keeps it from, so it might show rows of before; the connection has
// to be closed. False of the others: memory was refused.
MUST_CHECK bool rows_source_begin(struct rows_source *s);
MUST_CHECK static inline bool rows_source_add(struct rows_source *s) {
    struct text row;
    return record_end(&s->row, &row) && table_pages_add(&s->pages, row);
}
MUST_CHECK static inline bool rows_source_end(struct rows_source *s) {
    return table_pages_end(&s->pages);
}
