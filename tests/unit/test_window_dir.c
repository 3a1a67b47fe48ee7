// SPDX-License-Identifier: MIT
// The windows' directory: it is used when it is the process's user's alone, and else nothing in it
// is read, made or changed.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kernel/window_dir.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_BYTES = 64, NOBODY = 65534 };
static char place[PATH_BYTES]; // where the directory is made

static const char *path_of(const char *name) {
    static char path[PATH_BYTES + WINDOW_NAME_BYTES + 16];
    snprintf(path, sizeof path, "%s/%s", place, name);
    return path;
}

static enum window_file_result try_open(struct window_dir *d, const char *path, struct error *err) {
    const struct window_file_key key = {
        .directory = path, .topic_id = "x", .partition = 3, .window_ms = 1000};
    return window_dir_open(d, &key, 0, err);
}

static void expect_use(const char *path, struct window_dir *d) {
    struct error err;
    if (try_open(d, path, &err) != WINDOW_FILE_OK) {
        fail_msg("%s", err.text);
    }
    window_dir_close(d);
}

// The line tells where, why and what to do.
static void expect_refusal(const char *path, const char *why) {
    struct window_dir d;
    struct error err;
    assert_int_equal(try_open(&d, path, &err), WINDOW_FILE_FAILED);
    assert_true(d.fd == -1 && d.lock_fd == -1);
    assert_int_equal(err.cls, ERROR_FATAL);
    assert_non_null(strstr(err.text, path));
    assert_non_null(strstr(err.text, why));
    assert_non_null(strstr(err.text, "--window-dir"));
}

static int make_place(void **state) {
    (void)state;
    snprintf(place, sizeof place, "/tmp/salestide-window-dir-XXXXXX");
    return mkdtemp(place) == NULL ? -1 : 0;
}

static int remove_place(void **state) {
    (void)state;
    return rmdir(place);
}

// Of a window that was opened once there is its lock.
static void remove_windows(const struct window_dir *d) {
    char lock[WINDOW_NAME_BYTES], name[WINDOW_NAME_BYTES + 16];
    window_dir_file(d, "lock", lock);
    snprintf(name, sizeof name, "windows/%s", lock);
    assert_int_equal(unlink(path_of(name)), 0);
    assert_int_equal(rmdir(path_of("windows")), 0);
}

static void one_that_is_made_is_its_owners_alone(void **state) {
    (void)state;
    struct window_dir d;
    struct stat st;
    mode_t was = umask(0);
    expect_use(path_of("windows"), &d);
    umask(was);
    assert_int_equal(stat(path_of("windows"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_int_equal(st.st_uid, geteuid());
    expect_use(path_of("windows"), &d); // and is found again
    expect_use(path_of("windows//"), &d);
    remove_windows(&d);
}

static void a_symbolic_link_is_refused(void **state) {
    (void)state;
    const char *const to[] = {"there", "nowhere"};
    assert_int_equal(mkdir(path_of("there"), 0700), 0);
    for (size_t i = 0; i < sizeof to / sizeof *to; i++) {
        assert_int_equal(symlink(to[i], path_of("windows")), 0);
        expect_refusal(path_of("windows"), "symbolic link");
        expect_refusal(path_of("windows//"), "symbolic link");
        assert_int_equal(unlink(path_of("windows")), 0);
    }
    assert_int_equal(access(path_of("nowhere"), F_OK), -1);
    assert_int_equal(rmdir(path_of("there")), 0); // nothing is in it
}

static void one_that_others_may_look_or_write_into_is_refused_and_stays_as_it_is(void **state) {
    (void)state;
    static const struct {
        mode_t mode;
        const char *why;
    } rows[] = {{0755, "of mode 0755: chmod 700"}, {0750, "of mode 0750: chmod 700"},
                {0711, "of mode 0711: chmod 700"}, {0770, "of mode 0770: empty it and chmod 700"},
                {0720, "of mode 0720: empty it"},  {0702, "of mode 0702: empty it"},
                {01777, "of mode 1777: empty it"}, {0777, "of mode 0777: empty it"}};
    struct window_dir d;
    struct stat st;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(mkdir(path_of("windows"), 0700), 0);
        assert_int_equal(chmod(path_of("windows"), rows[i].mode), 0);
        expect_refusal(path_of("windows"), rows[i].why);
        assert_int_equal(stat(path_of("windows"), &st), 0);
        assert_int_equal(st.st_mode & 07777, rows[i].mode);
        assert_int_equal(rmdir(path_of("windows")), 0); // nothing is in it
    }
    assert_int_equal(mkdir(path_of("windows"), 0755), 0);
    assert_int_equal(chmod(path_of("windows"), 0700), 0); // as the line says
    expect_use(path_of("windows"), &d);
    remove_windows(&d);
}

// Root makes one; anybody else finds one that is root's.
static void one_of_another_user_is_refused(void **state) {
    (void)state;
    if (geteuid() != 0) {
        expect_refusal("/", "another user");
        return;
    }
    assert_int_equal(mkdir(path_of("windows"), 0700), 0);
    assert_int_equal(chown(path_of("windows"), NOBODY, (gid_t)-1), 0);
    expect_refusal(path_of("windows"), "another user (uid 65534, not 0)");
    assert_int_equal(rmdir(path_of("windows")), 0); // nothing is in it
}

static void a_file_is_no_directory(void **state) {
    (void)state;
    struct window_dir d;
    struct error err;
    FILE *f = fopen(path_of("windows"), "w");
    assert_non_null(f);
    fclose(f);
    assert_int_equal(try_open(&d, path_of("windows"), &err), WINDOW_FILE_FAILED);
    assert_non_null(strstr(err.text, "Not a directory"));
    assert_int_equal(unlink(path_of("windows")), 0);
}

static void a_path_longer_than_there_can_be_is_an_error(void **state) {
    (void)state;
    struct window_dir d;
    struct error err;
    char path[5000];
    memset(path, 'x', sizeof path);
    path[sizeof path - 1] = '\0';
    assert_int_equal(try_open(&d, path, &err), WINDOW_FILE_FAILED);
    assert_non_null(strstr(err.text, "File name too long"));
}

static void a_link_in_the_place_of_a_lock_is_not_followed(void **state) {
    (void)state;
    struct window_dir d;
    struct error err;
    char lock[WINDOW_NAME_BYTES], name[WINDOW_NAME_BYTES + 16];
    expect_use(path_of("windows"), &d);
    window_dir_file(&d, "lock", lock);
    snprintf(name, sizeof name, "windows/%s", lock);
    assert_int_equal(unlink(path_of(name)), 0);
    assert_int_equal(symlink("../elsewhere", path_of(name)), 0);
    assert_int_equal(try_open(&d, path_of("windows"), &err), WINDOW_FILE_FAILED);
    assert_int_equal(access(path_of("elsewhere"), F_OK), -1);
    remove_windows(&d);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_place, remove_place)
int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(one_that_is_made_is_its_owners_alone),
        TEST(a_symbolic_link_is_refused),
        TEST(one_that_others_may_look_or_write_into_is_refused_and_stays_as_it_is),
        TEST(one_of_another_user_is_refused),
        TEST(a_file_is_no_directory),
        TEST(a_path_longer_than_there_can_be_is_an_error),
        TEST(a_link_in_the_place_of_a_lock_is_not_followed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
