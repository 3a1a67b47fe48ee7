// SPDX-License-Identifier: MIT
// Options of all sub-commands from one table: it yields parsing, --help, the man page and
// docs/configuration.md. Order of precedence: flag, environment SALESTIDE_*, config file, default.
#pragma once
#include "base/error.h"
#include "base/must.h"
#include "base/text.h"
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct options;

enum option_type {
    OPTION_TEXT,
    OPTION_INT,      // with min and max
    OPTION_BYTES,    // 16777216, 16MiB, 64KiB, 1GiB
    OPTION_DURATION, // 500ms, 10s, 10m, 24h, 30d; kept in ms
    OPTION_FLAG,     // --name, or name = yes | no in a file
    OPTION_LIST,     // may be given several times; in the environment one item a line
};

struct option_spec {
    const char *name; // long name without dashes: "data"
    enum option_type type;
    const char *value;    // how help names the value: "DIR"; NULL for flags
    const char *fallback; // default as a user would type it; NULL: unset
    int64_t min, max;     // of OPTION_INT, OPTION_BYTES, OPTION_DURATION
    const char *commands; // sub-commands that take it: "serve load verify"
    const char *help;     // one or two sentences
    const char *choices;  // OPTION_TEXT: the values it takes, separated by spaces; NULL: any
};

struct command_spec {
    const char *name;
    const char *arguments;               // "FILE...", "new"; "" when none
    const char *summary;                 // one line
    const char *details;                 // a paragraph for --help and the man page, or NULL
    int (*run)(const struct options *o); // returns the exit code: 0, 1 failed, 2 usage
};
// One name may have several rows, each for other sub-commands. Defined in src/host/options_table.c.
extern const struct option_spec option_specs[];
extern const size_t option_specs_count;
extern const struct command_spec command_specs[]; // src/host/command_table.c
extern const size_t command_specs_count;

// Values of one run. Texts live as long as the options.
// NULL / -1 / false when unset and without a default. Asking for a name that the sub-command has no
// row for (or with the wrong type) is a programming error and aborts. Any thread once parsed.
const char *option_text(const struct options *o, const char *name);
int64_t option_int(const struct options *o, const char *name); // also bytes, and ms of a duration
bool option_flag(const struct options *o, const char *name);
bool option_given(const struct options *o, const char *name); // by flag, environment or file
// On the command line: what environment and file say may be meant for other sub-commands.
bool option_typed(const struct options *o, const char *name);
size_t option_list_count(const struct options *o, const char *name);
const char *option_list_at(const struct options *o, const char *name, size_t i);
// Goes through the options that nobody has asked for yet: from *i (0 at first), which is moved on.
// NULL: no more. *typed: on the command line.
const char *options_next_unread(const struct options *o, size_t *i, bool *typed);
// What follows the options on the command line.
size_t option_args_count(const struct options *o);
const char *option_arg(const struct options *o, size_t i);

// Reads argv (after the sub-command), the environment and the config file (--config FILE).
// ERROR_USAGE names the option, where it came from, and what it takes.
MUST_CHECK bool options_parse(const struct command_spec *command, int argc, char **argv,
                              struct options **out, struct error *err);
void options_free(struct options *o); // NULL is fine
// The nearest of several names to a mistyped one, or NULL when none is near. `name_at` returns NULL
// past the end.
const char *options_nearest(const char *typed, const char *(*name_at)(size_t i, const void *user),
                            const void *user);
void options_help(const struct command_spec *command, FILE *out); // NULL: the program as a whole
void options_markdown(FILE *out);                                 // docs/configuration.md
void options_man(FILE *out);                                      // the man page, troff -man
// Completions for shells (docs/completions).
void options_bash(FILE *out);
void options_zsh(FILE *out);
void options_fish(FILE *out);
