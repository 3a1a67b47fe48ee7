// SPDX-License-Identifier: MIT
// A window from task to task.
//
// 1. Open: the lock, and the state that the last task left. If it can be trusted and tells of this
//    committed offset, the window is loaded over its table, which is read whole unless its file
//    tells that nobody has written into it since (window_table.c). What was judged last is undone
//    when it was not committed, kept when it was.
// 2. The state's file is removed. From here on the table changes; a process that dies leaves no
//    state, and the next open begins empty.
// 3. Save: all but the table goes into a new file, which is renamed when it is whole. Nothing is
//    synced: a process that dies loses no written page, and after a machine that died nothing is
//    trusted.
// 4. Close: without a save the batch is undone and that is saved, if it knew its history.
//
// The state's file, in this machine's byte order: struct state_head, the window as id_window_save
// writes it (which has a sum of its own), the changes of what was judged last (id_window_changes).
// These are as large as all else of a long batch, so they pass piece by piece, and are in memory
// only where they are to be undone.
//
// How it fails: what the disk refuses is FAILED; the files are then those of before, or none.
#include "kernel/window_file.h"

#include "base/hash.h"
#include "engine/log_store.h"
#include "kernel/window_table.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char state_magic[8] = "WINDOW 2"; // the last is the version of this form

struct state_head {
    char magic[8];
    char boot_id[40];  // of the machine, when it was written
    char topic_id[40]; // zeros behind both
    int64_t partition, lane, window_ms;
    int64_t committed, to;
    int64_t table;        // number of its file
    uint64_t table_bytes; // its size
    struct window_left left;
    uint64_t window_bytes, changes_bytes;
    uint64_t changes_sum; // sum_on
    uint64_t sum;         // of all before
};
_Static_assert(sizeof(struct state_head) == 25 * 8, "no padding");
_Static_assert(LOG_TOPIC_ID_BYTES <= 40, "a topic's id fits");

struct window_file {
    const struct mem_heap *heap;
    struct window_kept *kept; // NULL: no mapping outlives its window
    struct window_dir dir;
    struct window_tables tables;
    struct id_budget budget;
    struct id_window *window;
    struct state_head head; // what is to be saved, but for what is known only then
    bool knew, undo, saved; // undo: what was judged last was not committed
};

// --- The state's file

// Without one nothing is ever trusted.
static void read_boot_id(char out[40]) {
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, out, 36) : -1;
    memset(out + (n > 0 ? n : 0), 0, 40 - (size_t)(n > 0 ? n : 0));
    if (fd >= 0) {
        close(fd);
    }
}

static bool read_all(int fd, void *at, size_t n_bytes) {
    char *next = at;
    while (n_bytes > 0) {
        ssize_t n = read(fd, next, n_bytes);
        if (n <= 0 && !(n < 0 && errno == EINTR)) {
            return false;
        }
        next += n > 0 ? n : 0;
        n_bytes -= n > 0 ? (size_t)n : 0;
    }
    return true;
}

static bool write_all(int fd, const void *at, size_t n_bytes) {
    const char *next = at;
    while (n_bytes > 0) {
        ssize_t n = write(fd, next, n_bytes);
        if (n < 0 && errno != EINTR) {
            return false;
        }
        next += n > 0 ? n : 0;
        n_bytes -= n > 0 ? (size_t)n : 0;
    }
    return true;
}

// The sum of more bytes: of PIECE_BYTES at a time, but for the last.
enum { PIECE_BYTES = 16 * 1024 };
static uint64_t sum_on(uint64_t sum, struct text bytes) {
    for (size_t at = 0; at < bytes.len; at += PIECE_BYTES) {
        size_t n = bytes.len - at < PIECE_BYTES ? bytes.len - at : PIECE_BYTES;
        sum = hash_bytes(bytes.at + at, n, sum);
    }
    return sum;
}

static uint64_t sum_of(const struct state_head *h) {
    return hash_bytes(h, offsetof(struct state_head, sum), 0);
}

// Of this window, this boot of the machine and this committed offset; and of this length.
static bool head_fits(const struct state_head *h, const struct state_head *mine, uint64_t n_bytes) {
    return memcmp(h->magic, mine->magic, sizeof h->magic) == 0 && h->sum == sum_of(h) &&
           h->boot_id[0] != '\0' && memcmp(h->boot_id, mine->boot_id, sizeof h->boot_id) == 0 &&
           memcmp(h->topic_id, mine->topic_id, sizeof h->topic_id) == 0 &&
           h->partition == mine->partition && h->lane == mine->lane &&
           h->window_ms == mine->window_ms &&
           (h->committed == mine->committed || h->to == mine->committed) && h->table >= 0 &&
           h->table < INT64_MAX / 2 && n_bytes >= sizeof *h &&
           h->window_bytes <= n_bytes - sizeof *h &&
           h->changes_bytes == n_bytes - sizeof *h - h->window_bytes;
}

