// SPDX-License-Identifier: MIT
// Pages in memory as a file that SQLite reads (https://www.sqlite.org/vfs.html).
//
// 1. The shape of the table is what main's schema says, so that both are the same.
// 2. A file system of its own for each source has one file, which is attached; it can only be read.
// 3. A transaction that begins looks at the change counter on page 1, which is another for each
//    batch, and forgets what it has read before. It takes the table's pages only when the INSERT
//    runs, by when they are written, and where they lie (a mapped file, to SQLite). A transaction
//    that did not look is refused its rows.
//
// How it fails: memory is refused, or SQLite does not attach. Reading never fails.
#include "store/sqlite/rows_source.h"

#include <stdio.h>
#include <string.h>

struct source_file {
    sqlite3_file base; // first
    struct rows_source *source;
};

static int file_close(sqlite3_file *f) {
    UNUSED(f);
    return SQLITE_OK;
}

static int file_read(sqlite3_file *f, void *to, int n, sqlite3_int64 from) {
    const struct table_pages *p = &((struct source_file *)f)->source->pages;
    size_t there = p->n * TABLE_PAGE_BYTES, at = (size_t)from, want = (size_t)n;
    size_t copied = at >= there ? 0 : there - at < want ? there - at : want;
    if (copied > 0) {
        memcpy(to, p->at + at, copied);
    }
    memset((char *)to + copied, 0, want - copied);
    return SQLITE_OK;
}

static int file_write(sqlite3_file *f, const void *from, int n, sqlite3_int64 at) {
    UNUSED(f);
    UNUSED(from);
    UNUSED(n);
    UNUSED(at);
    return SQLITE_READONLY;
}

static int file_truncate(sqlite3_file *f, sqlite3_int64 n_bytes) {
    UNUSED(f);
    UNUSED(n_bytes);
    return SQLITE_READONLY;
}

static int file_sync(sqlite3_file *f, int flags) {
    UNUSED(f);
    UNUSED(flags);
    return SQLITE_OK;
}

static int file_size(sqlite3_file *f, sqlite3_int64 *n_bytes) {
    UNUSED(f);
    *n_bytes =
        (sqlite3_int64)TABLE_PAGES_MAX * TABLE_PAGE_BYTES; // beyond those that are written: zeros
    return SQLITE_OK;
}

// Nobody else has it. Who locks it looks at the change counter next.
static int file_lock(sqlite3_file *f, int level) {
    ((struct source_file *)f)->source->n_looks += level == SQLITE_LOCK_SHARED;
    return SQLITE_OK;
}

static int file_unlock(sqlite3_file *f, int level) {
    UNUSED(f);
    UNUSED(level);
    return SQLITE_OK;
}

static int file_is_reserved(sqlite3_file *f, int *reserved) {
    UNUSED(f);
    *reserved = 0;
    return SQLITE_OK;
}

static int file_control(sqlite3_file *f, int what, void *argument) {
    UNUSED(f);
    UNUSED(what);
    UNUSED(argument);
    return SQLITE_NOTFOUND;
}

static int file_sector_bytes(sqlite3_file *f) {
    UNUSED(f);
    return TABLE_PAGE_BYTES;
}

static int file_traits(sqlite3_file *f) {
    UNUSED(f);
    return 0;
}

// A page where it lies, instead of a copy of it: the source is as it is until the statement ends.
static int file_fetch(sqlite3_file *f, sqlite3_int64 from, int n, void **out) {
    const struct table_pages *p = &((struct source_file *)f)->source->pages;
    size_t there = p->n * TABLE_PAGE_BYTES, at = (size_t)from;
    *out = at + (size_t)n <= there ? (char *)p->at + at : NULL; // NULL: it is read
    return SQLITE_OK;
}

static int file_unfetch(sqlite3_file *f, sqlite3_int64 from, void *page) {
    UNUSED(f);
    UNUSED(from);
    UNUSED(page);
    return SQLITE_OK;
}

static const sqlite3_io_methods file_methods = {
    .iVersion = 3,
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_unlock,
    .xCheckReservedLock = file_is_reserved,
    .xFileControl = file_control,
    .xSectorSize = file_sector_bytes,
    .xDeviceCharacteristics = file_traits,
    .xFetch = file_fetch,
    .xUnfetch = file_unfetch,
};

// --- The file system

static int source_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *out, int flags,
                       int *out_flags) {
    struct source_file *f = (struct source_file *)out;
    UNUSED(name);
    f->base.pMethods = NULL;
    if ((flags & SQLITE_OPEN_MAIN_DB) == 0) {
        return SQLITE_CANTOPEN;
    }
    f->base.pMethods = &file_methods;
    f->source = vfs->pAppData;
    if (out_flags != NULL) {
        *out_flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_MAIN_DB;
    }
    return SQLITE_OK;
}

