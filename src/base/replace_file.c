// SPDX-License-Identifier: MIT
#include "base/replace_file.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { PATH_BYTES = 4096, USER_BYTES = 1024, LOCK_TRIES = 100, LOCK_WAIT_MS = 10 };

// Whose the file is to be: those of the file at `path`, else those of the directory and 0600.
static bool find_owner(const char *directory, const char *path, struct stat *out) {
    if (stat(path, out) == 0) {
        return true;
    }
    if (errno != ENOENT || stat(directory, out) != 0) {
        return false;
    }
    out->st_mode = 0600;
    return true;
}

bool replace_file_give_to(int fd, const struct stat *owner) {
    struct stat now;
    if (fstat(fd, &now) != 0) {
        return false;
    }
    return (now.st_uid == owner->st_uid && now.st_gid == owner->st_gid) ||
           fchown(fd, owner->st_uid, owner->st_gid) == 0;
}

static bool refuse_owner(const char *path, uid_t uid, struct error *err) {
    char bytes[USER_BYTES];
    struct passwd user, *found = NULL;
    bool known = getpwuid_r(uid, &user, bytes, sizeof bytes, &found) == 0 && found != NULL;
    return error_set(err, ERROR_USAGE,
                     "%s belongs to user %s (%u), and one of ours could not be read by it: run "
                     "this as that user or as root",
                     path, known ? user.pw_name : "?", (unsigned)uid);
}

static bool write_all(int fd, struct text content) {
    while (content.len > 0) {
        ssize_t n = write(fd, content.at, content.len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return false;
        }
        content.at += n;
        content.len -= (size_t)n;
    }
    return fsync(fd) == 0;
}

// Closes fd in any case. False: errno tells.
static bool finish(int fd, mode_t mode, struct text content) {
    bool ok = fchmod(fd, mode & 07777) == 0 && write_all(fd, content);
    int saved = errno;
    if (close(fd) != 0 && ok) {
        return false;
    }
    errno = saved;
    return ok;
}

static bool sync_directory(const char *directory) {
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    bool ok = fsync(fd) == 0;
    int saved = errno;
    close(fd);
    errno = saved;
    return ok;
}

bool replace_file(const char *directory, const char *name, struct text content, struct error *err) {
    char path[PATH_BYTES], fresh[PATH_BYTES];
    struct stat owner;
    snprintf(path, sizeof path, "%s/%s", directory, name);
    snprintf(fresh, sizeof fresh, "%s/%s.new", directory, name);
    if (!find_owner(directory, path, &owner)) {
        return error_set(err, ERROR_FATAL, "cannot look at %s: %s", path, strerror(errno));
    }
    int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd >= 0 && !replace_file_give_to(fd, &owner)) {
        close(fd);
        unlink(fresh);
        return refuse_owner(path, owner.st_uid, err);
    }
    bool ok = fd >= 0 && finish(fd, owner.st_mode, content) && rename(fresh, path) == 0 &&
              sync_directory(directory);
    return ok || error_set(err, ERROR_RETRIABLE, "cannot write %s: %s", path, strerror(errno));
}

bool replace_file_wait(int fd) {
    const struct timespec wait = {.tv_nsec = LOCK_WAIT_MS * 1000000L};
    for (int tries = 0; flock(fd, LOCK_EX | LOCK_NB) != 0; tries++) {
        if (errno != EWOULDBLOCK || tries == LOCK_TRIES) {
            return false;
        }
        nanosleep(&wait, NULL);
    }
    return true;
}

int replace_file_lock(const char *directory, const char *lock_name, struct error *err) {
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "%s/%s", directory, lock_name);
    if (mkdir(directory, 0700) != 0 && errno != EEXIST) {
        error_set(err, ERROR_FATAL, "cannot make the directory %s: %s", directory, strerror(errno));
        return -1;
    }
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 || !replace_file_wait(fd)) {
        error_set(err, ERROR_FATAL, "cannot lock %s: %s", path, strerror(errno));
        if (fd >= 0) {
            close(fd);
        }
        return -1;
    }
    struct stat owner; // the server's user may want to replace it, too
    if (stat(directory, &owner) == 0 && !replace_file_give_to(fd, &owner)) {
        errno = 0; // not ours to give: the file itself will tell
    }
    return fd;
}
