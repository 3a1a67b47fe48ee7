// SPDX-License-Identifier: MIT
// `salestide key new --scope ingest|read`, `key list`, `key revoke ID`.
#include "host/commands.h"

#include "base/clock.h"
#include "http/keys.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int command_key_fail(const struct error *err) {
    fprintf(stderr, "salestide key: %s\n", err->text);
    return err->cls == ERROR_USAGE ? 2 : 1;
}

// A key that could not be shown is of no use to anybody: it does not stay.
static int take_back(const char *directory, const struct api_key *added) {
    struct error err = {0}, inner = {0};
    const char *why = strerror(errno);
    if (keys_file_revoke(directory, added->id, &inner)) {
        error_set(&err, ERROR_RETRIABLE, "the key cannot be written out: %s; none was made", why);
    } else {
        error_set(&err, ERROR_RETRIABLE,
                  "the key cannot be written out: %s; nor can it be taken back (%.200s): revoke %s",
                  why, inner.text, added->id);
    }
    return command_key_fail(&err);
}

static void warn_of_mode(const char *directory) {
    struct error err;
    if (keys_file_open_to_others(directory, &err)) {
        fprintf(stderr, "salestide key: warning: %s\n", err.text);
    }
}

static int key_new(const struct options *o, const char *directory) {
    const char *name = option_text(o, "scope");
    enum key_scope scope;
    struct error err = {0};
    if (name == NULL || !key_scope_of(name, &scope)) {
        error_set(&err, ERROR_USAGE,
                  "say what the key is for: --scope ingest (send orders) or --scope read (queries "
                  "and the page)");
        return command_key_fail(&err);
    }
    char key_text[KEY_TEXT_MAX + 1];
    struct api_key added;
    if (!keys_file_add(directory, scope, clock_now_ms(clock_system()), key_text, &added, &err)) {
        return command_key_fail(&err);
    }
    warn_of_mode(directory);
    if (printf("%s\n", key_text) < 0 || fflush(stdout) != 0) {
        return take_back(directory, &added);
    }
    fprintf(
        stderr,
        "Key %s for %s, stored as a hash in %s/keys. It is shown this once only: keep it now.\n",
        added.id, key_scope_name(scope), directory);
    return 0;
}

static int key_list(const char *directory) {
    struct api_key *list;
    size_t n;
    struct error err = {0};
    if (!keys_file_read(directory, &list, &n, &err)) {
        return command_key_fail(&err);
    }
    if (n == 0) {
        fprintf(stderr, "No keys in %s. Make one with `salestide key new --scope ingest`.\n",
                directory);
    }
    warn_of_mode(directory);
    for (size_t i = 0; i < n; i++) {
        printf("%s  %-6s  %s\n", list[i].id, key_scope_name(list[i].scope), list[i].created_at);
    }
    free(list);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        error_set(&err, ERROR_RETRIABLE, "the list cannot be written out: %s", strerror(errno));
        return command_key_fail(&err);
    }
    return 0;
}

static int key_revoke(const struct options *o, const char *directory) {
    struct error err = {0};
    if (option_args_count(o) != 2) {
        error_set(&err, ERROR_USAGE, "say which key: `salestide key revoke ID` (see `key list`)");
        return command_key_fail(&err);
    }
    if (!keys_file_revoke(directory, option_arg(o, 1), &err)) {
        return command_key_fail(&err);
    }
    fprintf(stderr, "Key %s is revoked; a running server notices within a second.\n",
            option_arg(o, 1));
    return 0;
}

int command_key(const struct options *o) {
    const char *directory = option_text(o, "data");
    const char *verb = option_args_count(o) > 0 ? option_arg(o, 0) : "";
    if (strcmp(verb, "new") == 0 && option_args_count(o) == 1) {
        return key_new(o, directory);
    }
    if (strcmp(verb, "list") == 0 && option_args_count(o) == 1) {
        return key_list(directory);
    }
    if (strcmp(verb, "revoke") == 0) {
        return key_revoke(o, directory);
    }
    fprintf(stderr, "salestide key: use `key new --scope ingest|read`, `key list` or `key revoke "
                    "ID`\n");
    return 2;
}
