// SPDX-License-Identifier: MIT
// The JSON cases of tests/json, each a small file whose folder (and in nasty/ the start of its
// name) says what must become of it:
//   valid/     a complete order: accepted
//   invalid/   not JSON: broken
//   nasty/     ok_: accepted; rejected_: JSON, but not an order; broken_: not JSON
// The folder is $SALESTIDE_TESTS/json, else tests/json below the current directory. A folder that
// is not there, or holds too little, is a failure.
#include "order_testing.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

enum { MAX_FILE_BYTES = 64 * 1024 };

static int n_wrong;

static struct text read_file(const char *path) {
    static char bytes[MAX_FILE_BYTES + 1];
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        fail_msg("%s: %s", path, strerror(errno));
    }
    size_t n = fread(bytes, 1, sizeof bytes, f);
    bool ok = ferror(f) == 0;
    fclose(f);
    if (!ok || n > MAX_FILE_BYTES) {
        fail_msg("%s: cannot be read, or has more than %d bytes", path, (int)MAX_FILE_BYTES);
    }
    return (struct text){bytes, n};
}

// As the body of a request: whether everything in it is accepted.
static bool body_is_accepted(struct text body) {
    struct body_split s;
    struct text event;
    enum body_next next;
    bool all = true;
    body_split_start(&s, body, BODY_JSON);
    while ((next = body_split_next(&s, &event)) == BODY_EVENT) {
        arena_reset(&ot.arena);
        struct order o;
        struct rejection why;
        all &= order_json_parse(ot.parser, &ot.rules, event, &ot.arena, &o, &why) == ORDER_JSON_OK;
    }
    return all && next == BODY_END;
}

static bool starts_with(const char *name, const char *start) {
    return strncmp(name, start, strlen(start)) == 0;
}

static enum order_json_result wanted(const char *folder, const char *name) {
    if (strcmp(folder, "valid") == 0) {
        return ORDER_JSON_OK;
    }
    if (strcmp(folder, "invalid") == 0) {
        return ORDER_JSON_BROKEN;
    }
    if (starts_with(name, "ok_")) {
        return ORDER_JSON_OK;
    }
    if (starts_with(name, "rejected_")) {
        return ORDER_JSON_REJECTED;
    }
    if (starts_with(name, "broken_")) {
        return ORDER_JSON_BROKEN;
    }
    fail_msg("nasty/%s: the name must start with ok_, rejected_ or broken_", name);
    return ORDER_JSON_NO_MEMORY;
}

static void check_file(const char *folder, const char *name, const char *path) {
    struct text json = read_file(path);
    enum order_json_result want = wanted(folder, name), got = read_event(json);
    if (got != want) {
        print_error("%s/%s: verdict %d, wanted %d: %s %s\n", folder, name, got, want, ot.why.code,
                    got == ORDER_JSON_OK ? "" : ot.why.message);
        n_wrong++;
        return;
    }
    if (got != ORDER_JSON_OK) {
        assert_message_is_for_people();
    }
    bool mark_first = json.len >= 3 && memcmp(json.at, "\xEF\xBB\xBF", 3) == 0; // skipped in a body
    if (!mark_first && body_is_accepted(json) != (want == ORDER_JSON_OK) &&
        (json.len == 0 || json.at[0] != '[')) { // an array as a body is another thing
        print_error("%s/%s: as a body it is judged otherwise\n", folder, name);
        n_wrong++;
    }
}

static void check_folder(const char *folder, int at_least) {
    const char *tests = getenv("SALESTIDE_TESTS");
    char path[4096];
    snprintf(path, sizeof path, "%s/json/%s", tests != NULL ? tests : "tests", folder);
    DIR *dir = opendir(path);
    if (dir == NULL) {
        fail_msg("%s: %s; run this from the project's folder or set SALESTIDE_TESTS", path,
                 strerror(errno));
    }
    int n = 0;
    n_wrong = 0;
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        size_t len = strlen(entry->d_name);
        if (len < 6 || strcmp(entry->d_name + len - 5, ".json") != 0) {
            continue;
        }
        char file[8192];
        snprintf(file, sizeof file, "%s/%s", path, entry->d_name);
        check_file(folder, entry->d_name, file);
        n++;
    }
    closedir(dir);
    assert_int_equal(n_wrong, 0);
    if (n < at_least) {
        fail_msg("%s holds %d cases, expected at least %d", path, n, at_least);
    }
}

static void valid_json_is_accepted(void **state) {
    (void)state;
    check_folder("valid", 75);
}

static void invalid_json_is_broken(void **state) {
    (void)state;
    check_folder("invalid", 130);
}

static void nasty_json_has_the_verdict_in_its_name(void **state) {
    (void)state;
    check_folder("nasty", 65);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(valid_json_is_accepted),
        cmocka_unit_test(invalid_json_is_broken),
        cmocka_unit_test(nasty_json_has_the_verdict_in_its_name),
    };
    order_testing_start();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    order_testing_end();
    return failed;
}
