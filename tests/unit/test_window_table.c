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
    window_tables_init(&p->tables, &p->dir, 0);
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
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        struct place p = {0};
        make_table(&p);
        struct window_left left = leave(&p);
        ways[i](&p);
        map_again(&p, &left, false);
        drop_table(&p);
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_table_that_nobody_touched_is_as_it_was_left_again_and_again),
        cmocka_unit_test(whatever_was_done_to_it_is_seen),
        cmocka_unit_test(a_write_right_after_it_was_left_is_seen),
        cmocka_unit_test(a_file_put_in_its_place_while_it_is_in_use_is_never_taken_for_it),
        cmocka_unit_test(of_another_size_it_is_no_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
