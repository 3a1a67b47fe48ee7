// SPDX-License-Identifier: MIT
// Windows of identities on the disk: what the next task finds, whatever became of the one before.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kernel/window_file.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "id_window_model.h"
#include "refusing_heap.h"

static char directory[64];

static struct window_file_key key_of(void) {
    return (struct window_file_key){.directory = directory,
                                    .topic_id = "0f8fad5b-d9cb-469f-a165-70867728950e",
                                    .partition = 3,
                                    .lane = 7,
                                    .window_ms = WINDOW_MS,
                                    .max_bytes = 1 << 20};
}

static int make_directory(void **state) {
    (void)state;
    snprintf(directory, sizeof directory, "/tmp/salestide-window-XXXXXX");
    return mkdtemp(directory) == NULL ? -1 : 0;
}

typedef void (*file_fn)(const char *path);
// Of all files whose name has this in it; how many they were.
static int each_file(const char *part, file_fn fn) {
    DIR *list = opendir(directory);
    int n = 0;
    assert_non_null(list);
    for (struct dirent *e; (e = readdir(list)) != NULL;) {
        char path[400];
        snprintf(path, sizeof path, "%s/%s", directory, e->d_name);
        if (e->d_name[0] != '.' && strstr(e->d_name, part) != NULL) {
            n++;
            if (fn != NULL) {
                fn(path);
            }
        }
    }
    closedir(list);
    return n;
}

static void remove_file(const char *path) {
    assert_int_equal(unlink(path), 0);
}

static int remove_directory(void **state) {
    (void)state;
    each_file("", remove_file);
    return rmdir(directory);
}

static struct window_file *open_file(const struct window_file_key *key, int64_t committed,
                                     bool *knows) {
    struct window_file *f;
    struct error err;
    if (window_file_open(key, committed, (struct id_window_start){0, 0}, 0, &f, knows, &err) !=
        WINDOW_FILE_OK) {
        fail_msg("%s", err.text);
    }
    return f;
}

static struct window_file *open_knowing(int64_t committed, bool want) {
    const struct window_file_key key = key_of();
    bool knows;
    struct window_file *f = open_file(&key, committed, &knows);
    assert_int_equal(knows, want);
    return f;
}

static void save(struct window_file *f, int64_t to) {
    struct error err;
    if (window_file_save(f, to, &err) != WINDOW_FILE_OK) {
        fail_msg("%s", err.text);
    }
}

// Messages from .. to - 1, each with an identity of its own number; what is said of them.
static void judge(struct window_file *f, int64_t from, int64_t to, enum known_as want) {
    struct id_window *w = window_file_window(f);
    for (int64_t i = from; i < to; i++) {
        struct order_digest d = digest_of((uint64_t)i, 0);
        enum known_as have = known_of(w, &d, i, 1000);
        assert_int_equal(have, want);
        if (have == KNOWN_NEW) {
            assert_true(id_window_add(w, &d));
        }
    }
}

// Whether these are known, without another message.
static void expect(struct window_file *f, int64_t from, int64_t to, enum known_as want) {
    for (int64_t i = from; i < to; i += 7) {
        struct order_digest d = digest_of((uint64_t)i, 0);
        assert_int_equal(known_of(window_file_window(f), &d, -1, 0), want);
    }
}

// A task that judged 0 .. to - 1 and saved that; nothing is committed yet.
static void first_task(int64_t to) {
    struct window_file *f = open_knowing(0, false);
    judge(f, 0, to, KNOWN_NEW);
    save(f, to);
    window_file_close(f);
}

// --- The way that it should go

static void the_next_task_goes_on_when_the_last_was_committed(void **state) {
    (void)state;
    first_task(10000); // its table grows
    struct window_file *f = open_knowing(10000, true);
    expect(f, 0, 10000, KNOWN_SAME);
    judge(f, 10000, 12000, KNOWN_NEW);
    save(f, 12000);
    window_file_close(f);
    f = open_knowing(12000, true);
    expect(f, 0, 12000, KNOWN_SAME);
    expect(f, 12000, 12100, KNOWN_NEW);
    window_file_close(f);
    assert_int_equal(each_file("", NULL), 3); // its lock, its state, one table
}