static struct text changes_in(const struct state_head *h, const char *saved) {
    return (struct text){saved + h->window_bytes, h->changes_bytes};
}

// What follows in the file are the changes as they were saved; they are not wanted.
static bool changes_are_whole(int fd, const struct state_head *h) {
    char piece[PIECE_BYTES];
    uint64_t sum = 0;
    for (uint64_t left = h->changes_bytes; left > 0;) {
        size_t n = left < sizeof piece ? (size_t)left : sizeof piece;
        if (!read_all(fd, piece, n)) {
            return false;
        }
        sum = sum_on(sum, (struct text){piece, n});
        left -= n;
    }
    return sum == h->changes_sum;
}

// What a file tells; out->at is of the heap: the window, and its changes where these are to be
// undone. len 0: it is not to be trusted.
static enum window_file_result read_state(struct window_file *f, int fd, struct state_head *h,
                                          struct buf *out) {
    struct stat st;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size < (off_t)sizeof *h ||
        !read_all(fd, h, sizeof *h) || !head_fits(h, &f->head, (uint64_t)st.st_size)) {
        return WINDOW_FILE_OK;
    }
    f->undo = h->committed == f->head.committed;
    size_t n_bytes = h->window_bytes + (f->undo ? h->changes_bytes : 0);
    if (!buf_reserve(out, n_bytes)) {
        return WINDOW_FILE_NO_MEMORY;
    }
    bool whole =
        read_all(fd, out->at, n_bytes) &&
        (f->undo ? sum_on(0, changes_in(h, out->at)) == h->changes_sum : changes_are_whole(fd, h));
    out->len = whole ? n_bytes : 0;
    return WINDOW_FILE_OK;
}

static struct id_window_options options_of(struct window_file *f) {
    return (struct id_window_options){f->head.window_ms, &f->budget, f->heap, &f->tables.memory};
}

// The window as it was left, its table unchanged; f->window stays NULL when it cannot be had.
static enum window_file_result load(struct window_file *f, struct state_head *h,
                                    const struct buf *saved) {
    const struct id_window_options options = options_of(f);
    struct id_window_saved from = {.saved = {saved->at, h->window_bytes},
                                   .changes = f->undo ? changes_in(h, saved->at) : TEXT_NONE,
                                   .table_bytes = h->table_bytes};
    window_tables_init(&f->tables, &f->dir, h->table + 1, f->kept);
    from.table = window_tables_map(&f->tables, h->table, h->table_bytes, &h->left, &from.as_left);
    if (from.table == NULL) {
        return WINDOW_FILE_OK;
    }
    enum id_window_loaded loaded = id_window_load(&options, &from, &f->window);
    if (loaded != ID_WINDOW_LOADED) {
        f->tables.stay = true; // memory may be there the next time
        f->tables.memory.give(&f->tables, from.table, h->table_bytes);
        f->tables.stay = false;
        return loaded == ID_WINDOW_NO_MEMORY ? WINDOW_FILE_NO_MEMORY : WINDOW_FILE_OK;
    }
    return WINDOW_FILE_OK;
}

static enum window_file_result find_state(struct window_file *f) {
    char name[WINDOW_NAME_BYTES];
    struct state_head h;
    struct buf saved = {.heap = f->heap};
    window_dir_file(&f->dir, "state", name);
    int fd = openat(f->dir.fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) {
        return WINDOW_FILE_OK;
    }
    enum window_file_result result = read_state(f, fd, &h, &saved);
    close(fd);
    if (result == WINDOW_FILE_OK && saved.len > 0) {
        result = load(f, &h, &saved);
    }
    buf_free(&saved);
    return result;
}

static enum window_file_result out_of_memory(struct error *err) {
    error_set(err, ERROR_RETRIABLE, "out of memory for a dedupe window");
    return WINDOW_FILE_NO_MEMORY;
}

static enum window_file_result cannot_save(const struct window_file *f, struct error *err,
                                           int code) {
    char name[WINDOW_NAME_BYTES];
    window_dir_file(&f->dir, "state-new", name);
    (void)unlinkat(f->dir.fd, name, 0);
    error_set(err, ERROR_RETRIABLE, "cannot save a dedupe window in %s: %s", f->dir.path,
              strerror(code));
    return WINDOW_FILE_FAILED;
}

