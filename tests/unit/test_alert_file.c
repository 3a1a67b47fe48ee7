// SPDX-License-Identifier: MIT
// The file of rules: read with its mistakes named, replaced as a whole or not at all.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "alerts/alert_file.h"
#include "base/mem.h"

enum { PATH_BYTES = 128 };

struct folder {
    char at[PATH_BYTES / 2], path[PATH_BYTES], link[PATH_BYTES];
    struct alert_file file;
    struct alert_rules rules;
    struct error err;
};

static int set_up(void **state) {
    struct folder *f = mem_zalloc(1, sizeof *f);
    snprintf(f->at, sizeof f->at, "/tmp/salestide-alert-file-XXXXXX");
    assert_non_null(mkdtemp(f->at));
    snprintf(f->path, sizeof f->path, "%s/shop.alerts", f->at);
    snprintf(f->link, sizeof f->link, "%s/link", f->at);
    f->file = (struct alert_file){.path = f->path, .knows_lag = true};
    *state = f;
    return 0;
}

static int tear_down(void **state) {
    struct folder *f = *state;
    unlink(f->path);
    unlink(f->link);
    assert_int_equal(rmdir(f->at), 0); // nothing else is left
    free(f);
    return 0;
}

static void write_file(const char *path, const char *text, mode_t mode) {
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    assert_true(fputs(text, out) >= 0);
    assert_int_equal(fclose(out), 0);
    assert_int_equal(chmod(path, mode), 0);
}

static void holds(const struct folder *f, const char *text) {
    struct buf now = {0};
    struct error err = {0};
    assert_true(alert_file_text(&f->file, &now, &err));
    assert_int_equal(now.len, strlen(text));
    assert_memory_equal(now.at != NULL ? now.at : "", text, now.len);
    buf_free(&now);
}

static mode_t mode_of(const char *path) {
    struct stat at;
    assert_int_equal(lstat(path, &at), 0);
    return at.st_mode & 07777;
}

static void not_read(struct folder *f, const char *words) {
    f->err = (struct error){0};
    assert_false(alert_file_rules(&f->file, &f->rules, &f->err));
    assert_int_equal(f->err.cls, ERROR_USAGE);
    assert_int_equal(f->rules.n, 0);
    if (strstr(f->err.text, words) == NULL) {
        fail_msg("%s, not %s", f->err.text, words);
    }
}

static void a_mistake_is_told_with_file_and_line(void **state) {
    struct folder *f = *state;
    write_file(f->path, "quiet = no orders for 30m\n\nslow = orders over\n", 0600);
    not_read(f, "/shop.alerts:3: want a share as in 50% or 2.5%, 10000% at most");
}

static void a_file_that_cannot_be_read_is_named(void **state) {
    struct folder *f = *state;
    not_read(f, "No such file");
    write_file(f->path, "quiet = no orders for 5m\n", 0600);
    assert_true(alert_file_rules(&f->file, &f->rules, &f->err));
    assert_int_equal(f->rules.n, 1);
    assert_int_equal(truncate(f->path, ALERT_FILE_MAX_BYTES + 1), 0);
    not_read(f, "is larger than 64 KiB: it is no file of alerts");
    f->file.path = "/tmp"; // a directory
    not_read(f, "cannot read the alerts of /tmp: ");
}

static void a_file_that_may_be_missing_has_no_rules_until_it_is_made(void **state) {
    struct folder *f = *state;
    f->file.optional = true;
    assert_true(alert_file_rules(&f->file, &f->rules, &f->err));
    assert_int_equal(f->rules.n, 0);
    holds(f, "");
    assert_int_equal(
        alert_file_replace(&f->file, TEXT_NONE, TEXT_LIT("a = no orders for 5m\n"), &f->err),
        ALERT_REPLACED);
    holds(f, "a = no orders for 5m\n");
    assert_int_equal(mode_of(f->path), 0600);
    assert_true(alert_file_rules(&f->file, &f->rules, &f->err));
    assert_int_equal(f->rules.n, 1);
}

static void a_text_replaces_the_one_that_was_known_alone(void **state) {
    struct folder *f = *state;
    char first[ALERT_TAG_BYTES], second[ALERT_TAG_BYTES];
    const struct text one = TEXT_LIT("# one\n"), two = TEXT_LIT("# two\n");
    write_file(f->path, "# one\n", 0640);
    alert_file_tag(one, first);
    alert_file_tag(two, second);
    assert_string_not_equal(first, second);
    assert_int_equal(alert_file_replace(&f->file, text_of(first), two, &f->err), ALERT_REPLACED);
    holds(f, "# two\n");
    assert_int_equal(mode_of(f->path), 0640);
    assert_int_equal(alert_file_replace(&f->file, text_of(first), TEXT_LIT("# late\n"), &f->err),
                     ALERT_NOT_THE_SAME);
    holds(f, "# two\n");
    assert_int_equal(alert_file_replace(&f->file, text_of(second), one, &f->err), ALERT_REPLACED);
    holds(f, "# one\n");
}

static void what_a_link_points_to_is_replaced(void **state) {
    struct folder *f = *state;
    write_file(f->path, "# one\n", 0600);
    assert_int_equal(symlink("shop.alerts", f->link), 0);
    f->file.path = f->link;
    assert_int_equal(alert_file_replace(&f->file, TEXT_NONE, TEXT_LIT("# two\n"), &f->err),
                     ALERT_REPLACED);
    struct stat at;
    assert_int_equal(lstat(f->link, &at), 0);
    assert_true(S_ISLNK(at.st_mode));
    f->file.path = f->path;
    holds(f, "# two\n");
}

static void a_folder_that_is_not_there_or_held_is_named_and_nothing_changes(void **state) {
    struct folder *f = *state;
    write_file(f->path, "# one\n", 0600);
    FILE *held = fopen(f->at, "r");
    assert_non_null(held);
    assert_int_equal(flock(fileno(held), LOCK_EX), 0);
    assert_int_equal(alert_file_replace(&f->file, TEXT_NONE, TEXT_LIT("# two\n"), &f->err),
                     ALERT_NOT_REPLACED);
    assert_non_null(strstr(f->err.text, "cannot lock the folder /tmp/salestide-alert-file-"));
    fclose(held);
    holds(f, "# one\n");
    f->file.path = "/tmp/salestide-no-such-folder/rules";
    assert_int_equal(alert_file_replace(&f->file, TEXT_NONE, TEXT_LIT("# two\n"), &f->err),
                     ALERT_NOT_REPLACED);
    assert_non_null(strstr(f->err.text, "No such file"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_mistake_is_told_with_file_and_line, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_that_cannot_be_read_is_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_that_may_be_missing_has_no_rules_until_it_is_made,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_text_replaces_the_one_that_was_known_alone, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_a_link_points_to_is_replaced, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            a_folder_that_is_not_there_or_held_is_named_and_nothing_changes, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
