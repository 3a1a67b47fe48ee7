// SPDX-License-Identifier: MIT
// Editing: the text goes into a file that only this user can read, the editor runs on it by the
// shell (it may have arguments, as in "code --wait"), and the file is read back and removed. An
// editor that fails changes nothing.
#include "tool/rejected/rejected_edit.h"

#include "order/order.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static bool read_all(FILE *file, const char *name, struct buf *out, struct error *err) {
    char bytes[16384];
    size_t n;
    while ((n = fread(bytes, 1, sizeof bytes, file)) > 0) {
        buf_put(out, bytes, n);
        if (out->len > ORDER_EVENT_MAX_BYTES) {
            return error_set(err, ERROR_USAGE, "%s is longer than an event can be (%d bytes)", name,
                             ORDER_EVENT_MAX_BYTES);
        }
    }
    if (ferror(file)) {
        return error_set(err, ERROR_USAGE, "cannot read %s: %s", name, strerror(errno));
    }
    return !out->failed || error_set(err, ERROR_RETRIABLE, "out of memory");
}

bool rejected_read_file(const char *path, struct buf *out, struct error *err) {
    if (strcmp(path, "-") == 0) {
        return read_all(stdin, "standard input", out, err);
    }
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return error_set(err, ERROR_USAGE, "cannot read %s: %s", path, strerror(errno));
    }
    bool ok = read_all(file, path, out, err);
    fclose(file);
    return ok;
}

static bool write_temporary(char *path, struct text event, struct error *err) {
    int fd = mkstemps(path, 5);
    FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;
    bool ok = file != NULL && fwrite(event.at, 1, event.len, file) == event.len &&
              fputc('\n', file) != EOF;
    ok = file != NULL && fclose(file) == 0 && ok;
    if (file == NULL && fd >= 0) {
        close(fd);
    }
    return ok || error_set(err, ERROR_FATAL, "cannot write %s: %s", path, strerror(errno));
}

static bool run_editor(const char *path, struct error *err) {
    const char *editor = getenv("VISUAL");
    editor = editor == NULL || editor[0] == '\0' ? getenv("EDITOR") : editor;
    editor = editor == NULL || editor[0] == '\0' ? "vi" : editor;
    char command[4096];
    if (snprintf(command, sizeof command, "%s \"$1\"", editor) >= (int)sizeof command) {
        return error_set(err, ERROR_USAGE, "the editor's command is too long");
    }
    pid_t child = fork();
    if (child == 0) {
        execl("/bin/sh", "sh", "-c", command, "sh", path, (char *)NULL);
        _exit(127);
    }
    int status = -1;
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return (child > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0) ||
           error_set(err, ERROR_USAGE,
                     "the editor (%.200s) failed, nothing was sent; set EDITOR, or give the event "
                     "with --file",
                     editor);
}

bool rejected_edit_text(struct text event, struct buf *out, bool *changed, struct error *err) {
    char path[4096];
    const char *directory = getenv("TMPDIR");
    if (snprintf(path, sizeof path, "%s/salestide-event-XXXXXX.json",
                 directory != NULL && directory[0] != '\0' ? directory : "/tmp") >=
        (int)sizeof path) {
        return error_set(err, ERROR_USAGE, "the path in TMPDIR is too long");
    }
    if (!write_temporary(path, event, err)) {
        return false;
    }
    bool ok = run_editor(path, err) && rejected_read_file(path, out, err);
    unlink(path);
    *changed = ok && !text_equal(text_trim(buf_text(out)), text_trim(event));
    return ok;
}
