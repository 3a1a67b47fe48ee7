// SPDX-License-Identifier: MIT
#include "store/sqlite/sqlite_directory.h"

#include "base/log.h"
#include "store/sqlite/sqlite.h"
#include "store/sqlite/sqlite_util.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static bool make_directory(const char *directory, struct error *err) {
    if (mkdir(directory, 0700) != 0 && errno != EEXIST) {
        return error_set(err, ERROR_USAGE, "cannot make the data directory %s: %s", directory,
                         strerror(errno));
    }
    return true;
}

static bool is_there(const char *directory, const char *name) {
    char path[4200];
    struct stat st;
    snprintf(path, sizeof path, "%s/%s", directory, name);
    return stat(path, &st) == 0 && st.st_size > 0;
}

static bool has_file(const char *directory, const char *name) { // of any length
    char path[4200];
    struct stat st;
    snprintf(path, sizeof path, "%s/%s", directory, name);
    return stat(path, &st) == 0;
}

static bool is_marked(int lock_fd) {
    struct stat st;
    return fstat(lock_fd, &st) == 0 && st.st_size > 0;
}

// SQLite makes the log before the -shm file and removes it after that, so a -shm file alone says
// that somebody took the log away. It is looked for twice: a last user may close both in between.
bool sqlite_directory_has_log(const char *directory, enum error_class cls, struct error *err) {
    if (!is_there(directory, "sales.db-shm") || has_file(directory, "sales.db-wal") ||
        !is_there(directory, "sales.db-shm")) {
        return true;
    }
    return error_set(err, cls,
                     "%s/sales.db-wal is missing, which had the newest orders: put it back (from "
                     "where sales.db was copied or moved), or remove %s/sales.db-shm to go on "
                     "without what was in it",
                     directory, directory);
}

// A shop that begins anew without a word looks like one that has lost everything.
static bool has_what_it_had(const char *directory, int lock_fd, struct error *err) {
    if (is_there(directory, "sales.db")) {
        return sqlite_directory_has_log(directory, ERROR_USAGE, err);
    }
    bool log = is_there(directory, "sales.db-wal");
    return (!log && !is_marked(lock_fd)) ||
           error_set(err, ERROR_USAGE,
                     "%s had a sales.db%s, and it is missing or empty: put it back (from a copy, "
                     "with its -wal file if there is one), or remove %s/%s to begin with no orders",
                     directory, log ? " (its write-ahead log is there)" : "", directory,
                     log ? "sales.db-wal and lock" : "lock");
}

int sqlite_directory_lock(const char *directory, struct error *err) {
    bool busy = false;
    int fd =
        make_directory(directory, err) ? sqlite_directory_lock_free(directory, &busy, err) : -1;
    if (busy) {
        error_set(err, ERROR_USAGE,
                  "another salestide process writes to %s: stop it, or take another --data "
                  "(to load orders into a running server use --to)",
                  directory);
    }
    if (fd >= 0 && !has_what_it_had(directory, fd, err)) {
        close(fd);
        return -1;
    }
    return fd;
}

int sqlite_directory_lock_free(const char *directory, bool *busy, struct error *err) {
    char path[4200];
    *busy = false;
    snprintf(path, sizeof path, "%s/lock", directory);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        error_set(err, ERROR_USAGE, "cannot write to the data directory %s: %s", directory,
                  strerror(errno));
        return -1;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        close(fd);
        *busy = true;
        return -1;
    }
    return fd;
}

void sqlite_directory_mark(int lock_fd) {
    static const char says[] = "This directory has a sales.db. Remove both to begin anew.\n";
    if (lock_fd < 0 || is_marked(lock_fd)) {
        return;
    }
    if (write(lock_fd, says, sizeof says - 1) != (ssize_t)sizeof says - 1 ||
        fdatasync(lock_fd) != 0) {
        log_debug("store", "cannot write to the lock file: %s", strerror(errno));
    }
}

