// SPDX-License-Identifier: MIT
// From a zone's name to the bytes of its file.
//
// Happy path: check the name, read TZDIR (or /usr/share/zoneinfo) /NAME whole, and let
// zone_from_bytes make the zone.
//
// Fails when the name is none, there are no zones or not this one, what is there is no file or
// cannot be read, or its bytes are no zone: each with a line that says what to do.
#include "engine/zone_file.h"

#include "order/zone_tzif.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define SYSTEM_DIRECTORY "/usr/share/zoneinfo"

// Fills file[ZONE_FILE_MAX_BYTES + 1]; *len over the maximum means the file is too large.
static bool read_up_to_max(int fd, char *file, size_t *len) {
    *len = 0;
    while (*len <= ZONE_FILE_MAX_BYTES) {
        ssize_t got = read(fd, file + *len, ZONE_FILE_MAX_BYTES + 1 - *len);
        if (got == 0) {
            return true;
        }
        if (got < 0 && errno != EINTR) {
            return false;
        }
        *len += got > 0 ? (size_t)got : 0;
    }
    return true;
}

// O_NONBLOCK: a FIFO of that name must not stop the start.
static int open_zone_file(const char *name, const char *directory, const char *path,
                          struct error *err) {
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    int open_errno = errno;
    struct stat st;
    if (fd >= 0) {
        if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
            return fd;
        }
        close(fd);
        error_set(err, ERROR_USAGE,
                  "time zone %s: %s is not a file; use a name such as America/New_York", name,
                  path);
    } else if (access(directory, F_OK) != 0) {
        error_set(err, ERROR_USAGE,
                  "time zone %s: there are no time zones in %s; install tzdata or set TZDIR", name,
                  directory);
    } else if (open_errno == ENOENT || open_errno == ENOTDIR) {
        error_set(err, ERROR_USAGE,
                  "time zone %s: unknown (no file %s); use a name such as America/New_York", name,
                  path);
    } else {
        error_set(err, ERROR_FATAL, "time zone %s: cannot open %s: %s", name, path,
                  strerror(open_errno));
    }
    return -1;
}

static const char *zone_directory(void) {
    const char *directory = getenv("TZDIR");
    return directory != NULL && directory[0] != '\0' ? directory : SYSTEM_DIRECTORY;
}

// The file's bytes, and one more when it is too large. Owned, free().
static bool read_zone_file(const char *name, const char *path, struct text *out,
                           struct error *err) {
    int fd = open_zone_file(name, zone_directory(), path, err);
    if (fd < 0) {
        return false;
    }
    char *file = try_alloc(ZONE_FILE_MAX_BYTES + 1);
    size_t len = 0;
    bool ok = file != NULL && read_up_to_max(fd, file, &len);
    int read_errno = errno;
    close(fd);
    if (file == NULL) {
        return error_set(err, ERROR_RETRIABLE,
                         "time zone %s: out of memory; free some and start again", name);
    }
    if (!ok) {
        free(file);
        return error_set(err, ERROR_FATAL, "time zone %s: cannot read %s: %s", name, path,
                         strerror(read_errno));
    }
    *out = (struct text){file, len};
    return true;
}

bool zone_open(const char *name, struct zone **out, struct error *err) {
    *out = NULL;
    char path[PATH_MAX] = "";
    struct text bytes = TEXT_NONE;
    if (!zone_name_check(name, err)) {
        return false;
    }
    if (strcmp(name, "UTC") != 0) {
        int path_len = snprintf(path, sizeof path, "%s/%s", zone_directory(), name);
        if (path_len < 0 || (size_t)path_len >= sizeof path) {
            return error_set(err, ERROR_USAGE, "time zone %s: the path in TZDIR is too long", name);
        }
        if (!read_zone_file(name, path, &bytes, err)) {
            return false;
        }
    }
    bool ok = zone_from_bytes(name, path, bytes, NULL, out, err);
    free((char *)(uintptr_t)bytes.at);
    return ok;
}
