// SPDX-License-Identifier: MIT
// Waits by poll in short steps, so that a stop is seen within one; reads what is there.
//
// How it fails: the other side is gone (end of file, EPIPE), which is how it ends.
#include "tool/tally/tally_input.h"

#include "base/clock.h"
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <unistd.h>

enum { STEP_MS = 200, READ_BYTES = 256 * 1024 };

static bool is_stopped(const struct tally_input *p) {
    return p->stop != NULL && atomic_load(p->stop);
}

// Until the descriptor is ready; false: it is not, and a stop was asked for.
static bool wait_ready(const struct tally_input *p, int fd, short events) {
    for (;;) {
        bool stopped = is_stopped(p);
        struct pollfd one = {.fd = fd, .events = events};
        if (poll(&one, 1, stopped ? 0 : STEP_MS) > 0) {
            return true;
        }
        if (stopped) {
            return false;
        }
    }
}

// What is taken goes to make room for more.
static void drop_taken(struct tally_input *p) {
    if (p->taken > 0) {
        p->bytes.len -= p->taken;
        memmove(p->bytes.at, p->bytes.at + p->taken, p->bytes.len);
        p->taken = 0;
    }
}

static enum tally_end read_some(struct tally_input *p) {
    if (!buf_reserve(&p->bytes, READ_BYTES)) {
        return TALLY_TOO_LONG;
    }
    while (wait_ready(p, p->in, POLLIN)) {
        ssize_t n = read(p->in, p->bytes.at + p->bytes.len, READ_BYTES);
        if (n > 0) {
            p->bytes.len += (size_t)n;
            return TALLY_MORE;
        }
        if (n == 0 || (errno != EINTR && errno != EAGAIN)) {
            return TALLY_ENDED;
        }
    }
    return TALLY_ENDED;
}

enum tally_end tally_input_line(struct tally_input *p, size_t most_bytes, struct text *line) {
    drop_taken(p);
    for (size_t seen = 0;;) {
        const char *end =
            p->bytes.len > seen ? memchr(p->bytes.at + seen, '\n', p->bytes.len - seen) : NULL;
        size_t len = end != NULL ? (size_t)(end - p->bytes.at) : p->bytes.len;
        if (len > most_bytes) {
            return TALLY_TOO_LONG;
        }
        if (end != NULL) {
            *line = (struct text){p->bytes.at, len};
            p->taken = len + 1;
            return is_stopped(p) ? TALLY_ENDED : TALLY_MORE;
        }
        seen = p->bytes.len;
        enum tally_end read = read_some(p);
        if (read != TALLY_MORE) {
            return read;
        }
    }
}

enum tally_end tally_input_bytes(struct tally_input *p, size_t n_bytes, struct buf *out) {
    drop_taken(p);
    while (n_bytes > 0) {
        size_t n = p->bytes.len < n_bytes ? p->bytes.len : n_bytes;
        if (out != NULL) {
            buf_put(out, p->bytes.at, n);
        }
        p->taken = n;
        drop_taken(p);
        n_bytes -= n;
        enum tally_end read = n_bytes > 0 ? read_some(p) : TALLY_MORE;
        if (read != TALLY_MORE) {
            return read;
        }
    }
    return out != NULL && out->failed ? TALLY_TOO_LONG : TALLY_MORE;
}

bool tally_output(struct tally_input *p, struct text t) {
    while (t.len > 0 && wait_ready(p, p->out, POLLOUT)) {
        ssize_t n = write(p->out, t.at, t.len < PIPE_BUF ? t.len : PIPE_BUF);
        if (n < 0 && errno != EINTR && errno != EAGAIN) {
            return false;
        }
        t.at += n > 0 ? n : 0;
        t.len -= n > 0 ? (size_t)n : 0;
    }
    return t.len == 0;
}

bool tally_input_pause(void *input, int ms) {
    struct tally_input *p = input;
    while (ms > 0 && !is_stopped(p)) {
        int step_ms = ms < STEP_MS ? ms : STEP_MS;
        struct pollfd gone = {.fd = p->in}; // of a pipe whose writer is gone
        if (poll(&gone, 1, 0) > 0 && (gone.revents & (POLLHUP | POLLERR)) != 0) {
            return true;
        }
        clock_sleep_ms(step_ms);
        ms -= step_ms;
    }
    return is_stopped(p);
}

void tally_input_free(struct tally_input *p) {
    buf_free(&p->bytes);
}
