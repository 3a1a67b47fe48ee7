// SPDX-License-Identifier: MIT
// The library's own refusals (a head that is too large or malformed, a version it does not speak,
// broken chunks) as problems of ours.
//
// The library answers these by itself, as HTML, now and then twice in a row, and no option changes
// that. But before it does, it logs "Error processing request (HTTP response code is %u ...)", in
// the middle of the connection's turn. So:
//
// 1. The logger answers with a problem past the library and ends our direction of the socket.
// 2. The library's own page then finds a socket that takes nothing more, and it closes its end.
// 3. The client gets time to read: http_linger.
//
// The log line does not say which connection it is about. It is the one that the library is busy
// with: the one that it last read from or called us for. For the first, recv of the C library is
// defined here, which the dynamic linker prefers: the same call with a note of the descriptor. If
// the note is ever missing or names a connection that cannot be meant, nothing is answered here and
// the library's page goes out as it did.
#include "http/http_library.h"

#include <string.h>
#include <sys/socket.h>

static _Thread_local int current_fd = -1;

void http_library_at(int fd) {
    current_fd = fd;
}

ssize_t recv(int fd, void *to, size_t n_bytes, int flags) {
    current_fd = fd;
    return recvfrom(fd, to, n_bytes, flags, NULL, NULL);
}

static struct connection *current_connection(struct http_server *s) {
    for (struct connection *c = s->connections; c != NULL; c = c->next) {
        if (c->fd == current_fd) {
            return c;
        }
    }
    return NULL;
}

static enum problem problem_of(unsigned status, const char **detail) {
    switch (status) {
    case 413:
        *detail = "the Content-Length is more than any body may have";
        return PROBLEM_BODY_TOO_LARGE;
    case 414:
        *detail = "the request line is too long";
        return PROBLEM_TARGET_TOO_LONG;
    case 431:
        *detail = "the head of the request (its cookies?) is too long";
        return PROBLEM_HEAD_TOO_LARGE;
    case 500:
        *detail = "";
        return PROBLEM_INTERNAL;
    case 505:
        *detail = "versions 1.0 and 1.1 of HTTP are spoken here";
        return PROBLEM_HTTP_VERSION;
    default:
        *detail = "this is not HTTP as RFC 9112 has it: its request line, a header line, "
                  "Content-Length or the chunks of its body";
        return PROBLEM_BAD_REQUEST;
    }
}

void http_library_says(void *server, const char *format, va_list args) {
    static const char refused[] = "Error processing request (HTTP response code is %u";
    struct http_server *s = server;
    if (strncmp(format, refused, sizeof refused - 1) != 0) {
        return;
    }
    const char *detail;
    enum problem p = problem_of(va_arg(args, unsigned), &detail);
    struct connection *c = current_connection(s);
    if (c == NULL) {
        return;
    }
    if (c->request == NULL) {
        http_refuse_head(c, p, detail);
    } else if (c->request->state.now == REQUEST_READING) {
        http_reply_raw(c->request, p, detail);
        http_linger(c);
    }
}
