// SPDX-License-Identifier: MIT
// Replacing: the folder is locked, so that of several processes with one file each sees what the
// one before has written; the text is compared with what the caller has seen; then the file is
// replaced by a rename. A symbolic link stays one: what it points to is replaced.
//
// How it fails: a folder that is locked for longer than a second (whoever writes needs far less), a
// file or folder that this process may not write. Nothing has changed then.
#include "alerts/alert_file.h"

#include "base/hash.h"
#include "base/replace_file.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

// --- Reading

static bool read_all(FILE *f, struct buf *out) {
    char bytes[4096];
    size_t n;
    while ((n = fread(bytes, 1, sizeof bytes, f)) > 0 && out->len <= ALERT_FILE_MAX_BYTES) {
        buf_put(out, bytes, n);
    }
    return !ferror(f);
}

bool alert_file_text(const struct alert_file *f, struct buf *out, struct error *err) {
    FILE *file = fopen(f->path, "re");
    if (file == NULL && errno == ENOENT && f->optional) {
        return true;
    }
    bool ok = file != NULL && read_all(file, out);
    if (!ok || out->failed) {
        ok = error_set(err, ERROR_USAGE, "cannot read the alerts of %s: %s", f->path,
                       out->failed ? "no memory" : strerror(errno));
    } else if (out->len > ALERT_FILE_MAX_BYTES) {
        ok = error_set(err, ERROR_USAGE, "%s is larger than %d KiB: it is no file of alerts",
                       f->path, ALERT_FILE_MAX_BYTES / 1024);
    }
    if (file != NULL) {
        fclose(file);
    }
    return ok;
}

bool alert_file_rules(const struct alert_file *f, struct alert_rules *out, struct error *err) {
    struct buf lines = {0};
    struct alert_mistake mistake;
    out->n = 0;
    bool ok = alert_file_text(f, &lines, err);
    if (ok && !alert_rules_read(buf_text(&lines), f->knows_lag, out, &mistake)) {
        ok = error_set(err, ERROR_USAGE, "%s:%zu: %s", f->path, mistake.line, mistake.why.text);
    }
    buf_free(&lines);
    return ok;
}

void alert_file_tag(struct text lines, char tag[static ALERT_TAG_BYTES]) {
    snprintf(tag, ALERT_TAG_BYTES, "\"%016" PRIx64 "\"", hash_text(lines, 0));
}

// --- Replacing

struct place {
    char path[PATH_MAX]; // its folder, cut into two
    const char *directory, *name;
};

static bool find_place(const struct alert_file *f, struct place *p, struct error *err) {
    if (realpath(f->path, p->path) == NULL) {
        if (errno != ENOENT || strlen(f->path) >= sizeof p->path) {
            return error_set(err, ERROR_RETRIABLE, "cannot write %s: %s", f->path, strerror(errno));
        }
        snprintf(p->path, sizeof p->path, "%s", f->path);
    }
    char *slash = strrchr(p->path, '/');
    p->name = slash != NULL ? slash + 1 : p->path;
    p->directory = slash == NULL ? "." : slash == p->path ? "/" : p->path;
    if (slash != NULL) {
        *slash = '\0';
    }
    return true;
}

// The folder, locked; below 0: err tells.
static int lock_directory(const char *directory, struct error *err) {
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0 && replace_file_wait(fd)) {
        return fd;
    }
    error_set(err, ERROR_RETRIABLE, "cannot lock the folder %s: %s", directory, strerror(errno));
    if (fd >= 0) {
        close(fd);
    }
    return -1;
}

static enum alert_replaced replace_locked(const struct alert_file *f, const struct place *p,
                                          struct text known, struct text lines, struct error *err) {
    struct buf now = {0};
    char tag[ALERT_TAG_BYTES];
    bool read = known.at == NULL || alert_file_text(f, &now, err);
    alert_file_tag(buf_text(&now), tag);
    buf_free(&now);
    if (!read) {
        return ALERT_NOT_REPLACED;
    }
    if (known.at != NULL && !text_equal(known, text_of(tag))) {
        return ALERT_NOT_THE_SAME;
    }
    return replace_file(p->directory, p->name, lines, err) ? ALERT_REPLACED : ALERT_NOT_REPLACED;
}

enum alert_replaced alert_file_replace(const struct alert_file *f, struct text known,
                                       struct text lines, struct error *err) {
    struct place place;
    if (!find_place(f, &place, err)) {
        return ALERT_NOT_REPLACED;
    }
    int lock = lock_directory(place.directory, err);
    if (lock < 0) {
        return ALERT_NOT_REPLACED;
    }
    enum alert_replaced result = replace_locked(f, &place, known, lines, err);
    close(lock);
    return result;
}