static enum window_file_result write_state(struct window_file *f, int64_t to, struct error *err) {
    char fresh[WINDOW_NAME_BYTES], name[WINDOW_NAME_BYTES];
    struct buf saved = {.heap = f->heap};
    window_dir_file(&f->dir, "state-new", fresh);
    window_dir_file(&f->dir, "state", name);
    id_window_save(f->window, &saved);
    if (saved.failed) {
        buf_free(&saved);
        return out_of_memory(err);
    }
    f->head.to = to;
    f->head.table = window_tables_number(&f->tables);
    f->head.table_bytes = id_window_facts(f->window).bytes;
    f->head.left = window_tables_leave(&f->tables);
    const struct text changes = id_window_changes(f->window);
    f->head.window_bytes = saved.len;
    f->head.changes_bytes = changes.len;
    f->head.changes_sum = sum_on(0, changes);
    f->head.sum = sum_of(&f->head);
    int fd = openat(f->dir.fd, fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    bool ok = fd >= 0 && write_all(fd, &f->head, sizeof f->head) &&
              write_all(fd, saved.at, saved.len) && write_all(fd, changes.at, changes.len);
    int code = errno;
    if (fd >= 0 && close(fd) != 0 && ok) {
        ok = false;
        code = errno;
    }
    buf_free(&saved);
    if (ok && renameat(f->dir.fd, fresh, f->dir.fd, name) != 0) {
        ok = false;
        code = errno;
    }
    return ok ? WINDOW_FILE_OK : cannot_save(f, err, code);
}

// --- Open and close

static void fill_head(struct state_head *h, const struct window_file_key *key,
                      int64_t committed_offset) {
    *h = (struct state_head){.partition = key->partition,
                             .lane = key->lane,
                             .window_ms = key->window_ms,
                             .committed = committed_offset};
    memcpy(h->magic, state_magic, sizeof h->magic);
    memcpy(h->topic_id, key->topic_id, strlen(key->topic_id));
    read_boot_id(h->boot_id);
}

// The state's file must be gone before the table changes.
static enum window_file_result begin_judging(struct window_file *f, struct id_window_start start,
                                             struct error *err) {
    char name[WINDOW_NAME_BYTES];
    window_dir_file(&f->dir, "state", name);
    if (unlinkat(f->dir.fd, name, 0) != 0 && errno != ENOENT) {
        error_set(err, ERROR_RETRIABLE, "cannot remove %s in %s: %s", name, f->dir.path,
                  strerror(errno));
        return WINDOW_FILE_FAILED;
    }
    if (f->window != NULL) {
        window_dir_clear(&f->dir, window_tables_number(&f->tables));
        (f->undo ? id_window_undo : id_window_keep)(f->window);
        return WINDOW_FILE_OK;
    }
    const struct id_window_options options = options_of(f);
    window_dir_clear(&f->dir, WINDOW_NO_TABLE);
    window_tables_init(&f->tables, &f->dir, 0, f->kept);
    f->window = id_window_new(&options, start);
    if (f->window == NULL && !window_file_refused(f, err)) {
        return out_of_memory(err);
    }
    return f->window != NULL ? WINDOW_FILE_OK : WINDOW_FILE_FAILED;
}

enum window_file_result window_file_open(const struct window_file_key *key,
                                         int64_t committed_offset, struct id_window_start start,
                                         int lock_wait_ms, struct window_file **out, bool *knows,
                                         struct error *err) {
    *out = NULL;
    *knows = false;
    struct window_file *f = heap_zalloc(key->heap, 1, sizeof *f);
    if (f == NULL) {
        return out_of_memory(err);
    }
    f->heap = key->heap;
    f->kept = key->kept;
    f->budget.max_bytes = key->max_bytes;
    enum window_file_result result = window_dir_open(&f->dir, key, lock_wait_ms, err);
    if (result == WINDOW_FILE_OK) {
        fill_head(&f->head, key, committed_offset);
        result = find_state(f);
        f->knew = f->window != NULL;
        result = result == WINDOW_FILE_OK ? begin_judging(f, start, err) : out_of_memory(err);
    }
    if (result != WINDOW_FILE_OK) {
        f->tables.stay = true;
        id_window_free(f->window);
        window_dir_close(&f->dir);
        heap_free(f->heap, f);
        return result;
    }
    *knows = f->knew;
    *out = f;
    return WINDOW_FILE_OK;
}

struct id_window *window_file_window(struct window_file *f) {
    return f->window;
}

bool window_file_refused(const struct window_file *f, struct error *err) {
    if (f->tables.refused.cls == ERROR_NONE) {
        return false;
    }
    *err = f->tables.refused;
    return true;
}

enum window_file_result window_file_save(struct window_file *f, int64_t to, struct error *err) {
    enum window_file_result result = write_state(f, to, err);
    f->saved = result == WINDOW_FILE_OK;
    return result;
}

void window_file_close(struct window_file *f) {
    if (f == NULL) {
        return;
    }
    struct error err;
    if (!f->saved && f->knew) {
        id_window_undo(f->window);
        f->saved = write_state(f, f->head.committed, &err) == WINDOW_FILE_OK;
    }
    f->tables.stay = f->saved;
    id_window_free(f->window);
    window_dir_close(&f->dir);
    heap_free(f->heap, f);
}