static void a_batch_that_was_not_committed_is_judged_again_and_again(void **state) {
    (void)state;
    first_task(1000);
    for (int again = 0; again < 3; again++) {
        struct window_file *f = open_knowing(1000, true);
        expect(f, 0, 1000, KNOWN_SAME);
        judge(f, 1000, 9000, KNOWN_NEW);
        expect(f, 0, 9000, KNOWN_SAME);
        save(f, 9000);
        window_file_close(f);
    }
    struct window_file *f = open_knowing(9000, true);
    expect(f, 0, 9000, KNOWN_SAME);
    window_file_close(f);
}

static void a_task_that_gave_up_leaves_it_as_it_was(void **state) {
    (void)state;
    first_task(1000);
    for (int again = 0; again < 2; again++) {
        struct window_file *f = open_knowing(1000, true);
        judge(f, 1000, 9000, KNOWN_NEW);
        window_file_close(f);
    }
    struct window_file *f = open_knowing(1000, true);
    expect(f, 0, 1000, KNOWN_SAME);
    expect(f, 1000, 9000, KNOWN_NEW);
    window_file_close(f);
}

static void history_that_was_not_read_to_its_end_is_not_kept(void **state) {
    (void)state;
    struct window_file *f = open_knowing(5000, false);
    for (int64_t i = 0; i < 100; i++) {
        struct order_digest d = digest_of((uint64_t)i, 0);
        assert_true(id_window_remember(window_file_window(f), &d, i, 1000));
    }
    window_file_close(f);
    f = open_knowing(5000, false);
    expect(f, 0, 100, KNOWN_NEW);
    window_file_close(f);
}

static void another_committed_offset_finds_nothing(void **state) {
    (void)state;
    first_task(1000);
    struct window_file *f = open_knowing(999, false);
    expect(f, 0, 1000, KNOWN_NEW);
    window_file_close(f);
}

// --- Who has it

static enum window_file_result try_open(const struct window_file_key *key, int wait_ms,
                                        struct error *err) {
    struct window_file *f;
    bool knows;
    enum window_file_result result =
        window_file_open(key, 0, (struct id_window_start){0, 0}, wait_ms, &f, &knows, err);
    window_file_close(f);
    return result;
}

static void two_at_once_is_one_too_many(void **state) {
    (void)state;
    struct window_file_key key = key_of();
    struct error err;
    struct window_file *f = open_knowing(0, false);
    assert_int_equal(try_open(&key, 0, &err), WINDOW_FILE_BUSY);
    assert_int_equal(try_open(&key, 30, &err), WINDOW_FILE_BUSY);
    assert_int_equal(err.cls, ERROR_RETRIABLE);
    assert_non_null(strstr(err.text, directory));
    key.partition = 4; // another partition is another window
    assert_int_equal(try_open(&key, 0, &err), WINDOW_FILE_OK);
    window_file_close(f);
    key.partition = 3;
    assert_int_equal(try_open(&key, 0, &err), WINDOW_FILE_OK);
}

static void whoever_waits_has_it_when_the_other_ends(void **state) {
    (void)state;
    const struct window_file_key key = key_of();
    struct error err;
    int ready[2];
    char c;
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        struct window_file *f;
        bool knows;
        if (window_file_open(&key, 0, (struct id_window_start){0, 0}, 0, &f, &knows, &err) !=
                WINDOW_FILE_OK ||
            write(ready[1], "x", 1) != 1) {
            _exit(1);
        }
        usleep(100000);
        _exit(0);
    }
    assert_int_equal(read(ready[0], &c, 1), 1);
    assert_int_equal(try_open(&key, 30000, &err), WINDOW_FILE_OK);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    close(ready[0]);
    close(ready[1]);
}

static void windows_that_nobody_needs_are_removed(void **state) {
    (void)state;
    struct window_file_key key = key_of();
    first_task(100);
    key.lane = 8; // the same partition, with another lane
    bool knows;
    struct window_file *f = open_file(&key, 0, &knows);
    assert_int_equal(each_file("-l7-", NULL), 0);
    key.window_ms = 5000; // and with another window; the one before is held
    window_file_close(open_file(&key, 0, &knows));
    assert_int_equal(each_file("-l8-w100000-", NULL), 2);
    window_file_close(f);
    window_file_close(open_file(&key, 0, &knows));
    assert_int_equal(each_file("-l8-w100000-", NULL), 0);
}

