// SPDX-License-Identifier: MIT
// The windows' directory. Open:
//
// 1. The directory is made if need be, and refused unless it is this user's alone: whoever else
//    could write there could forge a window or cut a mapped table short. From then on it is its
//    file descriptor: files are opened beneath that, and no link in a file's place is followed.
// 2. The window's lock file is made in it, and locked. Whoever removes a window has its lock; so a
//    lock file without a name is one that was removed meanwhile, and another is made.
// 3. Other windows are looked through: those that nobody has locked and nobody will ask for again
//    are removed, the lock file last.
//
// How it fails: a directory that others made or may use is FAILED, and stays as it is. A lock that
// another has is BUSY after the time-out. What cannot be removed stays.
#include "kernel/window_dir.h"

#include "base/clock.h"
#include "base/hash.h"
#include "engine/log_store.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LOCK_TRY_MS = 10, UNUSED_S = 24 * 60 * 60 };

// What a name tells.
struct window_name {
    int32_t partition, lane;
    int64_t window_ms;
    uint64_t topic; // hash of its id
};

void window_dir_file(const struct window_dir *d, const char *kind, char out[WINDOW_NAME_BYTES]) {
    snprintf(out, WINDOW_NAME_BYTES, "%.70s.%.24s", d->name, kind);
}

void window_dir_table(const struct window_dir *d, int64_t table, char out[WINDOW_NAME_BYTES]) {
    snprintf(out, WINDOW_NAME_BYTES, "%.70s.table-%" PRId64, d->name, table);
}

static void write_name(const struct window_name *n, char out[WINDOW_NAME_BYTES]) {
    snprintf(out, WINDOW_NAME_BYTES, "p%" PRId32 "-l%" PRId32 "-w%" PRId64 "-t%016" PRIx64,
             n->partition, n->lane, n->window_ms, n->topic);
}

// Of a lock file. False: it is none of ours.
static bool read_name(const char *file, struct window_name *n) {
    char *end;
    n->partition = (int32_t)strtol(file[0] == 'p' ? file + 1 : "", &end, 10);
    n->lane = (int32_t)strtol(strncmp(end, "-l", 2) == 0 ? end + 2 : "", &end, 10);
    n->window_ms = strtoll(strncmp(end, "-w", 2) == 0 ? end + 2 : "", &end, 10);
    n->topic = strtoull(strncmp(end, "-t", 2) == 0 ? end + 2 : "", &end, 16);
    char again[WINDOW_NAME_BYTES];
    write_name(n, again);
    size_t len = strlen(again);
    return strncmp(file, again, len) == 0 && strcmp(file + len, ".lock") == 0;
}

// A stream of its own; NULL: it cannot be read now.
static DIR *list_files(const struct window_dir *d) {
    int fd = openat(d->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *list = fd >= 0 ? fdopendir(fd) : NULL;
    if (list == NULL && fd >= 0) {
        close(fd);
    }
    return list;
}

void window_dir_clear(const struct window_dir *d, int64_t table) {
    char lock[WINDOW_NAME_BYTES], kept[WINDOW_NAME_BYTES];
    DIR *list = list_files(d);
    size_t len = strlen(d->name);
    window_dir_file(d, "lock", lock);
    window_dir_table(d, table, kept);
    for (struct dirent *e; list != NULL && (e = readdir(list)) != NULL;) {
        if (strncmp(e->d_name, d->name, len) == 0 && e->d_name[len] == '.' &&
            strcmp(e->d_name, lock) != 0 && strcmp(e->d_name, kept) != 0) {
            (void)unlinkat(d->fd, e->d_name, 0);
        }
    }
    if (list != NULL) {
        closedir(list);
    }
}

// --- Other windows

// Of a lock that we have: it is still there, and so old if it has to be.
static bool is_unused(int fd, bool at_once) {
    struct stat st;
    return fstat(fd, &st) == 0 && st.st_nlink > 0 &&
           (at_once ||
            clock_now_ms(clock_system()) / 1000 - (int64_t)st.st_mtim.tv_sec >= UNUSED_S);
}

static void remove_unused(const struct window_dir *d, const char *lock, bool at_once) {
    struct window_dir other = {.fd = d->fd, .lock_fd = -1};
    int fd = openat(d->fd, lock, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        return;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) == 0 && is_unused(fd, at_once)) {
        snprintf(other.name, sizeof other.name, "%.*s", (int)(strlen(lock) - strlen(".lock")),
                 lock);
        window_dir_clear(&other, WINDOW_NO_TABLE);
        (void)unlinkat(d->fd, lock, 0);
    }
    close(fd);
}

static void remove_others(const struct window_dir *d, const struct window_name *mine) {
    DIR *list = list_files(d);
    struct window_name n;
    for (struct dirent *e; list != NULL && (e = readdir(list)) != NULL;) {
        if (!read_name(e->d_name, &n)) {
            continue;
        }
        bool same = n.partition == mine->partition && n.topic == mine->topic;
        if (!same || n.lane != mine->lane || n.window_ms != mine->window_ms) {
            remove_unused(d, e->d_name, same);
        }
    }
    if (list != NULL) {
        closedir(list);
    }
}

// --- Open

static bool failed(const struct window_dir *d, struct error *err, const char *what) {
    return error_set(err, ERROR_RETRIABLE, "cannot %s the directory of dedupe windows %s: %s", what,
                     d->path, strerror(errno));
}

