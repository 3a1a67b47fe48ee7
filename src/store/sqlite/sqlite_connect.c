// SPDX-License-Identifier: MIT
// Opening sales.db.
//
// 1. Open for reading and writing (a reader of a database in WAL mode writes, too: into its -shm
//    file), look into it once, set it up.
// 2. Where that is not possible for want of permission, a reader opens it as a file that nobody
//    changes (sqlite_readonly.c).
//
// How it fails: one line that says whose the file is, or what is missing.
#include "store/sqlite/sqlite_connect.h"

#include "store/sqlite/sqlite_directory.h"
#include "store/sqlite/sqlite_readonly.h"
#include "store/sqlite/sqlite_schema.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { WAL_KEPT_BYTES = 64 * 1024 * 1024 };

static bool sqlite_connect_set_up(sqlite3 *db, enum sqlite_role role, struct error *err) {
    static const char *const by_role[] = {
        // The writer keeps hot pages of the index and of the cells; checkpoints have their own
        // thread. A log that a long reader made grow is cut when it starts over.
        ("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0; "
         "PRAGMA secure_delete = OFF; PRAGMA cache_size = -131072; PRAGMA cell_size_check = ON; "
         "PRAGMA journal_size_limit = 67108864;"),
        "PRAGMA query_only = ON; PRAGMA cache_size = -16384; PRAGMA temp_store = MEMORY;",
        "PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = -64;",
        "PRAGMA synchronous = FULL; PRAGMA cache_size = -65536; PRAGMA temp.cache_size = -65536;",
    };
    _Static_assert(WAL_KEPT_BYTES == 67108864, "as in the text above");
    sqlite3_busy_timeout(db, role == SQLITE_WRITER ? 5000 : 2000);
    return sqlite_run(db, by_role[role], err);
}

// A new file is for its owner alone; SQLite gives its -wal and -shm the same mode. One that is
// there is left as it is (and not even opened: closing it would give up locks of this process).
static void make_file(const char *path) {
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0) {
        close(fd); // else SQLite says what is wrong
    }
}

static bool open_failed(sqlite3 *db, const char *path, struct error *err) {
    int code = sqlite3_extended_errcode(db), system = sqlite3_system_errno(db);
    bool damaged = (code & 0xFF) == SQLITE_CORRUPT || (code & 0xFF) == SQLITE_NOTADB;
    sqlite_failed(db, "opening the database", err); // its class
    return error_set(err, err->cls, "opening the database %s: %s (%d)%s%s", path,
                     sqlite3_errmsg(db), code, damaged || system != 0 ? ": " : "",
                     damaged       ? "the file is damaged; restore it from a copy"
                     : system != 0 ? strerror(system)
                                   : "");
}

static bool writer_opens(const char *path, const char *vfs, sqlite3 **out, struct error *err) {
    make_file(path);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
                SQLITE_OPEN_CREATE | SQLITE_OPEN_URI; // what is attached has a name of that kind
    if (sqlite3_open_v2(path, out, flags, vfs) != SQLITE_OK) {
        return open_failed(*out, path, err);
    }
    // Before set_up, which writes into the file; only a new file takes the page size.
    return sqlite_version_check(*out, true, err) &&
           sqlite_run(*out, "PRAGMA page_size = 4096;", err);
}

// Whether it may go better with reading alone. Without descriptors or memory it does not, and what
// would be said then is about permissions.
static bool lacks_permission(sqlite3 *db, int code) {
    int rc = code & 0xFF, system = sqlite3_system_errno(db);
    bool lacks_means = system == EMFILE || system == ENFILE || system == ENOMEM;
    return rc == SQLITE_READONLY || rc == SQLITE_PERM || (rc == SQLITE_CANTOPEN && !lacks_means);
}

static bool others_open(const char *directory, const char *path, const char *vfs, sqlite3 **out,
                        struct error *err) {
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    int rc = sqlite3_open_v2(path, out, flags, vfs);
    if (rc == SQLITE_OK) { // opened is not read yet
        sqlite3_busy_timeout(*out, 2000);
        rc = sqlite3_exec(*out, "SELECT 1 FROM sqlite_schema LIMIT 1", NULL, NULL, NULL);
    }
    if (rc == SQLITE_OK) {
        return true;
    }
    if (!lacks_permission(*out, rc)) {
        return open_failed(*out, path, err);
    }
    sqlite3_close(*out);
    *out = NULL;
    return sqlite_readonly_open(directory, path, vfs, out, err);
}

bool sqlite_connect(const char *directory, const char *vfs, enum sqlite_role role, sqlite3 **out,
                    struct error *err) {
    char path[4096];
    sqlite3 *db = NULL;
    // A name that begins as a URI does is none.
    const char *here = strncmp(directory, "file:", 5) == 0 ? "./" : "";
    if (snprintf(path, sizeof path, "%s%s/sales.db", here, directory) >= (int)sizeof path) {
        return error_set(err, ERROR_USAGE, "the path of the data directory is too long");
    }
    // A writer has asked with the lock. Retriable: the others may be threads of one that runs.
    bool ok = role == SQLITE_WRITER ? writer_opens(path, vfs, &db, err)
                                    : sqlite_directory_has_log(directory, ERROR_RETRIABLE, err) &&
                                          others_open(directory, path, vfs, &db, err);
    if (!ok || !sqlite_connect_set_up(db, role, err)) {
        sqlite3_close(db);
        return false;
    }
    *out = db;
    return true;
}

bool sqlite_connect_copy(const char *path, sqlite3 **out, struct error *err) {
    sqlite3 *db = NULL;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    bool ok = sqlite3_open_v2(path, &db, flags, NULL) == SQLITE_OK || open_failed(db, path, err);
    if (!ok || !sqlite_connect_set_up(db, SQLITE_AUDITOR, err)) {
        sqlite3_close(db);
        return false;
    }
    *out = db;
    return true;
}