static void make_old(const char *path) {
    time_t now = time(NULL);
    const struct timespec at[2] = {{now - 100000, 0}, {now - 100000, 0}};
    assert_int_equal(utimensat(AT_FDCWD, path, at, 0), 0);
}

static void other_windows_are_removed_when_they_were_not_used_for_a_day(void **state) {
    (void)state;
    struct window_file_key other = key_of();
    bool knows;
    first_task(100);
    other.topic_id = "of another topic";
    window_file_close(open_file(&other, 0, &knows));
    assert_int_equal(each_file("-l7-", NULL), 4); // both: the topic may be another one
    each_file(".lock", make_old);
    other.partition = 5;
    struct window_file *held = open_file(&other, 0, &knows); // removes both
    assert_int_equal(each_file("p3-", NULL), 0);
    each_file(".lock", make_old);
    first_task(100);
    assert_int_equal(each_file("p5-", NULL), 2); // old, but somebody has it
    window_file_close(held);
    char path[128];
    snprintf(path, sizeof path, "%s/p9-of-somebody-else.lock", directory);
    close(open(path, O_CREAT | O_WRONLY, 0600));
    each_file(".lock", make_old);
    window_file_close(open_knowing(100, true));
    assert_int_equal(each_file("p5-", NULL), 0);
    assert_int_equal(each_file("somebody-else", NULL), 1);
}

// --- Death

// What the aggregates would tell: shared with a child.
struct shared {
    _Atomic int64_t committed;
};
enum { PER_TASK = 1500, TASKS = 25 };

static void run_tasks(struct shared *shared) {
    const struct window_file_key key = key_of();
    for (int i = 0; i < TASKS; i++) {
        struct window_file *f;
        struct error err;
        bool knows;
        int64_t from = shared->committed;
        if (window_file_open(&key, from, (struct id_window_start){0, 0}, 0, &f, &knows, &err) !=
                WINDOW_FILE_OK ||
            knows != (i > 0)) {
            _exit(1);
        }
        for (int64_t at = from; at < from + PER_TASK; at++) {
            struct order_digest d = digest_of((uint64_t)at, 0);
            enum known_as as;
            if (!id_window_known(window_file_window(f), &d, at, 1000, &as) || as != KNOWN_NEW ||
                !id_window_add(window_file_window(f), &d)) {
                _exit(1);
            }
        }
        if (window_file_save(f, from + PER_TASK, &err) != WINDOW_FILE_OK) {
            _exit(1);
        }
        window_file_close(f);
        shared->committed = from + PER_TASK;
    }
    pause();
}

// Killed at any moment, the next task finds all of it or nothing.
static void kills_leave_all_or_nothing(void **state) {
    (void)state;
    const struct window_file_key key = key_of();
    struct shared *shared =
        mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(shared != MAP_FAILED);
    int n_known = 0, n_empty = 0;
    for (uint64_t round = 0; round < 100; round++) {
        each_file("", remove_file);
        shared->committed = 0;
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            run_tasks(shared);
            _exit(1);
        }
        int64_t wait_for = (int64_t)(hash_u64(round) % TASKS) * PER_TASK;
        for (int i = 0; i < 100000 && shared->committed < wait_for; i++) {
            usleep(100);
        }
        usleep((useconds_t)(hash_u64(round + 1000) % 2000)); // somewhere in a task, or at the end
        kill(child, SIGKILL);
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
        bool knows;
        int64_t committed = shared->committed;
        struct window_file *f = open_file(&key, committed, &knows);
        expect(f, 0, committed, knows ? KNOWN_SAME : KNOWN_NEW);
        expect(f, committed, committed + PER_TASK, KNOWN_NEW);
        window_file_close(f);
        n_known += knows;
        n_empty += !knows;
    }
    print_message("after a kill: %d times all, %d times nothing\n", n_known, n_empty);
    munmap(shared, sizeof *shared);
}

static void killed_while_it_judged_the_next_begins_empty(void **state) {
    (void)state;
    int ready[2];
    char c;
    first_task(1000);
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct window_file *f = open_knowing(1000, true);
        judge(f, 1000, 1500, KNOWN_NEW);
        assert_int_equal(write(ready[1], "x", 1), 1);
        pause();
        _exit(1);
    }
    assert_int_equal(read(ready[0], &c, 1), 1);
    assert_int_equal(each_file(".state", NULL), 0);
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, NULL, 0), child);
    struct window_file *f = open_knowing(1000, false);
    expect(f, 0, 1500, KNOWN_NEW);
    window_file_close(f);
    close(ready[0]);
    close(ready[1]);
}

