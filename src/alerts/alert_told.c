// SPDX-License-Identifier: MIT
// The file has a line `NAME SINCE_MS` for each alert. A line that cannot be read is none, and a
// file that cannot be is empty: then what fires is told once more.
#include "alerts/alert_told.h"

#include "base/buf.h"
#include "base/log.h"
#include "base/replace_file.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_NAME "alerts.told"
enum { PATH_BYTES = 4096 };

void alert_told_init(struct alert_told *t, const char *directory) {
    *t = (struct alert_told){.directory = directory, .lock_fd = -1};
}

void alert_told_free(struct alert_told *t) {
    if (t->lock_fd >= 0) {
        close(t->lock_fd);
    }
    t->lock_fd = -1;
}

bool alert_told_is_there(const struct alert_told *t) {
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "%s/" FILE_NAME, t->directory);
    return access(path, F_OK) == 0;
}

static bool read_line(char *line, struct told_alert *out) {
    char *space = strchr(line, ' '), *end;
    if (space == NULL || space == line || space - line > ALERT_NAME_MAX) {
        return false;
    }
    *space = '\0';
    *out = (struct told_alert){.since_ms = 0};
    memcpy(out->name, line, (size_t)(space - line));
    errno = 0;
    out->since_ms = strtoll(space + 1, &end, 10);
    return errno == 0 && end > space + 1 && *end == '\n';
}

static void load(struct alert_told *t) {
    char path[PATH_BYTES], line[128];
    snprintf(path, sizeof path, "%s/" FILE_NAME, t->directory);
    t->n = 0;
    FILE *f = fopen(path, "re");
    while (f != NULL && fgets(line, sizeof line, f) != NULL && t->n < ALERT_TOLD_MAX) {
        t->n += read_line(line, &t->at[t->n]);
    }
    if (f != NULL) {
        fclose(f);
    }
}

static void warn(struct alert_told *t, const char *what) {
    if (!t->warned) {
        log_warn("alerts", "%s; after a restart alerts that still fire are told once more", what);
    }
    t->warned = true;
}

enum told_turn alert_told_take(struct alert_told *t) {
    char path[PATH_BYTES], what[PATH_BYTES + 128];
    if (t->lock_fd >= 0) {
        return TOLD_OURS;
    }
    snprintf(path, sizeof path, "%s/alerts.lock", t->directory);
    bool there = mkdir(t->directory, 0700) == 0 || errno == EEXIST;
    int fd = there ? open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600) : -1;
    if (fd < 0) {
        snprintf(what, sizeof what, "cannot write %s: %s", path, strerror(errno));
        warn(t, what);
        return TOLD_OURS;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        close(fd);
        return TOLD_OTHER;
    }
    t->lock_fd = fd;
    load(t);
    return TOLD_TAKEN;
}

const struct told_alert *alert_told_find(const struct alert_told *t, const char *name) {
    for (size_t i = 0; i < t->n; i++) {
        if (strcmp(t->at[i].name, name) == 0) {
            return &t->at[i];
        }
    }
    return NULL;
}

bool alert_told_add(struct alert_told *t, const char *name, int64_t since_ms) {
    if (t->n == ALERT_TOLD_MAX) {
        return false;
    }
    struct told_alert *a = &t->at[t->n++];
    *a = (struct told_alert){.since_ms = since_ms};
    snprintf(a->name, sizeof a->name, "%s", name);
    return true;
}

void alert_told_remove(struct alert_told *t, const char *name) {
    for (size_t i = 0; i < t->n; i++) {
        if (strcmp(t->at[i].name, name) == 0) {
            t->at[i] = t->at[--t->n];
            return;
        }
    }
}

void alert_told_save(struct alert_told *t) {
    struct buf lines = {0};
    struct error err = {0};
    if (t->lock_fd < 0) {
        return; // said already
    }
    for (size_t i = 0; i < t->n; i++) {
        buf_printf(&lines, "%s %" PRId64 "\n", t->at[i].name, t->at[i].since_ms);
    }
    bool ok = lines.failed ? error_set(&err, ERROR_RETRIABLE, "no memory for " FILE_NAME)
                           : replace_file(t->directory, FILE_NAME, buf_text(&lines), &err);
    if (ok) {
        t->warned = false;
    } else {
        warn(t, err.text);
    }
    buf_free(&lines);
}
