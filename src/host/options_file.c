// SPDX-License-Identifier: MIT
// The config file of --config: `name = value` lines, read by inih.
//
//     # a comment
//     data = /var/lib/salestide        for every sub-command that takes it
//     [serve]
//     listen = 127.0.0.1:8080          for this sub-command alone
//
// Steps: 1. each line is read here, so that it is bounded, numbered and never a continuation of the
// one before; 2. inih splits it; 3. a name that some sub-command takes is set, or skipped when it
// is not this one's. The first line that is wrong is reported with file and line; nothing is
// ignored.
#include "host/options_internal.h"

#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <stdlib.h>
#include <string.h>

// More lines than anybody writes by hand: the wrong file was named.
#define MAX_LINES 10000

struct file_reader {
    struct options *o;
    const char *path;
    FILE *file;
    char *line; // of getline
    size_t line_cap;
    int n_lines;
    bool failed;
    struct error *err;
};

static void options_file_fail(struct file_reader *r, const char *what) {
    if (!r->failed) {
        error_set(r->err, ERROR_USAGE, "%s, line %d: %s", r->path, r->n_lines, what);
        r->failed = true;
    }
}

// Reads one line for inih, as fgets would. Without its leading white space: inih would take an
// indented line for more of the value above.
static char *next_line(char *out, int out_bytes, void *user) {
    struct file_reader *r = user;
    ssize_t n = r->failed ? -1 : getline(&r->line, &r->line_cap, r->file);
    if (n < 0) {
        return NULL;
    }
    r->n_lines++;
    if (r->n_lines > MAX_LINES || strlen(r->line) != (size_t)n) {
        options_file_fail(r, "is not a config file of lines `name = value`");
        return NULL;
    }
    const char *at = r->line;
    while (*at == ' ' || *at == '\t') {
        at++;
    }
    size_t len = strlen(at);
    if (len + 2 > (size_t)out_bytes) {
        options_file_fail(r, "the line is too long (190 characters at most)");
        return NULL;
    }
    memcpy(out, at, len + 1);
    return out;
}

static bool is_command(const char *name) {
    for (size_t i = 0; i < command_specs_count; i++) {
        if (strcmp(command_specs[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_option(const char *name, const char *command) {
    for (size_t i = 0; i < option_specs_count; i++) {
        if (strcmp(option_specs[i].name, name) == 0 &&
            (*command == '\0' || option_has_command(&option_specs[i], command))) {
            return true;
        }
    }
    return false;
}

static int take_pair(void *user, const char *section, const char *name, const char *value) {
    struct file_reader *r = user;
    char what[256];
    if (r->failed) {
        return 0;
    }
    if (*section != '\0' && !is_command(section)) {
        snprintf(what, sizeof what, "[%s] is not a sub-command", section);
        options_file_fail(r, what);
        return 0;
    }
    if (!is_option(name, section) || strcmp(name, "config") == 0) {
        snprintf(what, sizeof what, "%s is not an option%s%s; see salestide help", name,
                 *section != '\0' ? " of " : "", section);
        options_file_fail(r, what);
        return 0;
    }
    struct option_value *v = options_find(r->o, name);
    if (v == NULL || (*section != '\0' && strcmp(section, r->o->command->name) != 0)) {
        return 1; // another sub-command's
    }
    char where[512];
    snprintf(where, sizeof where, "%s (%s, line %d)", name, r->path, r->n_lines);
    if (!options_set(v, ORIGIN_FILE, where, value, r->err)) {
        r->failed = true;
        return 0;
    }
    return 1;
}

bool options_read_file(struct options *o, const char *path, struct error *err) {
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return error_set(err, ERROR_USAGE, "cannot read the config file %s: %s", path,
                         strerror(errno));
    }
    struct file_reader r = {.o = o, .path = path, .file = file, .err = err};
    int result = ini_parse_stream(next_line, &r, take_pair, &r);
    if (!r.failed && ferror(file)) { // a directory, a disk
        error_set(err, ERROR_USAGE, "cannot read the config file %s: %s", path, strerror(errno));
        r.failed = true;
    }
    if (!r.failed && result != 0) {
        r.n_lines = result > 0 ? result : r.n_lines;
        options_file_fail(&r, "is not `name = value`");
    }
    free(r.line);
    fclose(file);
    return !r.failed;
}