static bool is_our_lock(const char *path, int lock_fd) {
    struct stat ours, there;
    return fstat(lock_fd, &ours) == 0 && stat(path, &there) == 0 && ours.st_dev == there.st_dev &&
           ours.st_ino == there.st_ino;
}

bool sqlite_directory_keep(const char *directory, int lock_fd, struct error *err) {
    char path[4200];
    snprintf(path, sizeof path, "%s/lock", directory);
    if (lock_fd < 0 || is_our_lock(path, lock_fd)) {
        return true;
    }
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        return error_set(err, ERROR_RETRIABLE, "%s was removed and cannot be made again: %s", path,
                         strerror(errno));
    }
    // The old file's lock guards nothing any more; the descriptor goes on with the new one.
    if (flock(fd, LOCK_EX | LOCK_NB) != 0 || dup3(fd, lock_fd, O_CLOEXEC) < 0) {
        close(fd);
        return error_set(err, ERROR_RETRIABLE,
                         "%s was removed while it was in use, and another salestide process writes "
                         "to the directory now: stop one of the two",
                         path);
    }
    close(fd);
    sqlite_directory_mark(lock_fd);
    log_warn("store", "%s was removed while it was in use; it is there again: leave it alone",
             path);
    return true;
}

// --- Still the same files?

static bool look_at(const char *directory, const char *name, struct sqlite_file *out) {
    char path[4200];
    struct stat st;
    snprintf(path, sizeof path, "%s/%s", directory, name);
    if (stat(path, &st) != 0) {
        return false;
    }
    *out = (struct sqlite_file){st.st_dev, st.st_ino, st.st_size};
    return true;
}

static bool still_there(const char *directory, const char *name, const struct sqlite_file *was,
                        struct error *err) {
    struct sqlite_file now;
    bool found = look_at(directory, name, &now);
    return (found && now.device == was->device && now.inode == was->inode) ||
           error_set(err, ERROR_RETRIABLE,
                     "%s/%s was %s while it was in use; what is stored from now on would be lost: "
                     "put the file back, or stop this process and restore a copy",
                     directory, name, found ? "replaced by another file" : "removed");
}

static bool read_cookie(sqlite3 *db, int64_t *out, struct error *err) {
    return sqlite_int(db, "PRAGMA schema_version", 0, out, err);
}

bool sqlite_files_note(struct sqlite_files *f, sqlite3 *db, const char *directory,
                       struct error *err) {
    if (f->known && !sqlite_files_in_place(f, directory, false, err)) {
        return false;
    }
    if (!look_at(directory, "sales.db", &f->database) ||
        !look_at(directory, "sales.db-wal", &f->log)) {
        return error_set(err, ERROR_RETRIABLE, "cannot look at %s/sales.db and its -wal file: %s",
                         directory, strerror(errno));
    }
    f->known = read_cookie(db, &f->schema_cookie, err);
    return f->known;
}

static bool tell_cut(const char *directory, const char *name, struct error *err) {
    return error_set(
        err, ERROR_RETRIABLE,
        "%s/%s was cut while it was in use: what is missing of it is lost, and nothing "
        "more is stored; stop this process and restore a copy",
        directory, name);
}

// The file grows by checkpoints. What makes it shorter is somebody's VACUUM, or somebody's mistake.
static bool database_was_cut(struct sqlite_files *f, sqlite3 *db, struct error *err) {
    int64_t cookie;
    if (!read_cookie(db, &cookie, err)) {
        return true; // not even its first page
    }
    bool cut = cookie == f->schema_cookie;
    f->schema_cookie = cookie;
    return cut;
}

enum log_state { LOG_WHOLE, LOG_CUT, LOG_UNKNOWN };

