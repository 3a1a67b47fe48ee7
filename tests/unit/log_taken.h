// SPDX-License-Identifier: MIT
// The lines of the log that a piece of a test makes, as text. What fails in between is not shown:
// keep the piece short, and assert afterwards.
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/log.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct log_taken {
    FILE *file;
    int stderr_fd;
};

static inline struct log_taken log_taken_begin(enum log_level lowest) {
    struct log_taken t = {.file = tmpfile(), .stderr_fd = dup(STDERR_FILENO)};
    assert_non_null(t.file);
    assert_true(t.stderr_fd >= 0);
    assert_true(dup2(fileno(t.file), STDERR_FILENO) == STDERR_FILENO);
    log_set_level(lowest);
    return t;
}

// The log is off again, as in the rest of a test. The caller frees the text.
static inline char *log_taken_end(struct log_taken *t) {
    log_set_level(LOG_ERROR + 1);
    dup2(t->stderr_fd, STDERR_FILENO);
    close(t->stderr_fd);
    assert_int_equal(fseek(t->file, 0, SEEK_END), 0);
    long n = ftell(t->file);
    assert_true(n >= 0);
    char *text = calloc(1, (size_t)n + 1);
    assert_non_null(text);
    rewind(t->file);
    assert_int_equal(fread(text, 1, (size_t)n, t->file), (size_t)n);
    fclose(t->file);
    return text;
}

static inline int log_taken_count(const char *text, const char *what) {
    int n = 0;
    for (const char *at = text; (at = strstr(at, what)) != NULL; at += strlen(what)) {
        n++;
    }
    return n;
}
