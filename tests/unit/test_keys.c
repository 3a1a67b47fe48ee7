// SPDX-License-Identifier: MIT
// API keys: the file, its changes, what a check says.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "http/keys.h"
#include <sys/stat.h>
#include <unistd.h>

static char directory[64];

static int make_directory(void **state) {
    UNUSED(state);
    snprintf(directory, sizeof directory, "/tmp/salestide-keys-XXXXXX");
    return mkdtemp(directory) == NULL;
}

static const char *path_of(const char *name) {
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    return path;
}

static int remove_directory(void **state) {
    UNUSED(state);
    unlink(path_of("keys"));
    unlink(path_of("keys.lock"));
    unlink(path_of("keys.new"));
    return rmdir(directory);
}

static void write_file(const char *text) {
    FILE *f = fopen(path_of("keys"), "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static struct api_key add(enum key_scope scope, char key_text[static KEY_TEXT_MAX + 1]) {
    struct api_key added;
    struct error err = {0};
    assert_true(keys_file_add(directory, scope, 1767225600000, key_text, &added, &err));
    return added;
}

static void a_new_key_opens_its_scope_and_no_other(void **state) {
    UNUSED(state);
    char ingest[KEY_TEXT_MAX + 1], read[KEY_TEXT_MAX + 1];
    add(KEY_INGEST, ingest);
    add(KEY_READ, read);
    struct keys *k;
    struct error err = {0};
    assert_true(keys_open(directory, &k, &err));
    assert_int_equal(keys_count(k), 2);
    assert_int_equal(keys_check(k, text_of(ingest), KEY_INGEST), KEY_OK);
    assert_int_equal(keys_check(k, text_of(ingest), KEY_READ), KEY_WRONG_SCOPE);
    assert_int_equal(keys_check(k, text_of(read), KEY_READ), KEY_OK);
    assert_int_equal(keys_check(k, text_of("st_something"), KEY_READ), KEY_UNKNOWN);
    assert_int_equal(keys_check(k, text_of(""), KEY_READ), KEY_UNKNOWN);
    ingest[strlen(ingest) - 1] ^= 1;
    assert_int_equal(keys_check(k, text_of(ingest), KEY_INGEST), KEY_UNKNOWN);
    keys_free(k);
}

static void keys_differ_and_are_long(void **state) {
    UNUSED(state);
    char one[KEY_TEXT_MAX + 1], other[KEY_TEXT_MAX + 1];
    struct api_key a = add(KEY_INGEST, one), b = add(KEY_INGEST, other);
    assert_string_not_equal(one, other);
    assert_string_not_equal(a.id, b.id);
    assert_int_equal(strlen(one), 3 + 43); // 256 bits in base64url
    assert_int_equal(
        strspn(one + 3, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"), 43);
}

static void the_file_is_for_its_owner_and_holds_no_key(void **state) {
    UNUSED(state);
    char key_text[KEY_TEXT_MAX + 1], content[1024] = "";
    add(KEY_INGEST, key_text);
    struct stat st;
    assert_int_equal(stat(path_of("keys"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    FILE *f = fopen(path_of("keys"), "r");
    assert_non_null(f);
    size_t n = fread(content, 1, sizeof content - 1, f);
    fclose(f);
    content[n] = '\0';
    assert_null(strstr(content, key_text));
    assert_non_null(strstr(content, " ingest "));
    assert_non_null(strstr(content, " 2026-01-01T00:00:00.000Z\n"));
}

static void a_key_added_later_is_noticed_and_a_revoked_one_too(void **state) {
    UNUSED(state);
    struct keys *k;
    struct error err = {0};
    assert_true(keys_open(directory, &k, &err));
    assert_int_equal(keys_count(k), 0);
    char key_text[KEY_TEXT_MAX + 1];
    struct api_key added = add(KEY_READ, key_text);
    assert_true(keys_refresh(k, &err));
    assert_int_equal(keys_check(k, text_of(key_text), KEY_READ), KEY_OK);
    assert_true(keys_file_revoke(directory, added.id, &err));
    assert_true(keys_refresh(k, &err));
    assert_int_equal(keys_check(k, text_of(key_text), KEY_READ), KEY_UNKNOWN);
    add(KEY_READ, key_text);
    assert_true(keys_refresh(k, &err));
    assert_int_equal(unlink(path_of("keys")), 0);
    assert_true(keys_refresh(k, &err));
    assert_int_equal(keys_count(k), 0);
    keys_free(k);
}

static void a_file_that_cannot_be_read_refuses_all_keys_until_it_can(void **state) {
    UNUSED(state);
    char key_text[KEY_TEXT_MAX + 1], good[1024] = "";
    add(KEY_READ, key_text);
    FILE *f = fopen(path_of("keys"), "r");
    assert_non_null(f);
    good[fread(good, 1, sizeof good - 1, f)] = '\0';
    fclose(f);
    struct keys *k;
    struct error err = {0};
    assert_true(keys_open(directory, &k, &err));
    assert_null(keys_problem(k));
    write_file("oops\n");
    assert_false(keys_refresh(k, &err));
    assert_non_null(strstr(err.text, "line 1"));
    assert_int_equal(keys_check(k, text_of(key_text), KEY_READ), KEY_UNKNOWN);
    assert_non_null(keys_problem(k));
    assert_true(keys_refresh(k, &err)); // one complaint for one reason
    assert_non_null(keys_problem(k));
    write_file("oops\noops\n");
    assert_true(keys_refresh(k, &err));
    assert_int_equal(unlink(path_of("keys")), 0);
    assert_int_equal(mkdir(path_of("keys"), 0700), 0); // root, too, reads no directory
    assert_false(keys_refresh(k, &err));               // another reason
    assert_non_null(strstr(err.text, "directory"));
    assert_int_equal(rmdir(path_of("keys")), 0);
    write_file(good);
    assert_true(keys_refresh(k, &err));
    assert_null(keys_problem(k));
    assert_int_equal(keys_check(k, text_of(key_text), KEY_READ), KEY_OK);
    keys_free(k);
    write_file("oops\n");
    assert_false(keys_open(directory, &k, &err));
}

static void a_changed_file_keeps_owner_and_mode(void **state) {
    UNUSED(state);
    char key_text[KEY_TEXT_MAX + 1];
    struct stat st;
    struct error err = {0};
    struct api_key first = add(KEY_READ, key_text);
    assert_int_equal(chmod(path_of("keys"), 0640), 0);
    if (geteuid() == 0) { // as root the server's user can be another one
        assert_int_equal(chown(path_of("keys"), 1234, 2345), 0);
    }
    add(KEY_INGEST, key_text);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(stat(path_of("keys"), &st), 0);
        assert_int_equal(st.st_mode & 07777, 0640);
        assert_int_equal(st.st_uid, geteuid() == 0 ? 1234 : geteuid());
        assert_int_equal(st.st_gid, geteuid() == 0 ? 2345 : getegid());
        assert_true(i > 0 || keys_file_revoke(directory, first.id, &err));
    }
}

static void the_first_file_belongs_to_the_owner_of_the_directory(void **state) {
    UNUSED(state);
    char key_text[KEY_TEXT_MAX + 1];
    struct stat st, dir;
    if (geteuid() == 0) {
        assert_int_equal(chown(directory, 1234, 2345), 0);
    }
    add(KEY_READ, key_text);
    assert_int_equal(stat(directory, &dir), 0);
    const char *const names[] = {"keys", "keys.lock"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        assert_int_equal(stat(path_of(names[i]), &st), 0);
        assert_int_equal(st.st_uid, dir.st_uid);
        assert_int_equal(st.st_gid, dir.st_gid);
        assert_int_equal(st.st_mode & 07777, 0600);
    }
}

static void a_file_that_others_can_write_is_told(void **state) {
    UNUSED(state);
    char key_text[KEY_TEXT_MAX + 1];
    struct error err = {0};
    assert_false(keys_file_open_to_others(directory, &err)); // there is none
    add(KEY_READ, key_text);
    assert_false(keys_file_open_to_others(directory, &err));
    assert_int_equal(chmod(path_of("keys"), 0620), 0);
    assert_true(keys_file_open_to_others(directory, &err));
    assert_non_null(strstr(err.text, "0620"));
    assert_int_equal(chmod(path_of("keys"), 0602), 0);
    assert_true(keys_file_open_to_others(directory, &err));
    assert_int_equal(chmod(path_of("keys"), 0644), 0);
    assert_false(keys_file_open_to_others(directory, &err));
}

#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void lines_that_are_no_key_are_refused(void **state) {
    UNUSED(state);
    const char *const bad[] = {
        "1f0c9a3e ingest " HEX64 "\n",
        "1f0c9a3e write " HEX64 " 2026-01-01\n",
        "1f0c9a3 ingest " HEX64 " 2026-01-01\n",
        "1f0c9a3e1 ingest " HEX64 " 2026-01-01\n",
        "1f0c9a3e ingest " HEX64 "0 2026-01-01\n",
        "1f0c9a3e ingest 0123 2026-01-01\n",
        "1f0c9a3e ingest X123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef 2026\n",
        "1f0c9a3e ingest " HEX64 " 2026-01-01 more\n",
    };
    struct api_key *list;
    size_t n;
    struct error err = {0};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        write_file(bad[i]);
        assert_false(keys_file_read(directory, &list, &n, &err));
        assert_int_equal(err.cls, ERROR_USAGE);
        assert_null(list);
    }
}

static void empty_lines_and_comments_are_skipped(void **state) {
    UNUSED(state);
    write_file("# keys\n\n  \n1f0c9a3e read " HEX64 " 2026-01-01 # the till\n");
    struct api_key *list;
    size_t n;
    struct error err = {0};
    assert_true(keys_file_read(directory, &list, &n, &err));
    assert_int_equal(n, 1);
    assert_string_equal(list[0].id, "1f0c9a3e");
    assert_int_equal(list[0].scope, KEY_READ);
    assert_int_equal(list[0].digest[1], 0x23);
    free(list);
}

static void revoking_an_unknown_id_is_refused(void **state) {
    UNUSED(state);
    struct error err = {0};
    assert_false(keys_file_revoke(directory, "00000000", &err));
    assert_int_equal(err.cls, ERROR_USAGE);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_directory, remove_directory)
    const struct CMUnitTest tests[] = {
        TEST(a_new_key_opens_its_scope_and_no_other),
        TEST(keys_differ_and_are_long),
        TEST(the_file_is_for_its_owner_and_holds_no_key),
        TEST(a_key_added_later_is_noticed_and_a_revoked_one_too),
        TEST(a_file_that_cannot_be_read_refuses_all_keys_until_it_can),
        TEST(a_changed_file_keeps_owner_and_mode),
        TEST(the_first_file_belongs_to_the_owner_of_the_directory),
        TEST(a_file_that_others_can_write_is_told),
        TEST(lines_that_are_no_key_are_refused),
        TEST(empty_lines_and_comments_are_skipped),
        TEST(revoking_an_unknown_id_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