// --- Files that are not to be trusted

struct content {
    char path[400];
    char *at;
    size_t len;
};
static struct content state_file, table_file;

static void read_content(struct content *c, const char *path) {
    struct stat st;
    int fd = open(path, O_RDONLY);
    assert_true(fd >= 0 && fstat(fd, &st) == 0);
    snprintf(c->path, sizeof c->path, "%s", path);
    c->len = (size_t)st.st_size;
    c->at = malloc(c->len + 1);
    assert_non_null(c->at);
    assert_int_equal(read(fd, c->at, c->len), (ssize_t)c->len);
    close(fd);
}
static void read_state_file(const char *path) {
    read_content(&state_file, path);
}
static void read_table_file(const char *path) {
    read_content(&table_file, path);
}

static void put_back(const struct content *c, size_t len) {
    int fd = open(c->path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, c->at, len), (ssize_t)len);
    close(fd);
}

static void remember_files(void) {
    assert_int_equal(each_file(".state", read_state_file), 1);
    assert_int_equal(each_file(".table", read_table_file), 1);
}
static void forget_files(void) {
    free(state_file.at);
    free(table_file.at);
}

// The state of a first task of 100 as it is in state_file, with the table as it was.
static void expect_trust(bool trust) {
    put_back(&state_file, state_file.len);
    put_back(&table_file, table_file.len);
    struct window_file *f = open_knowing(100, trust);
    expect(f, 0, 100, trust ? KNOWN_SAME : KNOWN_NEW);
    window_file_close(f);
}

static void a_state_that_was_damaged_is_not_trusted(void **state) {
    (void)state;
    first_task(100);
    remember_files();
    expect_trust(true);
    for (size_t i = 0; i < state_file.len; i++) {
        state_file.at[i] ^= 1;
        expect_trust(false);
        state_file.at[i] ^= 1;
    }
    size_t len = state_file.len;
    for (; state_file.len > 0; state_file.len -= state_file.len > 30 ? 29 : 1) {
        if (state_file.len < len) {
            expect_trust(false);
        }
    }
    state_file.len = len;
    expect_trust(true);
    // For a batch that was not committed, which is undone by what the state tells.
    for (size_t i = 0; i < state_file.len; i += i < 300 ? 1 : 11) {
        state_file.at[i] ^= 1;
        put_back(&state_file, state_file.len);
        put_back(&table_file, table_file.len);
        struct window_file *f = open_knowing(0, false);
        expect(f, 0, 100, KNOWN_NEW);
        window_file_close(f);
        state_file.at[i] ^= 1;
    }
    forget_files();
}

// Where struct state_head has them.
enum { AT_BOOT_ID = 8, AT_SUM = 192 };

// With a sum that is right.
static void seal_state(void) {
    uint64_t sum = hash_bytes(state_file.at, AT_SUM, 0);
    memcpy(state_file.at + AT_SUM, &sum, sizeof sum);
}

static void a_state_of_another_version_is_not_trusted(void **state) {
    (void)state;
    first_task(100);
    remember_files();
    assert_memory_equal(state_file.at, "WINDOW 2", 8);
    state_file.at[7] = '1';
    seal_state();
    expect_trust(false);
    state_file.at[7] = '2';
    seal_state();
    expect_trust(true);
    forget_files();
}

static void after_a_reboot_nothing_is_trusted(void **state) {
    (void)state;
    first_task(100);
    remember_files();
    assert_true(state_file.at[AT_BOOT_ID] != '\0'); // this machine has one
    for (int other = 0; other < 2; other++) {
        char *boot_id = state_file.at + AT_BOOT_ID;
        boot_id[0] = boot_id[0] == 'a' ? 'b' : 'a';
        if (other == 1) {
            memset(boot_id, 0, 36); // it was not to be had
        }
        seal_state();
        expect_trust(false);
    }
    forget_files();
}

