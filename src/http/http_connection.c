// SPDX-License-Identifier: MIT
// Connections and their time limits. The library has one limit for all and can answer only whole
// requests, so limits are kept here: on expiry the socket is shut down and the library, seeing it
// closed, cleans up; a body that is too slow is first answered 408 past the library.
#include "http/http_internal.h"

#include "base/mem.h"
#include "http/http_library.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>

static void connection_started(struct http_server *s, struct MHD_Connection *mhd,
                               void **socket_context) {
    struct connection *c = mem_zalloc(1, sizeof *c);
    c->server = s;
    c->fd = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    c->next = s->connections;
    if (c->next != NULL) {
        c->next->prev = c;
    }
    s->connections = c;
    s->n_connections++;
    http_arm(c, DEADLINE_HEADERS);
    http_library_at(c->fd);
    // Not being told is no failure: then a time limit ends the connection.
    struct epoll_event want = {.events = EPOLLRDHUP | EPOLLET,
                               .data.u64 = (uintptr_t)c | EVENT_CLIENT_DONE};
    (void)epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, c->fd, &want);
    *socket_context = c;
}

void http_refuse_head(struct connection *c, enum problem p, const char *detail) {
    if (!c->answered) {
        c->answered = true;
        http_reply_to_connection(c, p, detail, NULL);
        http_linger(c);
    }
}

// The library does not look again after a read that left nothing, and so misses an end that came
// together with the last bytes. Ending our direction of reading too keeps what has come, and is an
// event that the library waits for.
void http_client_done(uint64_t tag) {
    struct connection *c = (struct connection *)(uintptr_t)(tag & ~(uint64_t)EVENT_CLIENT_DONE);
    shutdown(c->fd, SHUT_RD);
}

// A request line that it cannot read at all the library answers by closing. Seen here when it was
// the connection's first, or came after requests that let it go on, and neither the client nor a
// time limit has ended it.
static bool closed_unanswered(const struct connection *c) {
    char byte;
    if ((c->had_request && !c->served) || c->answered) {
        return false;
    }
    ssize_t n = recvfrom(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT, NULL, NULL);
    return n > 0 || (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK));
}

static void connection_closed(struct http_server *s, struct connection *c) {
    if (!s->stopping && closed_unanswered(c)) {
        http_refuse_head(c, PROBLEM_BAD_REQUEST, "the request line is not one of HTTP");
    }
    epoll_ctl(s->epoll_fd, EPOLL_CTL_DEL, c->fd, NULL); // others may have the socket open
    deadline_disarm(&s->deadlines, &c->deadline);
    if (c->prev != NULL) {
        c->prev->next = c->next;
    } else {
        s->connections = c->next;
    }
    if (c->next != NULL) {
        c->next->prev = c->prev;
    }
    s->n_connections--;
    s->n_closed++;
    free(c);
}

void http_connection_notice(void *cls, struct MHD_Connection *mhd, void **socket_context,
                            enum MHD_ConnectionNotificationCode code) {
    struct http_server *s = cls;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        connection_started(s, mhd, socket_context);
    } else if (*socket_context != NULL) {
        connection_closed(s, *socket_context);
        *socket_context = NULL;
    }
}

static void connection_expired(struct connection *c, enum deadline_kind kind) {
    if (kind == DEADLINE_BODY) {
        c->server->stats.timed_out++;
        http_reply_raw(c->request, PROBLEM_BODY_TIMEOUT,
                       "the request's body did not arrive within --body-timeout");
        return;
    }
    if (kind != DEADLINE_IDLE && kind != DEADLINE_LINGER) {
        c->server->stats.timed_out++;
    }
    shutdown(c->fd, SHUT_RDWR);
}

void http_deadlines_run(struct http_server *s) {
    struct deadline *d;
    enum deadline_kind kind;
    while ((d = deadline_expired(&s->deadlines, s->now_ms, &kind)) != NULL) {
        if (kind == DEADLINE_HEARTBEAT || kind == DEADLINE_STALL) {
            http_viewer_deadline(s, d, kind);
        } else if (kind == DEADLINE_DRAIN) {
            http_linger_deadline(s, d);
        } else {
            connection_expired((struct connection *)d, kind);
        }
    }
}

void http_connections_close_idle(struct http_server *s) {
    for (struct connection *c = s->connections; c != NULL; c = c->next) {
        if (c->request == NULL || c->request->state.now == REQUEST_DRAINING) {
            shutdown(c->fd, SHUT_RDWR);
        }
    }
}

void http_connections_close_all(struct http_server *s) {
    for (struct connection *c = s->connections; c != NULL; c = c->next) {
        shutdown(c->fd, SHUT_RDWR);
    }
}
