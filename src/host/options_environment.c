// SPDX-License-Identifier: MIT
// A variable of our prefix that nothing reads is a mistake in a unit file or a script that nobody
// would see: it stops the start, as an unknown option does.
#include "host/options_internal.h"

#include <ctype.h>
#include <string.h>
#include <unistd.h>

static const char prefix[] = "SALESTIDE_";
enum { PREFIX_LEN = sizeof prefix - 1 };

// Not options: passwords, the fault of a test build, what the repository's own scripts read.
static const char *const other_names[] = {"MYSQL_PASSWORD",
                                          "CASSANDRA_PASSWORD",
                                          "KAFKA_PASSWORD",
                                          "BI_PASSWORD",
                                          "FAULT",
                                          "SERVERS",
                                          "BIN",
                                          "FAULT_BIN"};
// Container platforms set these for a service of the name "salestide".
static const char *const of_platforms[] = {"SERVICE_", "PORT"};

// The variable's name as that of an option.
static void spell_option(const char *variable, size_t n, char *out, size_t out_bytes) {
    size_t at = 0;
    for (; at < n && at + 1 < out_bytes; at++) {
        char c = variable[at];
        out[at] = c == '_' ? '-' : (char)tolower((unsigned char)c);
    }
    out[at] = '\0';
}

static const char *option_name_at(size_t i, const void *user) {
    UNUSED(user);
    return i < option_specs_count ? option_specs[i].name : NULL;
}

static bool is_known(const char *variable, size_t n) {
    char name[96];
    for (size_t i = 0; i < option_specs_count; i++) {
        option_environment_name(option_specs[i].name, name, sizeof name);
        if (strlen(name) == PREFIX_LEN + n && memcmp(name + PREFIX_LEN, variable, n) == 0) {
            return true;
        }
    }
    for (size_t i = 0; i < COUNT_OF(other_names); i++) {
        if (strlen(other_names[i]) == n && memcmp(other_names[i], variable, n) == 0) {
            return true;
        }
    }
    for (size_t i = 0; i < COUNT_OF(of_platforms); i++) {
        if (strncmp(variable, of_platforms[i], strlen(of_platforms[i])) == 0) {
            return true;
        }
    }
    return false;
}

bool options_check_environment(struct error *err) {
    for (char **at = environ; *at != NULL; at++) {
        if (strncmp(*at, prefix, PREFIX_LEN) != 0) {
            continue;
        }
        const char *variable = *at + PREFIX_LEN;
        size_t n = strcspn(variable, "=");
        bool is_set = variable[n] == '=' && variable[n + 1] != '\0'; // empty counts as not set
        if (!is_set || is_known(variable, n)) {
            continue;
        }
        char name[64], meant[96] = "";
        spell_option(variable, n, name, sizeof name);
        const char *nearest = options_nearest(name, option_name_at, NULL);
        if (nearest != NULL) {
            option_environment_name(nearest, meant, sizeof meant);
        }
        return error_set(err, ERROR_USAGE,
                         "the environment variable %s%.*s names no option%s%s%s; unset it", prefix,
                         n > 60 ? 60 : (int)n, variable, nearest != NULL ? " (did you mean " : "",
                         meant, nearest != NULL ? "?)" : "");
    }
    return true;
}
