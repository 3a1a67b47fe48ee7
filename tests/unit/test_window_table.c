// SPDX-License-Identifier: MIT
// Tables of entries in mapped files: whether one is still as it was left is known without reading
// it, by nothing that a writer could leave out.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kernel/window_table.h"
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TABLE_BYTES = 256 * 1024 };

struct place {
    char path[64];
    struct window_dir dir;
    struct window_kept *kept; // NULL: none is
    struct window_tables tables;
    void *table;
    char file[160]; // the table's
};

static void table_path(struct place *p) {
    char name[WINDOW_NAME_BYTES];
    window_dir_table(&p->dir, window_tables_number(&p->tables), name);
    snprintf(p->file, sizeof p->file, "%s/%s", p->path, name);
}

// A table with something in it.
static void make_table(struct place *p) {
    snprintf(p->path, sizeof p->path, "/tmp/salestide-tables-XXXXXX");
    assert_non_null(mkdtemp(p->path));
    p->dir = (struct window_dir){.fd = open(p->path, O_RDONLY | O_DIRECTORY), .name = "w"};
    assert_true(p->dir.fd >= 0);
    window_tables_init(&p->tables, &p->dir, 0, p->kept);
    p->table = p->tables.memory.take(&p->tables, TABLE_BYTES);
    assert_non_null(p->table);
    memset(p->table, 'x', TABLE_BYTES);
    table_path(p);
}

// As a task does at its end; p->table is gone then.
static struct window_left leave(struct place *p) {
    struct window_left left = window_tables_leave(&p->tables);
    p->tables.stay = true;
    p->tables.memory.give(&p->tables, p->table, TABLE_BYTES);
    p->tables.stay = false;
    return left;
}

static void map_again(struct place *p, const struct window_left *left, bool want) {
    bool as_left = !want;
    p->table = window_tables_map(&p->tables, 0, TABLE_BYTES, left, &as_left);
    assert_non_null(p->table);
    assert_int_equal(as_left, want);
}

static void drop_table(struct place *p) {
    p->tables.memory.give(&p->tables, p->table, TABLE_BYTES);
    close(p->dir.fd);
    assert_int_equal(rmdir(p->path), 0); // nothing else is there
}

static void a_table_that_nobody_touched_is_as_it_was_left_again_and_again(void **state) {
    (void)state;
    struct place p = {0};
    make_table(&p);
    for (int round = 0; round < 50; round++) {
        struct window_left left = leave(&p);
        assert_true(left.file != 0);
        map_again(&p, &left, true);
        assert_int_equal(((char *)p.table)[round], 'x');
        memset(p.table, 'x', TABLE_BYTES);
    }
    drop_table(&p);
}

// --- All that can become of it

static void write_the_same(struct place *p) {
    int fd = open(p->file, O_WRONLY);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, "x", 1, 5000), 1);
    close(fd);
}

