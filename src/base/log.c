// SPDX-License-Identifier: MIT
// Log lines: formatted into a stack buffer, written with one write(2); a line too long is cut.
#include "base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static atomic_int lowest_level = LOG_INFO;
static const char *const level_names[] = {"trace", "debug", "info", "warn", "error"};

void log_set_level(enum log_level lowest) {
    atomic_store(&lowest_level, (int)lowest);
}

void log_set_level_named(const char *name) {
    for (int level = LOG_TRACE; level <= LOG_ERROR; level++) {
        if (strcmp(name, level_names[level]) == 0) {
            log_set_level((enum log_level)level);
        }
    }
}

void log_line(enum log_level level, const char *layer, const char *format, ...) {
    if ((int)level < atomic_load(&lowest_level)) {
        return;
    }
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    struct tm utc;
    gmtime_r(&now.tv_sec, &utc);
    char line[2048];
    size_t n = strftime(line, sizeof line, "%Y-%m-%dT%H:%M:%S", &utc);
    n += (size_t)snprintf(line + n, sizeof line - n, ".%03dZ %s %s: ", (int)(now.tv_nsec / 1000000),
                          level_names[level], layer);
    va_list args;
    va_start(args, format);
    int more = vsnprintf(line + n, sizeof line - n - 1, format, args);
    va_end(args);
    n += more < 0 ? 0 : (size_t)more;
    if (n > sizeof line - 2) {
        n = sizeof line - 2;
    }
    line[n++] = '\n';
    ssize_t written = write(STDERR_FILENO, line, n);
    UNUSED(written); // nothing can be done about a log that cannot be written
}
