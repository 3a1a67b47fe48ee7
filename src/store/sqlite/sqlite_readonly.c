// SPDX-License-Identifier: MIT
// Reading where nothing can be written: read-only media, a directory of another user.
//
// SQLite's immutable mode looks neither for locks nor for a write-ahead log, so it is taken only
// where that is the truth:
// 1. nobody can write: the file system is read-only, or we hold the directory's lock together with
//    other readers, for as long as the connection lives; a writer is refused meanwhile, and
// 2. there is no write-ahead log with anything in it.
// Else one line says what is in the way, and what to do.
#include "store/sqlite/sqlite_readonly.h"

#include "base/mem.h"
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static bool refuse_owner(const char *path, const char *what, struct error *err) {
    struct stat st;
    char name[64] = "its owner", buffer[1024];
    struct passwd entry, *user = NULL;
    if (stat(path, &st) == 0 && getpwuid_r(st.st_uid, &entry, buffer, sizeof buffer, &user) == 0 &&
        user != NULL) {
        snprintf(name, sizeof name, "%s", user->pw_name);
    }
    bool of_root = strcmp(name, "root") == 0;
    return error_set(err, ERROR_USAGE, "%s %s: run this as %s%s", path, what, name,
                     of_root ? "" : " (sudo -u) or as root");
}

static bool look_at_file(const char *directory, const char *path, struct error *err) {
    struct stat st;
    if (stat(path, &st) == 0) {
        return access(path, R_OK) == 0 || refuse_owner(path, "may not be read by this user", err);
    }
    if (errno == EACCES) {
        return refuse_owner(directory, "may not be entered by this user", err);
    }
    return error_set(err, ERROR_USAGE, "there is no readable %s; is --data right?", path);
}

static bool has_log(const char *path) {
    char wal[4200];
    struct stat st;
    snprintf(wal, sizeof wal, "%s-wal", path);
    return stat(wal, &st) == 0 && st.st_size > 0;
}

// *lock_fd: to be held while reading; -1: not needed.
static bool nobody_can_write(const char *directory, const char *path, int *lock_fd,
                             struct error *err) {
    struct statvfs fs;
    char lock[4200];
    *lock_fd = -1;
    if (statvfs(path, &fs) == 0 && (fs.f_flag & ST_RDONLY) != 0) {
        return true;
    }
    snprintf(lock, sizeof lock, "%s/lock", directory);
    *lock_fd = open(lock, O_RDONLY | O_CLOEXEC);
    if (*lock_fd < 0 && errno != EACCES && errno != ENOENT) { // descriptors, a disk
        return error_set(err, ERROR_RETRIABLE, "cannot open %s: %s", lock, strerror(errno));
    }
    if (*lock_fd >= 0 && flock(*lock_fd, LOCK_SH | LOCK_NB) == 0) {
        return true;
    }
    bool writer = *lock_fd >= 0;
    if (writer) {
        close(*lock_fd);
    }
    return refuse_owner(path,
                        writer ? "is written by a running salestide, and this user may not write "
                                 "beside it, as readers must"
                               : "stands in a directory that this user may not write to, and "
                                 "without a readable lock file it is not known who else writes",
                        err);
}

// For a URI: what has a meaning there is written as %XX.
static char *immutable_uri(const char *path) {
    size_t cap = 3 * strlen(path) + sizeof "file:?immutable=1";
    char *uri = mem_alloc(cap);
    size_t n = (size_t)snprintf(uri, cap, "file:");
    for (const char *at = path; *at != '\0'; at++) {
        bool plain = *at != '%' && *at != '?' && *at != '#';
        n += (size_t)snprintf(uri + n, cap - n, plain ? "%c" : "%%%02X", (unsigned char)*at);
    }
    snprintf(uri + n, cap - n, "?immutable=1");
    return uri;
}

static void no_function(sqlite3_context *context, int n, sqlite3_value **values) {
    UNUSED(n);
    UNUSED(values);
    sqlite3_result_null(context);
}

static void let_go(void *lock_fd) {
    close((int)(intptr_t)lock_fd);
}

// The connection's end gives the lock back: SQLite calls let_go when it drops its functions, and
// also when this fails.
static bool keep_lock(sqlite3 *db, int lock_fd, struct error *err) {
    if (lock_fd >= 0 &&
        sqlite3_create_function_v2(db, "salestide_lock", 0, SQLITE_UTF8, (void *)(intptr_t)lock_fd,
                                   no_function, NULL, NULL, let_go) != SQLITE_OK) {
        sqlite_failed(db, "opening", err);
        return false;
    }
    return true;
}

bool sqlite_readonly_open(const char *directory, const char *path, const char *vfs, sqlite3 **out,
                          struct error *err) {
    int lock_fd;
    if (!look_at_file(directory, path, err)) {
        return false;
    }
    if (!nobody_can_write(directory, path, &lock_fd, err)) {
        return false;
    }
    if (has_log(path)) {
        if (lock_fd >= 0) {
            close(lock_fd);
        }
        return error_set(err, ERROR_USAGE,
                         "%s has a write-ahead log that must be moved into it first, and nothing "
                         "can be written there: copy the directory to where you can write and "
                         "take the copy as --data",
                         path);
    }
    char *uri = immutable_uri(path);
    int flags =
        SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    bool ok = sqlite3_open_v2(uri, out, flags, vfs) == SQLITE_OK;
    free(uri);
    if (!ok) {
        sqlite_failed(*out, "opening", err);
        if (lock_fd >= 0) {
            close(lock_fd);
        }
        return false;
    }
    return keep_lock(*out, lock_fd, err);
}
