// SPDX-License-Identifier: MIT
// What the files that make up host/options share. Nobody else includes this.
#pragma once
#include "host/options.h"
#include <stdatomic.h>

// From weakest to strongest.
enum option_origin { ORIGIN_DEFAULT, ORIGIN_FILE, ORIGIN_ENVIRONMENT, ORIGIN_FLAG };

struct option_value {
    const struct option_spec *spec; // static
    enum option_origin origin;
    char *text;     // owned; OPTION_TEXT
    int64_t number; // OPTION_INT, OPTION_BYTES, OPTION_DURATION, and 0 or 1 of OPTION_FLAG
    char **items;   // owned; OPTION_LIST
    size_t n_items;
    atomic_bool asked; // by anybody
};

struct options {
    const struct command_spec *command; // static
    struct option_value *values;        // owned; one for each row of this command
    size_t n_values;
    char **args; // owned array of borrowed texts (argv)
    size_t n_args;
};

// options.c
bool option_has_command(const struct option_spec *spec, const char *command);
MUST_CHECK struct option_value *options_find(const struct options *o, const char *name);
// Sets `v` from `typed` unless something stronger has set it. `where` tells people the origin:
// "--data", "SALESTIDE_DATA (environment)", "data (shop.conf, line 3)".
MUST_CHECK bool options_set(struct option_value *v, enum option_origin origin, const char *where,
                            const char *typed, struct error *err);

// options_value.c: text to number and back. `why` gets what the option takes, for a message.
MUST_CHECK bool option_value_read(const struct option_spec *spec, const char *typed,
                                  int64_t *number, char *why, size_t why_bytes);
// The shortest exact form: 64MiB, 10m, 20000.
void option_value_write(enum option_type type, int64_t number, char *out, size_t out_bytes);
// SALESTIDE_LATE_LIMIT for late-limit.
void option_environment_name(const char *name, char *out, size_t out_bytes);

// options_file.c
MUST_CHECK bool options_read_file(struct options *o, const char *path, struct error *err);
// Is every SALESTIDE_* variable an option of some command, or read elsewhere?
MUST_CHECK bool options_check_environment(struct error *err);
