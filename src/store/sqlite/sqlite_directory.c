// SPDX-License-Identifier: MIT
#include "store/sqlite/sqlite_directory.h"

#include "store/sqlite/sqlite.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static bool make_directory(const char *directory, struct error *err) {
    if (mkdir(directory, 0777) != 0 && errno != EEXIST) {
        return error_set(err, ERROR_USAGE, "cannot make the data directory %s: %s", directory,
                         strerror(errno));
    }
    return true;
}

int sqlite_directory_lock(const char *directory, struct error *err) {
    char path[4096];
    if (!make_directory(directory, err)) {
        return -1;
    }
    snprintf(path, sizeof path, "%s/lock", directory);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0) {
        error_set(err, ERROR_USAGE, "cannot write to the data directory %s: %s", directory,
                  strerror(errno));
        return -1;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        error_set(err, ERROR_USAGE,
                  "another salestide process writes to %s: stop it, or take another --data "
                  "(to load orders into a running server use --to)",
                  directory);
        close(fd);
        return -1;
    }
    return fd;
}

void sqlite_store_sizes(const char *directory, int64_t *db_bytes, int64_t *wal_bytes) {
    char path[4096];
    struct stat st;
    snprintf(path, sizeof path, "%s/sales.db", directory);
    *db_bytes = stat(path, &st) == 0 ? (int64_t)st.st_size : 0;
    snprintf(path, sizeof path, "%s/sales.db-wal", directory);
    *wal_bytes = stat(path, &st) == 0 ? (int64_t)st.st_size : 0;
}
