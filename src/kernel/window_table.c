// SPDX-License-Identifier: MIT
// Mapped tables. Take: a new file, its blocks (posix_fallocate, which are zeros), the mapping; the
// file need not stay open. Give: unmapped and removed, or left, its mapping kept (window_kept.h).
//
// Leave: the file's time of writing is put back by an hour. Whoever writes into it afterwards, in
// whatever way, makes that the time of then: the next task sees by one fstat that the table is the
// one that was left, and need not read it. (The clock's own reading would not do: a write within
// its tick of some milliseconds would leave it as it is.) Whoever puts that time back, or a copy in
// its place, leaves another time of change or another inode. Where a file system tells none of
// this, or tells it otherwise, the table is read.
//
// How it fails: whatever the disk refuses is told in `refused`, and nothing is left of that file.
#include "kernel/window_table.h"

#include "base/clock.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#ifndef MADV_POPULATE_WRITE // since Linux 5.14
#define MADV_POPULATE_WRITE 23
#endif

static struct window_table *free_place(struct window_tables *t) {
    for (size_t i = 0; i < COUNT_OF(t->tables); i++) {
        if (t->tables[i].mapping.at == NULL) {
            return &t->tables[i];
        }
    }
    return NULL;
}

static void *map(struct window_table *place, int fd, size_t n_bytes, int64_t number) {
    struct stat st;
    if (fstat(fd, &st) != 0) {
        return NULL;
    }
    void *at = mmap(NULL, n_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (at == MAP_FAILED) {
        return NULL;
    }
    const struct window_mapping mapping = {at, n_bytes, (uint64_t)st.st_dev, (uint64_t)st.st_ino};
    *place = (struct window_table){mapping, number};
    return at;
}

static int take_blocks(int fd, size_t n_bytes) {
    int code = EINTR;
    for (int i = 0; i < 100 && code == EINTR; i++) {
        code = posix_fallocate(fd, 0, (off_t)n_bytes);
    }
    return code;
}

// The zeros that are there already are written: the system then gives pages by the megabyte, where
// it would give a mapping each by a fault of its own, at twice or three times the cost, and has
// them nearer to each other. Nothing depends on it: whatever is not written is zero all the same.
static void write_zeros(int fd, size_t n_bytes) {
    static const char zeros[16 * 1024];
    enum { ZEROS = 64 }; // a megabyte
    struct iovec list[ZEROS];
    for (size_t i = 0; i < ZEROS; i++) {
        list[i] = (struct iovec){(void *)(uintptr_t)zeros, sizeof zeros};
    }
    size_t at = 0;
    while (at + sizeof zeros * ZEROS <= n_bytes) {
        ssize_t n = pwritev(fd, list, ZEROS, (off_t)at);
        if (n <= 0) {
            return;
        }
        at += (size_t)n;
    }
}

static void *take(void *user, size_t n_bytes) {
    struct window_tables *t = user;
    struct window_table *place = free_place(t);
    char name[WINDOW_NAME_BYTES];
    if (place == NULL) {
        return NULL;
    }
    window_kept_drop(t->kept);
    window_dir_table(t->dir, t->next, name);
    int fd = openat(t->dir->fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    int code = fd < 0 ? errno : take_blocks(fd, n_bytes);
    void *at = NULL;
    if (code == 0) {
        write_zeros(fd, n_bytes);
        at = map(place, fd, n_bytes, t->next++);
        code = at == NULL ? errno : 0;
    }
    if (at != NULL) {
        // All of it is written now, front to back: a fault for each page would cost twice as much.
        // (MAP_POPULATE would map it for reading, and the faults would come yet.) Where a kernel
        // does not know how, they come.
        (void)madvise(at, n_bytes, MADV_POPULATE_WRITE);
    }
    t->refused.cls = ERROR_NONE;
    if (at == NULL) {
        error_set(&t->refused, ERROR_RETRIABLE,
                  "cannot make a table of %zu bytes for a dedupe window in %s: %s", n_bytes,
                  t->dir->path, strerror(code));
        if (fd >= 0) {
            (void)unlinkat(t->dir->fd, name, 0);
        }
    }
    if (fd >= 0) {
        close(fd);
    }
    return at;
}

static void give(void *user, void *table, size_t n_bytes) {
    struct window_tables *t = user;
    char name[WINDOW_NAME_BYTES];
    UNUSED(n_bytes);
    for (size_t i = 0; i < COUNT_OF(t->tables); i++) {
        if (t->tables[i].mapping.at != table) {
            continue;
        }
        window_kept_put(t->stay ? t->kept : NULL, &t->tables[i].mapping);
        if (!t->stay) {
            window_dir_table(t->dir, t->tables[i].number, name);
            (void)unlinkat(t->dir->fd, name, 0);
        }
        t->tables[i] = (struct window_table){0};
    }
}

void window_tables_init(struct window_tables *t, const struct window_dir *dir, int64_t next,
                        struct window_kept *kept) {
    *t = (struct window_tables){.dir = dir, .next = next, .kept = kept};
    t->memory = (struct id_table_memory){take, give, t};
}

static int64_t ns_of(struct timespec t) {
    return (int64_t)((uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec);
}

static bool is_as_left(int fd, const struct stat *st, const struct window_left *left) {
    return left->file != 0 && left->file == (uint64_t)st->st_ino &&
           left->written_ns == ns_of(st->st_mtim) && left->changed_ns == ns_of(st->st_ctim) &&
           // Pages that the disk has refused since are lost. This tells it once, for the whole
           // file, and waits for none, as there are none behind its end.
           sync_file_range(fd, st->st_size, 1, SYNC_FILE_RANGE_WAIT_BEFORE) == 0;
}

void *window_tables_map(struct window_tables *t, int64_t number, size_t n_bytes,
                        const struct window_left *left, bool *as_left) {
    struct window_table *place = free_place(t);
    char name[WINDOW_NAME_BYTES];
    struct stat st;
    window_dir_table(t->dir, number, name);
    int fd = place != NULL && n_bytes > 0
                 ? openat(t->dir->fd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW)
                 : -1;
    if (fd < 0) {
        return NULL;
    }
    bool whole = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size >= 0 &&
                 (uint64_t)st.st_size == n_bytes;
    *as_left = whole && is_as_left(fd, &st, left);
    whole = whole && ((uint64_t)st.st_blocks >= n_bytes / 512 || take_blocks(fd, n_bytes) == 0);
    void *at = NULL;
    if (whole) {
        // From now on it is written into, but through a mapping that was kept nothing would tell.
        (void)futimens(fd, NULL);
        struct window_mapping mapping = {NULL, n_bytes, (uint64_t)st.st_dev, (uint64_t)st.st_ino};
        mapping.at = at = window_kept_take(t->kept, &mapping);
        *place = (struct window_table){mapping, number};
    }
    at = whole && at == NULL ? map(place, fd, n_bytes, number) : at;
    close(fd);
    return at;
}

static const struct window_table *the_table(const struct window_tables *t) {
    return &t->tables[t->tables[0].mapping.at != NULL ? 0 : 1];
}

int64_t window_tables_number(const struct window_tables *t) {
    return the_table(t)->number;
}

struct window_left window_tables_leave(const struct window_tables *t) {
    char name[WINDOW_NAME_BYTES];
    struct stat st;
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {0}}; // of reading, of writing
    struct window_left left = {0};
    window_dir_table(t->dir, the_table(t)->number, name);
    int fd = openat(t->dir->fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) {
        return left;
    }
    times[1].tv_sec = clock_now_ms(clock_system()) / 1000 - 3600;
    if (futimens(fd, times) == 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
        (uint64_t)st.st_ino == the_table(t)->mapping.file &&
        (uint64_t)st.st_dev == the_table(t)->mapping.device &&
        st.st_mtim.tv_sec <= times[1].tv_sec) {
        left = (struct window_left){(uint64_t)st.st_ino, ns_of(st.st_mtim), ns_of(st.st_ctim)};
    }
    close(fd);
    return left;
}
