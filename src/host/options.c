// SPDX-License-Identifier: MIT
// Parsing of options: command line, then environment, then config file, then defaults.
//
// Steps of options_parse: 1. a value for each row of the table that the sub-command takes; 2. flags
// in argv, in any order with the arguments, up to `--`; 3. SALESTIDE_* of those not set yet; 4. the
// file of --config, likewise; 5. defaults. Each value is checked where it is typed, so that the
// message can name its origin. Fails at the first that is wrong, with ERROR_USAGE.
#include "host/options_internal.h"

#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Longer than any path or address; what is longer was pasted by mistake.
#define MAX_VALUE_BYTES 4096

bool option_has_command(const struct option_spec *spec, const char *command) {
    size_t len = strlen(command);
    for (const char *at = spec->commands; *at != '\0';) {
        size_t n = strcspn(at, " ");
        if (n == len && memcmp(at, command, n) == 0) {
            return true;
        }
        at += n + (at[n] == ' ');
    }
    return false;
}

struct option_value *options_find(const struct options *o, const char *name) {
    for (size_t i = 0; i < o->n_values; i++) {
        if (strcmp(o->values[i].spec->name, name) == 0) {
            return &o->values[i];
        }
    }
    return NULL;
}

static void free_items(struct option_value *v) {
    for (size_t i = 0; i < v->n_items; i++) {
        free(v->items[i]);
    }
    free(v->items);
    v->items = NULL;
    v->n_items = 0;
}

static void add_item(struct option_value *v, const char *typed, size_t len) {
    v->items = mem_realloc(v->items, (v->n_items + 1) * sizeof *v->items);
    v->items[v->n_items++] = mem_strndup(typed, len);
}

bool options_set(struct option_value *v, enum option_origin origin, const char *where,
                 const char *typed, struct error *err) {
    char why[256];
    int64_t number = 0;
    if (strlen(typed) > MAX_VALUE_BYTES) {
        return error_set(err, ERROR_USAGE, "%s: the value is longer than %d bytes", where,
                         MAX_VALUE_BYTES);
    }
    if (!option_value_read(v->spec, typed, &number, why, sizeof why)) {
        return error_set(err, ERROR_USAGE, "%s: cannot use \"%.60s\"; it takes %s", where, typed,
                         why);
    }
    if (origin < v->origin) {
        return true; // checked, but something stronger holds
    }
    if (v->spec->type == OPTION_LIST) {
        if (origin > v->origin) {
            free_items(v);
        }
        add_item(v, typed, strlen(typed));
    } else if (v->spec->type == OPTION_TEXT) {
        free(v->text);
        v->text = mem_strndup(typed, strlen(typed));
    }
    v->number = number;
    v->origin = origin;
    return true;
}

static const char *value_name_at(size_t i, const void *user) {
    const struct options *o = user;
    return i < o->n_values ? o->values[i].spec->name : NULL;
}

static bool unknown_option(const struct options *o, const char *name, struct error *err) {
    for (size_t i = 0; i < option_specs_count; i++) {
        if (strcmp(option_specs[i].name, name) == 0) {
            return error_set(err, ERROR_USAGE, "--%s is an option of %s, not of %s", name,
                             option_specs[i].commands, o->command->name);
        }
    }
    const char *nearest = options_nearest(name, value_name_at, o);
    if (nearest != NULL) {
        return error_set(err, ERROR_USAGE, "unknown option --%.60s; did you mean --%s?", name,
                         nearest);
    }
    return error_set(err, ERROR_USAGE, "unknown option --%.60s; see salestide %s --help", name,
                     o->command->name);
}

// Takes the flag at argv[*i] and moves *i past it and its value.
static bool take_flag(struct options *o, int argc, char **argv, int *i, struct error *err) {
    const char *typed = argv[(*i)++] + 2;
    char name[64];
    size_t len = strcspn(typed, "=");
    snprintf(name, sizeof name, "%.*s", (int)len, typed);
    struct option_value *v = len < sizeof name ? options_find(o, name) : NULL;
    if (v == NULL) {
        return unknown_option(o, name, err);
    }
    char where[80];
    snprintf(where, sizeof where, "--%s", name);
    if (typed[len] == '=') {
        return options_set(v, ORIGIN_FLAG, where, typed + len + 1, err);
    }
    if (v->spec->type == OPTION_FLAG) {
        return options_set(v, ORIGIN_FLAG, where, "yes", err);
    }
    // A value that looks like an option is a forgotten value; `--name=--value` says it is meant.
    if (*i >= argc || strncmp(argv[*i], "--", 2) == 0) {
        return error_set(err, ERROR_USAGE, "%s needs a value: %s %s", where, where, v->spec->value);
    }
    return options_set(v, ORIGIN_FLAG, where, argv[(*i)++], err);
}

static bool take_arguments(struct options *o, int argc, char **argv, struct error *err) {
    bool only_arguments = false;
    for (int i = 0; i < argc;) {
        const char *word = argv[i];
        if (only_arguments || word[0] != '-' || word[1] == '\0') {
            o->args[o->n_args++] = argv[i++];
        } else if (strcmp(word, "--") == 0) {
            only_arguments = true;
            i++;
        } else if (word[1] != '-') {
            return error_set(err, ERROR_USAGE,
                             "unknown option %.60s; options begin with two dashes", word);
        } else if (!take_flag(o, argc, argv, &i, err)) {
            return false;
        }
    }
    return true;
}

