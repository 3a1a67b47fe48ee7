// SPDX-License-Identifier: MIT
// Closing without taking the answer away. A socket that is closed while bytes of the client are
// unread is reset, and with that the client may lose an answer which it has not read yet. So where
// the library closes early, a duplicate of the socket is kept for a while: what comes is thrown
// away until the client is done, DEADLINE_DRAIN expires or it has sent too much. A few at a time;
// beyond that they are closed as they are.
#include "http/http_internal.h"

#include "base/mem.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LINGERING_MAX = 256, LINGER_MAX_BYTES = 4 * 1024 * 1024 };

struct lingering {
    struct deadline deadline; // first: an expired deadline is cast back
    struct lingering *prev, *next;
    int fd;
    size_t taken_bytes;
};

static void linger_end(struct http_server *s, struct lingering *l) {
    deadline_disarm(&s->deadlines, &l->deadline);
    if (l->prev != NULL) {
        l->prev->next = l->next;
    } else {
        s->lingering = l->next;
    }
    if (l->next != NULL) {
        l->next->prev = l->prev;
    }
    s->n_lingering--;
    // The library may still have the socket open: closing ours alone would leave it in the set.
    epoll_ctl(s->epoll_fd, EPOLL_CTL_DEL, l->fd, NULL);
    close(l->fd);
    free(l);
}

void http_linger(struct connection *c) {
    struct http_server *s = c->server;
    if (c->lingers || s->n_lingering >= LINGERING_MAX) {
        return;
    }
    struct lingering *l = try_alloc(sizeof *l);
    int fd = l != NULL ? fcntl(c->fd, F_DUPFD_CLOEXEC, 0) : -1;
    if (fd < 0) {
        free(l);
        return;
    }
    *l = (struct lingering){.fd = fd, .next = s->lingering};
    struct epoll_event want = {.events = EPOLLIN | EPOLLRDHUP,
                               .data.u64 = (uintptr_t)l | EVENT_LINGERING};
    if (epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, fd, &want) != 0) {
        close(fd);
        free(l);
        return;
    }
    if (l->next != NULL) {
        l->next->prev = l;
    }
    s->lingering = l;
    s->n_lingering++;
    c->lingers = true;
    deadline_arm(&s->deadlines, &l->deadline, DEADLINE_DRAIN, s->now_ms);
}

void http_linger_event(struct http_server *s, uint64_t tag) {
    struct lingering *l = (struct lingering *)(uintptr_t)(tag & ~(uint64_t)EVENT_LINGERING);
    char thrown_away[4096];
    ssize_t n = recvfrom(l->fd, thrown_away, sizeof thrown_away, MSG_DONTWAIT, NULL, NULL);
    if (n > 0) {
        l->taken_bytes += (size_t)n;
    }
    if (n == 0 || l->taken_bytes > LINGER_MAX_BYTES ||
        (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)) {
        linger_end(s, l);
    }
}

void http_linger_deadline(struct http_server *s, struct deadline *d) {
    linger_end(s, (struct lingering *)d);
}

void http_lingering_close(struct http_server *s) {
    while (s->lingering != NULL) {
        linger_end(s, s->lingering);
    }
}