// The log may become shorter when a checkpoint has copied all of it: ours, or somebody else's. Else
// it has as many frames as SQLite knows of, which a copy tries to read. LOG_UNKNOWN: `err`; also
// while somebody copies just now. (Frames:
// https://www.sqlite.org/fileformat2.html#the_write_ahead_log)
static enum log_state look_into_log(sqlite3 *db, const char *directory, struct error *err) {
    enum { HEADER_BYTES = 32, FRAME_HEADER_BYTES = 24 };
    int n_log = 0, n_copied = 0;
    int64_t page_bytes;
    struct sqlite_file log;
    int rc = sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_PASSIVE, &n_log, &n_copied);
    if (rc == SQLITE_OK && n_copied == n_log) {
        return LOG_WHOLE;
    }
    if (rc != SQLITE_OK) {
        bool cut = sqlite3_extended_errcode(db) == SQLITE_IOERR_SHORT_READ;
        sqlite_failed(db, "looking into a write-ahead log that has become shorter", err);
        return cut ? LOG_CUT : LOG_UNKNOWN;
    }
    if (!sqlite_int(db, "PRAGMA page_size", 0, &page_bytes, err)) {
        return LOG_UNKNOWN;
    }
    bool short_of = !look_at(directory, "sales.db-wal", &log) ||
                    log.bytes < HEADER_BYTES + n_log * (page_bytes + FRAME_HEADER_BYTES);
    return short_of ? LOG_CUT : LOG_WHOLE;
}

// Others may copy, write and cut meanwhile: only what stays so for a while is said.
static enum log_state judge_log(sqlite3 *db, const char *directory, struct error *err) {
    enum { TRIES = 100, PAUSE_MS = 5 };
    enum log_state found = look_into_log(db, directory, err);
    for (int i = 1; i < TRIES && found != LOG_WHOLE; i++) {
        sqlite3_sleep(PAUSE_MS);
        found = look_into_log(db, directory, err);
    }
    return found;
}

// False: it is not known yet whether the log was cut.
static bool check_log(struct sqlite_files *f, sqlite3 *db, const char *directory,
                      struct error *err) {
    struct sqlite_file log;
    if (!look_at(directory, "sales.db-wal", &log)) {
        return true;
    }
    enum log_state found = log.bytes < f->log.bytes ? judge_log(db, directory, err) : LOG_WHOLE;
    if (found == LOG_UNKNOWN) {
        return false; // its length from before stays: it is asked again
    }
    f->cut = found == LOG_CUT ? "sales.db-wal" : NULL;
    f->log.bytes = log.bytes;
    return true;
}

bool sqlite_files_whole(struct sqlite_files *f, sqlite3 *db, const char *directory,
                        struct error *err) {
    struct sqlite_file database;
    if (!f->known) {
        return true;
    }
    // Whether they are there at all is asked elsewhere.
    if (f->cut == NULL && look_at(directory, "sales.db", &database)) {
        bool cut = database.bytes < f->database.bytes && database_was_cut(f, db, err);
        f->cut = cut ? "sales.db" : NULL;
        f->database.bytes = database.bytes;
    }
    if (f->cut == NULL && !check_log(f, db, directory, err)) {
        return false;
    }
    return f->cut == NULL || tell_cut(directory, f->cut, err);
}

bool sqlite_files_in_place(const struct sqlite_files *f, const char *directory, bool and_log,
                           struct error *err) {
    return !f->known || (still_there(directory, "sales.db", &f->database, err) &&
                         (!and_log || still_there(directory, "sales.db-wal", &f->log, err)));
}

void sqlite_store_sizes(const char *directory, int64_t *db_bytes, int64_t *wal_bytes) {
    char path[4096];
    struct stat st;
    snprintf(path, sizeof path, "%s/sales.db", directory);
    *db_bytes = stat(path, &st) == 0 ? (int64_t)st.st_size : 0;
    snprintf(path, sizeof path, "%s/sales.db-wal", directory);
    *wal_bytes = stat(path, &st) == 0 ? (int64_t)st.st_size : 0;
}
