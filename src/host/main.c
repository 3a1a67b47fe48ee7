// SPDX-License-Identifier: MIT
// salestide COMMAND ...: finds the sub-command, parses its options, runs it. Exit codes: 0, 1
// failed, 2 usage.
#include "base/log.h"
#include "base/state.h"
#include "host/options.h"
#include "live/panels.h"

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

static const struct command_spec *find_command(const char *name) {
    for (size_t i = 0; i < command_specs_count; i++) {
        if (strcmp(command_specs[i].name, name) == 0) {
            return &command_specs[i];
        }
    }
    return NULL;
}

static const char *command_name_at(size_t i, const void *user) {
    (void)user;
    return i < command_specs_count ? command_specs[i].name : NULL;
}

static int unknown_command(const char *name) {
    const char *nearest = options_nearest(name, command_name_at, NULL);
    if (nearest != NULL) {
        fprintf(stderr, "salestide: unknown command \"%.60s\"; did you mean %s?\n", name, nearest);
    } else {
        fprintf(stderr, "salestide: unknown command \"%.60s\"; see salestide --help\n", name);
    }
    return EXIT_USAGE;
}

static bool asks_for_help(int argc, char **argv) {
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            return true;
        }
    }
    return false;
}

// What was printed must have arrived: `salestide --help > /dev/full` is a failure.
static int printed(void) {
    if (fflush(stdout) != 0 || ferror(stdout)) {
        perror("salestide: cannot write to standard output");
        return EXIT_FAILED;
    }
    return EXIT_OK;
}

static int help(const char *name) {
    const struct command_spec *command = name != NULL ? find_command(name) : NULL;
    if (name != NULL && command == NULL) {
        return unknown_command(name);
    }
    options_help(command, stdout);
    return printed();
}

static void put_types(FILE *out) {
    struct buf types = {0};
    panels_types(&types);
    fwrite(types.at, 1, types.len, out);
    buf_free(&types);
}

// For the build: `docs KIND` prints what `make docs` stores.
static int docs(const char *kind) {
    static const struct {
        const char *kind;
        void (*put)(FILE *out);
    } kinds[] = {{"markdown", options_markdown}, {"man", options_man}, {"types", put_types},
                 {"bash", options_bash},         {"zsh", options_zsh}, {"fish", options_fish}};
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        if (kind != NULL && strcmp(kind, kinds[i].kind) == 0) {
            kinds[i].put(stdout);
            return printed();
        }
    }
    fprintf(stderr, "salestide: docs takes markdown, man, types, bash, zsh or fish\n");
    return EXIT_USAGE;
}

static void set_log_level(const struct options *o) {
    const char *level = option_text(o, "log-level");
    log_set_level_named(level);
    state_trace(strcmp(level, "trace") == 0 ? state_trace_log : NULL);
}

static int main_run(const struct command_spec *command, int argc, char **argv) {
    struct options *o = NULL;
    struct error err = {0};
    if (asks_for_help(argc, argv)) {
        return help(command->name);
    }
    if (!options_parse(command, argc, argv, &o, &err)) {
        fprintf(stderr, "salestide %s: %s\n", command->name, err.text);
        return EXIT_USAGE;
    }
    set_log_level(o);
    int code = command->run(o);
    options_free(o);
    return code;
}

int main(int argc, char **argv) {
    signal(SIGPIPE,
           SIG_IGN); // a client that is gone is an error of write, not the end of the process
    const char *word = argc > 1 ? argv[1] : NULL;
    if (word == NULL) {
        options_help(NULL, stderr);
        return EXIT_USAGE;
    }
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0) {
        return help(argc > 2 ? argv[2] : NULL);
    }
    if (strcmp(word, "--version") == 0) {
        puts("salestide " SALESTIDE_VERSION);
        return printed();
    }
    if (strcmp(word, "docs") == 0) {
        return docs(argc > 2 ? argv[2] : NULL);
    }
    const struct command_spec *command = find_command(word);
    return command != NULL ? main_run(command, argc - 2, argv + 2) : unknown_command(word);
}
