// SPDX-License-Identifier: MIT
// The customers file: its bytes are read by chunks and fed to the core until it ends.
//
// Fails when the file cannot be opened or read, or when it is wrong.
#include "engine/customers_file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static bool feed(struct customers_input *in, int fd, const char *path, struct customers **out,
                 struct error *err) {
    ssize_t n;
    do {
        size_t room;
        char *to = customers_input_room(in, &room);
        n = read(fd, to, room);
        if (n < 0 && errno != EINTR) {
            return error_set(err, ERROR_RETRIABLE, "cannot read %s: %s", path, strerror(errno));
        }
        if (n >= 0 && !customers_input_fed(in, (size_t)n, out, err)) {
            return false;
        }
    } while (n != 0);
    return true;
}

bool customers_load(const char *path, struct customers **out, struct error *err) {
    *out = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return error_set(err, ERROR_USAGE, "cannot open customers %s: %s", path, strerror(errno));
    }
    struct customers_input *in = customers_input_new(path, NULL);
    bool ok = in != NULL ? feed(in, fd, path, out, err)
                         : error_set(err, ERROR_RETRIABLE, "%s: out of memory", path);
    customers_input_free(in);
    close(fd);
    return ok;
}