// A variable that is empty counts as not set: shells and unit files leave such behind.
static bool take_environment(struct options *o, struct error *err) {
    for (size_t i = 0; i < o->n_values; i++) {
        struct option_value *v = &o->values[i];
        char name[96];
        char where[128];
        option_environment_name(v->spec->name, name, sizeof name);
        const char *typed = getenv(name);
        if (typed == NULL || *typed == '\0') {
            continue;
        }
        snprintf(where, sizeof where, "%s (environment)", name);
        if (v->spec->type != OPTION_LIST) {
            if (!options_set(v, ORIGIN_ENVIRONMENT, where, typed, err)) {
                return false;
            }
            continue;
        }
        while (*typed != '\0') {
            size_t n = strcspn(typed, "\n");
            char *item = mem_strndup(typed, n);
            bool ok = n == 0 || options_set(v, ORIGIN_ENVIRONMENT, where, item, err);
            free(item);
            if (!ok) {
                return false;
            }
            typed += n + (typed[n] == '\n');
        }
    }
    return true;
}

static bool take_file(struct options *o, struct error *err) {
    struct option_value *config = options_find(o, "config");
    if (config != NULL) {
        atomic_store(&config->asked, true);
    }
    return config == NULL || config->text == NULL || options_read_file(o, config->text, err);
}

static bool take_defaults(struct options *o, struct error *err) {
    for (size_t i = 0; i < o->n_values; i++) {
        struct option_value *v = &o->values[i];
        if (v->origin != ORIGIN_DEFAULT) {
            continue;
        }
        v->number = v->spec->type == OPTION_FLAG ? 0 : -1;
        if (v->spec->fallback != NULL &&
            !options_set(v, ORIGIN_DEFAULT, v->spec->name, v->spec->fallback, err)) {
            return false;
        }
    }
    return true;
}

bool options_parse(const struct command_spec *command, int argc, char **argv, struct options **out,
                   struct error *err) {
    struct options *o = mem_zalloc(1, sizeof *o);
    o->command = command;
    o->values = mem_zalloc(option_specs_count, sizeof *o->values);
    o->args = mem_zalloc((size_t)argc, sizeof *o->args);
    for (size_t i = 0; i < option_specs_count; i++) {
        if (option_has_command(&option_specs[i], command->name)) {
            o->values[o->n_values++].spec = &option_specs[i];
        }
    }
    if (!take_arguments(o, argc, argv, err) || !take_environment(o, err) ||
        !options_check_environment(err) || !take_file(o, err) || !take_defaults(o, err)) {
        options_free(o);
        return false;
    }
    if (o->n_args > 0 && *command->arguments == '\0') {
        error_set(err, ERROR_USAGE, "%s takes no arguments; \"%.60s\" is one too many",
                  command->name, o->args[0]);
        options_free(o);
        return false;
    }
    *out = o;
    return true;
}

void options_free(struct options *o) {
    if (o == NULL) {
        return;
    }
    for (size_t i = 0; i < o->n_values; i++) {
        free(o->values[i].text);
        free_items(&o->values[i]);
    }
    free(o->values);
    free(o->args);
    free(o);
}

// `types` is a bit set of enum option_type.
static const struct option_value *value_of(const struct options *o, const char *name,
                                           unsigned types) {
    struct option_value *v = options_find(o, name);
    if (v == NULL || (types & (1u << v->spec->type)) == 0) {
        fprintf(stderr, "salestide: %s was asked for option \"%s\" that is not its own\n",
                o->command->name, name);
        abort();
    }
    atomic_store_explicit(&v->asked, true, memory_order_relaxed);
    return v;
}

const char *option_text(const struct options *o, const char *name) {
    return value_of(o, name, 1u << OPTION_TEXT)->text;
}

int64_t option_int(const struct options *o, const char *name) {
    unsigned numbers = 1u << OPTION_INT | 1u << OPTION_BYTES | 1u << OPTION_DURATION;
    return value_of(o, name, numbers)->number;
}

bool option_flag(const struct options *o, const char *name) {
    return value_of(o, name, 1u << OPTION_FLAG)->number != 0;
}

bool option_given(const struct options *o, const char *name) {
    return value_of(o, name, ~0u)->origin != ORIGIN_DEFAULT;
}

bool option_typed(const struct options *o, const char *name) {
    return value_of(o, name, ~0u)->origin == ORIGIN_FLAG;
}

size_t option_list_count(const struct options *o, const char *name) {
    return value_of(o, name, 1u << OPTION_LIST)->n_items;
}

const char *option_list_at(const struct options *o, const char *name, size_t i) {
    const struct option_value *v = value_of(o, name, 1u << OPTION_LIST);
    return i < v->n_items ? v->items[i] : NULL;
}

const char *options_next_unread(const struct options *o, size_t *i, bool *typed) {
    while (*i < o->n_values) {
        struct option_value *v = &o->values[(*i)++];
        if (!atomic_load_explicit(&v->asked, memory_order_relaxed)) {
            *typed = v->origin == ORIGIN_FLAG;
            return v->spec->name;
        }
    }
    return NULL;
}

size_t option_args_count(const struct options *o) {
    return o->n_args;
}

const char *option_arg(const struct options *o, size_t i) {
    return i < o->n_args ? o->args[i] : NULL;
}