static void a_table_that_is_not_the_one_that_was_left_is_not_trusted(void **state) {
    (void)state;
    first_task(100);
    remember_files();
    size_t len = table_file.len;
    table_file.len = len / 2;
    expect_trust(false);
    table_file.len = 0;
    expect_trust(false);
    table_file.len = len;
    expect_trust(true);
    put_back(&state_file, state_file.len); // the table is gone
    each_file(".table", remove_file);
    window_file_close(open_knowing(100, false));
    put_back(&state_file, state_file.len); // a table with holes is as good as an empty one
    put_back(&table_file, 0);
    assert_int_equal(truncate(table_file.path, (off_t)len), 0);
    window_file_close(open_knowing(100, false));
    memset(table_file.at, 0xff, len);
    expect_trust(false);
    forget_files();
}

// One entry of a large table is no longer what was left, whatever the file's time says of that: a
// table is read unless nobody can have written into it.
static void a_table_that_somebody_wrote_into_is_not_trusted(void **state) {
    (void)state;
    enum { N = 30000, WAYS = 3 };
    for (int way = 0; way < WAYS; way++) {
        each_file("", remove_file);
        first_task(N);
        remember_files();
        struct stat st;
        assert_int_equal(stat(table_file.path, &st), 0);
        size_t at = table_file.len / 2 / 16 * 16 + 8; // the second word of an entry
        while (table_file.at[at] == 0) {
            at += 16;
        }
        int fd = open(table_file.path, O_RDWR);
        assert_true(fd >= 0);
        if (way == 1) {
            char *mapped = mmap(NULL, table_file.len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
            assert_true(mapped != MAP_FAILED);
            memset(mapped + at, 0, 8);
            munmap(mapped, table_file.len);
        } else {
            assert_int_equal(pwrite(fd, "\0\0\0\0\0\0\0\0", 8, (off_t)at), 8);
        }
        if (way == 2) {
            const struct timespec times[2] = {st.st_atim, st.st_mtim};
            assert_int_equal(futimens(fd, times), 0);
        }
        close(fd);
        struct window_file *f = open_knowing(N, false);
        expect(f, 0, N, KNOWN_NEW);
        window_file_close(f);
        forget_files();
    }
}

static void a_disk_that_was_emptied_is_a_beginning(void **state) {
    (void)state;
    first_task(100);
    each_file("", remove_file);
    assert_int_equal(rmdir(directory), 0);
    window_file_close(open_knowing(100, false));
}

static void names_that_are_something_else_are_an_error_or_a_beginning(void **state) {
    (void)state;
    struct window_file_key key = key_of();
    struct error err;
    first_task(100);
    remember_files();
    remove_file(state_file.path);
    assert_int_equal(symlink("/etc/passwd", state_file.path), 0);
    window_file_close(open_knowing(100, false));
    assert_int_equal(mkfifo(state_file.path, 0600), 0);
    window_file_close(open_knowing(100, false));
    forget_files();
    key.directory = "/dev/null/windows";
    assert_int_equal(try_open(&key, 0, &err), WINDOW_FILE_FAILED);
    assert_non_null(strstr(err.text, "/dev/null/windows"));
    key = key_of();
    key.topic_id = "a topic's id that is longer than a UUID can be";
    assert_int_equal(try_open(&key, 0, &err), WINDOW_FILE_FAILED);
    assert_int_equal(err.cls, ERROR_USAGE);
}

// --- What is refused

// As a disk that is full: no file may be larger.
static struct rlimit limit_files(rlim_t n_bytes) {
    struct rlimit was;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
    const struct rlimit now = {n_bytes, was.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &now), 0);
    return was;
}

static void without_room_for_a_table_there_is_none(void **state) {
    (void)state;
    const struct window_file_key key = key_of();
    struct error err;
    struct rlimit was = limit_files(50000);
    assert_int_equal(try_open(&key, 0, &err), WINDOW_FILE_FAILED);
    assert_non_null(strstr(err.text, strerror(EFBIG)));
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
    assert_int_equal(each_file("", NULL), 1); // the lock
}

static void without_room_for_a_larger_table_the_task_fails_and_nothing_is_lost(void **state) {
    (void)state;
    first_task(1000);
    struct window_file *f = open_knowing(1000, true);
    struct error err;
    assert_false(window_file_refused(f, &err));
    struct rlimit was = limit_files(70000);
    bool ok = true;
    int64_t i = 1000;
    for (; ok && i < 9000; i++) {
        struct order_digest d = digest_of((uint64_t)i, 0);
        assert_int_equal(known_of(window_file_window(f), &d, i, 1000), KNOWN_NEW);
        ok = id_window_add(window_file_window(f), &d);
    }
    assert_false(ok);
    assert_true(window_file_refused(f, &err));
    assert_non_null(strstr(err.text, strerror(EFBIG)));
    window_file_close(f);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
    f = open_knowing(1000, true);
    expect(f, 0, 1000, KNOWN_SAME);
    expect(f, 1000, 9000, KNOWN_NEW);
    window_file_close(f);
}

