// SPDX-License-Identifier: MIT
// SQLite's online backup of sales.db.
//
// 1. A reader's connection begins a transaction: all pages that are copied are of that snapshot,
//    whatever is committed meanwhile, and a copy that takes long never begins anew.
// 2. The file is made for its owner alone, and pages are copied into it some at a time.
// 3. It is synced when it is complete, gets its name by a rename that replaces nothing, and the
//    directory is synced.
//
// While it runs the write-ahead log grows, as beside any reader. How it fails: one line; an
// incomplete copy is removed.
#include "store/sqlite/sqlite_backup.h"

#include "store/sqlite/sqlite_schema.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STEP_PAGES = 256 }; // 1 MiB between two looks at the wish to stop

static bool file_failed(const char *doing, const char *path, struct error *err) {
    return error_set(err, ERROR_USAGE, "%s %s: %s", doing, path, strerror(errno));
}

static bool make_part(const char *part, struct error *err) {
    int fd = open(part, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 && errno == EEXIST) {
        return error_set(err, ERROR_USAGE,
                         "%s is there: another backup is at work, or one was cut off; remove it "
                         "if none is",
                         part);
    }
    if (fd < 0) {
        return file_failed("making", part, err);
    }
    close(fd);
    return true;
}

static bool open_snapshot(const char *directory, sqlite3 **out, struct error *err) {
    int64_t n;
    *out = NULL;
    return sqlite_connect(directory, NULL, SQLITE_READER, out, err) &&
           sqlite_run(*out, "BEGIN", err) &&
           sqlite_int(*out, "SELECT count(*) FROM sqlite_schema", 0, &n, err) &&
           sqlite_holds_check(*out, SQLITE_HOLDS_ALL, err);
}

static bool copy_pages(sqlite3 *from, sqlite3 *to, const atomic_bool *stop, struct error *err) {
    sqlite3_backup *backup = sqlite3_backup_init(to, "main", from, "main");
    if (backup == NULL) {
        sqlite_failed(to, "beginning the copy", err);
        return false;
    }
    int rc = SQLITE_OK;
    while (rc == SQLITE_OK && !atomic_load(stop)) {
        rc = sqlite3_backup_step(backup, STEP_PAGES);
    }
    int finished = sqlite3_backup_finish(backup); // what the steps said, if it was an error
    if (rc == SQLITE_DONE && finished == SQLITE_OK) {
        return true;
    }
    if (rc == SQLITE_OK) {
        return error_set(err, ERROR_USAGE, "stopped before the copy was complete");
    }
    sqlite_failed(to, "copying", err); // the copy keeps what the steps said
    return false;
}

// A journal would only undo what is removed anyway; the sync at the end is asked for.
static bool copy_into(sqlite3 *from, const char *part, const atomic_bool *stop, struct error *err) {
    sqlite3 *to = NULL;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    bool ok = sqlite3_open_v2(part, &to, flags, NULL) == SQLITE_OK;
    if (!ok) {
        sqlite_failed(to, "opening the copy", err);
    }
    ok = ok && sqlite_run(to, "PRAGMA journal_mode = OFF; PRAGMA synchronous = FULL;", err) &&
         copy_pages(from, to, stop, err);
    if (sqlite3_close(to) != SQLITE_OK && ok) {
        ok = error_set(err, ERROR_RETRIABLE, "closing the copy failed");
    }
    return ok;
}

// Syncs a file or a directory.
static bool sync_path(const char *path, int64_t *bytes, struct error *err) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    bool ok = fd >= 0 && fsync(fd) == 0 && fstat(fd, &st) == 0;
    if (!ok) {
        file_failed("syncing", path, err);
    } else if (bytes != NULL) {
        *bytes = (int64_t)st.st_size;
    }
    if (fd >= 0) {
        close(fd);
    }
    return ok;
}

bool sqlite_backup(const char *directory, const char *part, const atomic_bool *stop, int64_t *bytes,
                   struct error *err) {
    sqlite3 *from = NULL;
    bool made = false;
    bool ok = open_snapshot(directory, &from, err) && (made = make_part(part, err)) &&
              copy_into(from, part, stop, err) && sync_path(part, bytes, err);
    if (made && !ok) {
        unlink(part);
    }
    sqlite3_close(from); // and with it the transaction
    return ok;
}

bool sqlite_backup_name(const char *part, const char *file, struct error *err) {
    // Some network file systems have no rename that refuses, and some others no links.
    bool ok = renameat2(AT_FDCWD, part, AT_FDCWD, file, RENAME_NOREPLACE) == 0 ||
              (errno == EINVAL && link(part, file) == 0 && unlink(part) == 0);
    if (!ok) {
        return errno == EEXIST ? error_set(err, ERROR_USAGE,
                                           "%s is there by now: the copy stays at %s", file, part)
                               : file_failed("naming the copy", file, err);
    }
    char directory[4096];
    const char *slash = strrchr(file, '/');
    snprintf(directory, sizeof directory, "%.*s", slash == NULL ? 1 : (int)(slash - file) + 1,
             slash == NULL ? "." : file);
    return sync_path(directory, NULL, err);
}