static int source_delete(sqlite3_vfs *vfs, const char *name, int sync) {
    UNUSED(vfs);
    UNUSED(name);
    UNUSED(sync);
    return SQLITE_OK;
}

static int source_access(sqlite3_vfs *vfs, const char *name, int flags, int *there) {
    UNUSED(vfs);
    UNUSED(name);
    UNUSED(flags);
    *there = 0; // no journal
    return SQLITE_OK;
}

static int source_full_path(sqlite3_vfs *vfs, const char *name, int n_bytes, char *out) {
    UNUSED(vfs);
    snprintf(out, (size_t)n_bytes, "%s", name);
    return SQLITE_OK;
}

// What is not about files is left to the usual one.
static int source_random(sqlite3_vfs *vfs, int n, char *out) {
    UNUSED(vfs);
    sqlite3_vfs *usual = sqlite3_vfs_find(NULL);
    return usual->xRandomness(usual, n, out);
}

static int source_sleep(sqlite3_vfs *vfs, int us) {
    UNUSED(vfs);
    sqlite3_vfs *usual = sqlite3_vfs_find(NULL);
    return usual->xSleep(usual, us);
}

static int source_time(sqlite3_vfs *vfs, double *now) {
    UNUSED(vfs);
    sqlite3_vfs *usual = sqlite3_vfs_find(NULL);
    return usual->xCurrentTime(usual, now);
}

static int source_last_error(sqlite3_vfs *vfs, int n, char *out) {
    UNUSED(vfs);
    UNUSED(n);
    UNUSED(out);
    return 0;
}

static bool register_files(struct rows_source *s) {
    snprintf(s->vfs_name, sizeof s->vfs_name, "salestide-%p", (void *)s);
    s->vfs = (sqlite3_vfs){
        .iVersion = 1,
        .szOsFile = sizeof(struct source_file),
        .mxPathname = 64,
        .zName = s->vfs_name,
        .pAppData = s,
        .xOpen = source_open,
        .xDelete = source_delete,
        .xAccess = source_access,
        .xFullPathname = source_full_path,
        .xRandomness = source_random,
        .xSleep = source_sleep,
        .xCurrentTime = source_time,
        .xGetLastError = source_last_error,
    };
    return sqlite3_vfs_register(&s->vfs, 0) == SQLITE_OK;
}

// --- The source

static bool read_shape(struct rows_source *s, sqlite3 *db, const char *table, struct error *err) {
    sqlite3_stmt *select;
    if (!sqlite_prepare(db, "SELECT sql FROM main.sqlite_schema WHERE type = 'table' AND name = ?1",
                        &select, err)) {
        return false;
    }
    sqlite3_bind_text(select, 1, table, -1, SQLITE_STATIC);
    bool found = sqlite3_step(select) == SQLITE_ROW;
    bool ok = found && table_pages_init(&s->pages, text_of(table), sqlite_column_text(select, 0));
    if (!found) {
        sqlite_failed(db, "preparing the store", err);
    } else if (!ok) {
        error_set(err, ERROR_RETRIABLE, "out of memory for a batch of orders");
    }
    sqlite3_finalize(select);
    return ok;
}

bool rows_source_open(struct rows_source *s, sqlite3 *db, const char *table, struct error *err) {
    char sql[160];
    *s = (struct rows_source){0};
    if (!read_shape(s, db, table, err)) {
        return false;
    }
    if (!register_files(s)) {
        return error_set(err, ERROR_RETRIABLE, "out of memory for a batch of orders");
    }
    snprintf(sql, sizeof sql,
             "ATTACH 'file:rows?vfs=%s&mode=ro' AS arriving; PRAGMA arriving.cache_size = -64; "
             "PRAGMA arriving.mmap_size = 1073741824",
             s->vfs_name);
    return sqlite_run(db, sql, err);
}

void rows_source_close(struct rows_source *s) {
    if (s->vfs.zName != NULL) {
        (void)sqlite3_vfs_unregister(&s->vfs);
    }
    table_pages_free(&s->pages);
    record_free(&s->row);
    *s = (struct rows_source){0};
}

bool rows_source_begin(struct rows_source *s) {
    if (s->n_looks == s->n_looks_before) {
        return false;
    }
    s->n_looks_before = s->n_looks;
    table_pages_clear(&s->pages);
    return true;
}