// Without slashes at its end: before them a symbolic link would be followed.
static bool last_name_bare(const char *directory, char out[PATH_MAX]) {
    size_t len = strlen(directory);
    while (len > 1 && directory[len - 1] == '/') {
        len--;
    }
    if (len >= PATH_MAX) {
        errno = ENAMETOOLONG;
        return false;
    }
    memcpy(out, directory, len);
    out[len] = '\0';
    return true;
}

static bool is_link(const char *path) {
    struct stat st;
    return lstat(path, &st) == 0 && S_ISLNK(st.st_mode);
}

// Its mode is not mended here: it may be somebody's folder for more than windows.
static bool is_ours_alone(const struct window_dir *d, const struct stat *st, struct error *err) {
    if (st->st_uid != geteuid()) {
        return error_set(err, ERROR_FATAL,
                         "the directory of dedupe windows %s is of another user (uid %ju, not "
                         "%ju): name another with --window-dir",
                         d->path, (uintmax_t)st->st_uid, (uintmax_t)geteuid());
    }
    if ((st->st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        return error_set(err, ERROR_FATAL,
                         "the directory of dedupe windows %s is open to other users, of mode "
                         "%04o: %schmod 700 it, or name another with --window-dir",
                         d->path, (unsigned)st->st_mode & 07777,
                         (st->st_mode & (S_IWGRP | S_IWOTH)) != 0 ? "empty it and " : "");
    }
    return true;
}

// False: what was opened by then window_dir_close closes.
static bool open_directory(struct window_dir *d, const char *directory, struct error *err) {
    char path[PATH_MAX];
    struct stat st;
    if (!last_name_bare(directory, path) || (mkdir(path, 0700) != 0 && errno != EEXIST)) {
        return failed(d, err, "make");
    }
    d->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (d->fd < 0 && is_link(path)) {
        return error_set(err, ERROR_FATAL,
                         "the directory of dedupe windows %s is a symbolic link: name what it "
                         "points to, or another, with --window-dir",
                         d->path);
    }
    if (d->fd < 0 || fstat(d->fd, &st) != 0) {
        return failed(d, err, "open");
    }
    return is_ours_alone(d, &st, err);
}

static bool lock_once(struct window_dir *d, bool *held) {
    char lock[WINDOW_NAME_BYTES];
    struct stat st;
    window_dir_file(d, "lock", lock);
    *held = false;
    d->lock_fd = openat(d->fd, lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (d->lock_fd < 0) {
        return false;
    }
    if (flock(d->lock_fd, LOCK_EX | LOCK_NB) == 0) {
        *held = fstat(d->lock_fd, &st) == 0 && st.st_nlink > 0;
    } else if (errno != EWOULDBLOCK && errno != EINTR) {
        return false; // closed by window_dir_close
    }
    if (!*held) {
        close(d->lock_fd);
        d->lock_fd = -1;
    }
    return true;
}

static enum window_file_result lock(struct window_dir *d, int wait_ms, struct error *err) {
    const struct clock_source *clock = clock_system();
    int64_t until_ns = clock_monotonic_ns(clock) + (int64_t)wait_ms * 1000000;
    for (;;) {
        bool held;
        if (!lock_once(d, &held)) {
            (void)failed(d, err, "lock a window in");
            return WINDOW_FILE_FAILED;
        }
        if (held) {
            return WINDOW_FILE_OK;
        }
        if (clock_monotonic_ns(clock) >= until_ns) {
            error_set(err, ERROR_RETRIABLE,
                      "another task has the dedupe window %s in %s and did not end within %d ms",
                      d->name, d->path, wait_ms);
            return WINDOW_FILE_BUSY;
        }
        clock_sleep_ms(LOCK_TRY_MS);
    }
}

static bool key_fits(const struct window_file_key *key) {
    return key->directory != NULL && key->directory[0] != '\0' && key->topic_id != NULL &&
           strlen(key->topic_id) < LOG_TOPIC_ID_BYTES && key->partition >= 0 && key->lane >= 0 &&
           key->window_ms > 0;
}

enum window_file_result window_dir_open(struct window_dir *d, const struct window_file_key *key,
                                        int lock_wait_ms, struct error *err) {
    *d = (struct window_dir){.fd = -1, .lock_fd = -1};
    if (!key_fits(key)) {
        error_set(
            err, ERROR_USAGE,
            "a dedupe window needs a directory, a topic's id of at most %d bytes, a partition "
            "and a lane from 0 on, and a length",
            LOG_TOPIC_ID_BYTES - 1);
        return WINDOW_FILE_FAILED;
    }
    const struct window_name name = {key->partition, key->lane, key->window_ms,
                                     hash_text(text_of(key->topic_id), 0)};
    write_name(&name, d->name);
    snprintf(d->path, sizeof d->path, "%.250s", key->directory);
    enum window_file_result result =
        open_directory(d, key->directory, err) ? lock(d, lock_wait_ms, err) : WINDOW_FILE_FAILED;
    if (result != WINDOW_FILE_OK) {
        window_dir_close(d);
        return result;
    }
    (void)futimens(d->lock_fd, NULL); // it was used now
    remove_others(d, &name);
    return WINDOW_FILE_OK;
}

void window_dir_close(struct window_dir *d) {
    if (d->lock_fd >= 0) {
        close(d->lock_fd); // and with it the lock
    }
    if (d->fd >= 0) {
        close(d->fd);
    }
    d->fd = d->lock_fd = -1;
}
