// SPDX-License-Identifier: MIT
#include "base/secret.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool read_file(const char *path, char *out, struct error *err) {
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return error_set(err, ERROR_USAGE, "cannot read the secret in %s: %s", path,
                         strerror(errno));
    }
    char line[SECRET_MAX_BYTES + 3]; // \r\n or one byte too many, and the zero
    bool got = fgets(line, sizeof line, file) != NULL;
    fclose(file);
    size_t n = got ? strcspn(line, "\r\n") : 0;
    if (n == 0) {
        return error_set(err, ERROR_USAGE, "%s has no secret on its first line", path);
    }
    if (n > SECRET_MAX_BYTES) {
        return error_set(err, ERROR_USAGE, "the secret in %s is longer than %d bytes", path,
                         SECRET_MAX_BYTES);
    }
    memcpy(out, line, n);
    out[n] = '\0';
    explicit_bzero(line, sizeof line);
    return true;
}

bool secret_read(const char *variable, const char *file, char out[static SECRET_MAX_BYTES + 1],
                 struct error *err) {
    out[0] = '\0';
    if (file != NULL) {
        return read_file(file, out, err);
    }
    const char *typed = getenv(variable);
    size_t n = typed != NULL ? strlen(typed) : 0;
    if (n > SECRET_MAX_BYTES) {
        return error_set(err, ERROR_USAGE, "%s is longer than %d bytes", variable,
                         SECRET_MAX_BYTES);
    }
    memcpy(out, typed != NULL ? typed : "", n + 1);
    return true;
}