static void without_room_for_the_state_it_is_as_before_the_task(void **state) {
    (void)state;
    first_task(100);
    struct window_file *f = open_knowing(100, true);
    struct error err;
    judge(f, 100, 3000, KNOWN_NEW); // 24 bytes of undo for each
    struct rlimit was = limit_files(60000);
    assert_int_equal(window_file_save(f, 3000, &err), WINDOW_FILE_FAILED);
    assert_int_equal(err.cls, ERROR_RETRIABLE);
    assert_non_null(strstr(err.text, strerror(EFBIG)));
    window_file_close(f);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
    f = open_knowing(100, true);
    expect(f, 0, 100, KNOWN_SAME);
    expect(f, 100, 3000, KNOWN_NEW);
    window_file_close(f);
}

static bool saved(struct window_file *f, int64_t to) {
    struct error err;
    enum window_file_result result = window_file_save(f, to, &err);
    assert_true(result == WINDOW_FILE_OK || result == WINDOW_FILE_NO_MEMORY);
    return result == WINDOW_FILE_OK;
}

// Three tasks; false when memory was refused to one.
static bool tasks_with_refusals(const struct mem_heap *heap) {
    struct window_file_key key = key_of();
    key.heap = heap;
    bool ok = true;
    each_file("", remove_file);
    for (int task = 0; ok && task < 3; task++) {
        struct window_file *f;
        struct error err;
        bool knows;
        int64_t from = task * 2000;
        enum window_file_result result =
            window_file_open(&key, from, (struct id_window_start){0, 0}, 0, &f, &knows, &err);
        assert_true(result == WINDOW_FILE_OK || result == WINDOW_FILE_NO_MEMORY);
        ok = result == WINDOW_FILE_OK;
        assert_true(!ok || knows == (task > 0));
        for (int64_t i = from; ok && i < from + 2000; i++) {
            struct order_digest d = digest_of((uint64_t)i, 0);
            enum known_as as = KNOWN_NEW;
            ok = id_window_known(window_file_window(f), &d, i, 1000, &as) &&
                 id_window_add(window_file_window(f), &d);
            assert_int_equal(as, KNOWN_NEW);
        }
        assert_true(f == NULL || !window_file_refused(f, &err));
        ok = ok && saved(f, from + 2000);
        window_file_close(f);
    }
    return ok;
}

static void every_allocation_may_be_refused(void **state) {
    (void)state;
    sweep_heap(tasks_with_refusals, 15);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_directory, remove_directory)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(the_next_task_goes_on_when_the_last_was_committed),
        TEST(a_batch_that_was_not_committed_is_judged_again_and_again),
        TEST(a_task_that_gave_up_leaves_it_as_it_was),
        TEST(history_that_was_not_read_to_its_end_is_not_kept),
        TEST(another_committed_offset_finds_nothing),
        TEST(two_at_once_is_one_too_many),
        TEST(whoever_waits_has_it_when_the_other_ends),
        TEST(windows_that_nobody_needs_are_removed),
        TEST(other_windows_are_removed_when_they_were_not_used_for_a_day),
        TEST(kills_leave_all_or_nothing),
        TEST(killed_while_it_judged_the_next_begins_empty),
        TEST(a_state_that_was_damaged_is_not_trusted),
        TEST(a_state_of_another_version_is_not_trusted),
        TEST(after_a_reboot_nothing_is_trusted),
        TEST(a_table_that_is_not_the_one_that_was_left_is_not_trusted),
        TEST(a_table_that_somebody_wrote_into_is_not_trusted),
        TEST(a_disk_that_was_emptied_is_a_beginning),
        TEST(names_that_are_something_else_are_an_error_or_a_beginning),
        TEST(without_room_for_a_table_there_is_none),
        TEST(without_room_for_a_larger_table_the_task_fails_and_nothing_is_lost),
        TEST(without_room_for_the_state_it_is_as_before_the_task),
        TEST(every_allocation_may_be_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