static void write_by_mapping(struct place *p) {
    int fd = open(p->file, O_RDWR);
    char *at = mmap(NULL, TABLE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert_true(fd >= 0 && at != MAP_FAILED);
    at[70000] = 'y';
    munmap(at, TABLE_BYTES);
    close(fd);
}

static void put_time_back(const struct place *p, const struct stat *st) {
    const struct timespec times[2] = {st->st_atim, st->st_mtim};
    assert_int_equal(utimensat(AT_FDCWD, p->file, times, 0), 0);
}

static void write_and_put_the_time_back(struct place *p) {
    struct stat st;
    assert_int_equal(stat(p->file, &st), 0);
    usleep(20000); // the clock of files has ticks
    write_the_same(p);
    put_time_back(p, &st);
}

static void copy_over(struct place *p) {
    struct stat st;
    char fresh[200], *bytes = calloc(1, TABLE_BYTES);
    assert_non_null(bytes);
    assert_int_equal(stat(p->file, &st), 0);
    snprintf(fresh, sizeof fresh, "%s/fresh", p->path);
    int fd = open(fresh, O_WRONLY | O_CREAT, 0600);
    assert_int_equal(write(fd, bytes, TABLE_BYTES), TABLE_BYTES);
    close(fd);
    free(bytes);
    assert_int_equal(rename(fresh, p->file), 0);
    put_time_back(p, &st);
}

static void cut_and_grow(struct place *p) {
    assert_int_equal(truncate(p->file, 4096), 0);
    assert_int_equal(truncate(p->file, TABLE_BYTES), 0);
}

static void whatever_was_done_to_it_is_seen(void **state) {
    (void)state;
    void (*const ways[])(struct place *) = {write_the_same, write_by_mapping,
                                            write_and_put_the_time_back, copy_over, cut_and_grow};
    for (size_t i = 0; i < 2 * sizeof ways / sizeof *ways; i++) {
        struct place p = {.kept = i % 2 == 0 ? NULL : window_kept_new(NULL)};
        make_table(&p);
        struct window_left left = leave(&p);
        ways[i / 2](&p);
        map_again(&p, &left, false);
        drop_table(&p);
        window_kept_free(p.kept);
    }
}

// Within one tick of the clock that files have: a writer is seen however soon it comes.
static void a_write_right_after_it_was_left_is_seen(void **state) {
    (void)state;
    struct place p = {0};
    make_table(&p);
    for (int round = 0; round < 200; round++) {
        struct window_left left = leave(&p);
        write_the_same(&p);
        map_again(&p, &left, false);
    }
    drop_table(&p);
}

static void a_file_put_in_its_place_while_it_is_in_use_is_never_taken_for_it(void **state) {
    (void)state;
    struct place p = {0};
    make_table(&p);
    copy_over(&p);
    struct window_left left = leave(&p);
    assert_int_equal(left.file, 0);
    map_again(&p, &left, false);
    unlink(p.file); // it is gone, too
    left = leave(&p);
    assert_int_equal(left.file, 0);
    close(p.dir.fd);
    assert_int_equal(rmdir(p.path), 0);
}

static void of_another_size_it_is_no_table(void **state) {
    (void)state;
    struct place p = {0};
    make_table(&p);
    struct window_left left = leave(&p);
    bool as_left = true;
    assert_null(window_tables_map(&p.tables, 0, TABLE_BYTES / 2, &left, &as_left));
    assert_false(as_left);
    map_again(&p, &left, true);
    drop_table(&p);
}

// --- Mappings that are kept

static void the_next_one_of_the_same_file_has_the_mapping_of_the_last(void **state) {
    (void)state;
    struct place p = {.kept = window_kept_new(NULL)};
    assert_non_null(p.kept);
    make_table(&p);
    for (int round = 0; round < 5; round++) {
        void *before = p.table;
        struct window_left left = leave(&p);
        map_again(&p, &left, true);
        assert_ptr_equal(p.table, before);
        ((char *)p.table)[round] = 'z'; // no fault tells of it, and yet it shows
        struct window_left next = leave(&p);
        map_again(&p, &left, false);
        assert_ptr_equal(p.table, before);
        (void)leave(&p);
        assert_true(next.changed_ns != left.changed_ns || next.written_ns != left.written_ns);
        map_again(&p, &next, false);
    }
    drop_table(&p);
    window_kept_free(p.kept);
}

// Whether a file of the place is mapped at this address, and nowhere beyond these bytes: another
// mapping may be where one was.
static bool is_mapped(const struct place *p, const void *at, size_t bytes) {
    FILE *maps = fopen("/proc/self/maps", "r");
    assert_non_null(maps);
    char line[512];
    bool found = false;
    while (!found && fgets(line, sizeof line, maps) != NULL) {
        char *rest;
        uintptr_t from = strtoumax(line, &rest, 16);
        uintptr_t to = *rest == '-' ? strtoumax(rest + 1, &rest, 16) : 0;
        found = from == (uintptr_t)at && to - from == bytes && strstr(rest, p->path) != NULL;
    }
    fclose(maps);
    return found;
}

static void another_file_never_has_it_and_ends_it(void **state) {
    (void)state;
    struct place p = {.kept = window_kept_new(NULL)};
    make_table(&p);
    void *before = p.table;
    struct window_left left = leave(&p);
    assert_true(is_mapped(&p, before, TABLE_BYTES));
    copy_over(&p);
    bool as_left;
    p.table = window_tables_map(&p.tables, 0, TABLE_BYTES, &left, &as_left);
    assert_non_null(p.table);
    assert_int_equal(((char *)p.table)[7], 0); // what is in the file now
    (void)leave(&p);
    before = p.table;
    assert_true(is_mapped(&p, before, TABLE_BYTES));
    p.table = p.tables.memory.take(&p.tables, TABLE_BYTES * 4); // a new one
    assert_non_null(p.table);
    assert_false(is_mapped(&p, before, TABLE_BYTES));
    assert_true(is_mapped(&p, p.table, TABLE_BYTES * 4));
    p.tables.memory.give(&p.tables, p.table, TABLE_BYTES * 4);
    assert_false(is_mapped(&p, p.table, TABLE_BYTES * 4));
    unlink(p.file);
    close(p.dir.fd);
    assert_int_equal(rmdir(p.path), 0);
    window_kept_free(p.kept);
}

// Each thread has a table of its own, all of them one place to keep a mapping.
static void *leave_and_map(void *shared) {
    struct place p = {.kept = shared};
    make_table(&p);
    for (int round = 0; round < 200; round++) {
        memset(p.table, round, TABLE_BYTES / 8);
        struct window_left left = leave(&p);
        map_again(&p, &left, true);
        assert_int_equal(((char *)p.table)[TABLE_BYTES / 8 - 1], (char)round);
    }
    drop_table(&p);
    return NULL;
}

static void threads_never_have_each_others(void **state) {
    (void)state;
    struct window_kept *kept = window_kept_new(NULL);
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, leave_and_map, kept), 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    window_kept_free(kept);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_table_that_nobody_touched_is_as_it_was_left_again_and_again),
        cmocka_unit_test(whatever_was_done_to_it_is_seen),
        cmocka_unit_test(a_write_right_after_it_was_left_is_seen),
        cmocka_unit_test(a_file_put_in_its_place_while_it_is_in_use_is_never_taken_for_it),
        cmocka_unit_test(of_another_size_it_is_no_table),
        cmocka_unit_test(the_next_one_of_the_same_file_has_the_mapping_of_the_last),
        cmocka_unit_test(another_file_never_has_it_and_ends_it),
        cmocka_unit_test(threads_never_have_each_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
