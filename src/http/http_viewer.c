// SPDX-License-Identifier: MIT
// GET /v1/stream: server-sent events to the live pages.
//
// A viewer's socket is taken over from the library (by dup; the library closes its own end without
// a shutdown, because it runs with MHD_USE_TURBO): thousands of open streams then cost it nothing.
// The stream has no length and ends with the connection. Events are rendered once for all viewers
// (struct http_stream), packed once for those that take gzip (http_pack.h), and sent from that
// shared memory; a viewer holds a reference while one is on its way.
//
// 1. http_stream_changed (the stream's thread) wakes the loop, which marks every viewer as having
// news.
// 2. http_viewers_pump sends to PUMP_VIEWERS of them a turn, so that orders are served in between,
//    and tells the stream when none has news left: it makes no more events than are taken.
// 3. A viewer that does not take its bytes waits for its socket; after the stall time it is dropped
//    and its browser connects again by itself, with Last-Event-ID.
#include "http/http_internal.h"

#include "base/log.h"
#include "base/mem.h"
#include "http/http_pack.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    PUMP_VIEWERS = 64, // about half a millisecond
    PUMP_EVENTS = 8,
    SEND_BUFFER_BYTES = 128 * 1024, // the kernel's, of one viewer; it would grow to megabytes
};

struct viewer {
    struct deadline deadline; // first: an expired deadline is cast back
    struct viewer *prev, *next;
    struct viewer *next_news;
    int fd;
    bool has_news, blocked, dead, gzip;
    uint64_t last_id;
    const struct stream_event *event; // that is being sent, or
    struct packed *packed;            // with gzip its packed form; NULL: none
    struct text unsent;               // of it
    char key_id[KEY_ID_LEN + 1];      // "": none was needed
    char session[SESSION_NONCE_LEN + 1];
};

struct viewers {
    struct viewer *all;
    size_t n;
    struct viewer *news, **news_last; // those with something to send
    bool serving;                     // a change that not all have been sent
    struct packs *packs;
};

void http_viewers_new(struct http_server *s) {
    s->viewers = mem_zalloc(1, sizeof *s->viewers);
    s->viewers->news_last = &s->viewers->news;
    s->viewers->packs = packs_new();
}

size_t http_viewers_count(const struct http_server *s) {
    return s->viewers->n;
}

static void mark_news(struct viewers *all, struct viewer *v) {
    if (!v->has_news && !v->dead) {
        v->has_news = true;
        v->next_news = NULL;
        *all->news_last = v;
        all->news_last = &v->next_news;
    }
}

static void tell_count(struct http_server *s) {
    if (s->stream.ops != NULL) {
        s->stream.ops->set_viewers(s->stream.of, (int64_t)s->viewers->n);
    }
}

static bool is_sending(const struct viewer *v) {
    return v->event != NULL || v->packed != NULL;
}

static void release_event(struct http_server *s, struct viewer *v) {
    if (v->event != NULL) {
        s->stream.ops->release(v->event);
    }
    packed_release(v->packed, s->stream.ops);
    v->event = NULL;
    v->packed = NULL;
}

// The next event, if there is one.
static void take_event(struct http_server *s, struct viewer *v) {
    v->event = s->stream.ops->next(s->stream.of, &v->last_id);
    if (v->event != NULL && v->gzip) {
        v->packed = packs_get(s->viewers->packs, v->event, s->stream.ops);
        v->event = NULL;
        v->unsent = (struct text){v->packed->bytes, v->packed->len};
    } else if (v->event != NULL) {
        v->unsent = (struct text){v->event->bytes, v->event->len};
    }
}

// Closes the stream. A viewer that waits in the news list is freed when it comes up there.
static void drop(struct http_server *s, struct viewer *v) {
    struct viewers *all = s->viewers;
    if (v->dead) {
        return;
    }
    v->dead = true;
    deadline_disarm(&s->deadlines, &v->deadline);
    release_event(s, v);
    if (v->prev != NULL) {
        v->prev->next = v->next;
    } else {
        all->all = v->next;
    }
    if (v->next != NULL) {
        v->next->prev = v->prev;
    }
    all->n--;
    epoll_ctl(s->epoll_fd, EPOLL_CTL_DEL, v->fd, NULL); // the library may have the socket, too
    close(v->fd);
    tell_count(s);
    if (!v->has_news) {
        free(v);
    }
}

void http_viewers_close(struct http_server *s) {
    while (s->viewers->all != NULL) {
        drop(s, s->viewers->all);
    }
    packs_clear(s->viewers->packs, s->stream.ops);
}

void http_viewers_free(struct http_server *s) {
    struct viewers *all = s->viewers;
    if (all == NULL) {
        return;
    }
    http_viewers_close(s);
    while (all->news != NULL) { // the dropped ones that still waited there
        struct viewer *v = all->news;
        all->news = v->next_news;
        free(v);
    }
    packs_free(all->packs);
    free(all);
    s->viewers = NULL;
}

// Sends what is left of the current event. False: the viewer is blocked or gone.
static bool send_rest(struct http_server *s, struct viewer *v) {
    while (v->unsent.len > 0) {
        ssize_t n = send(v->fd, v->unsent.at, v->unsent.len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            if (!v->blocked) {
                v->blocked = true;
                deadline_arm(&s->deadlines, &v->deadline, DEADLINE_STALL, s->now_ms);
            }
            return false;
        }
        if (n < 0) {
            drop(s, v);
            return false;
        }
        v->unsent.at += n;
        v->unsent.len -= (size_t)n;
        v->blocked = false;
        deadline_arm(&s->deadlines, &v->deadline, DEADLINE_HEARTBEAT, s->now_ms);
    }
    release_event(s, v);
    return true;
}

// Sends events until there is none, the socket is full, or others should have their turn.
static void pump(struct http_server *s, struct viewer *v) {
    for (int i = 0; i < PUMP_EVENTS; i++) {
        if (!is_sending(v)) {
            take_event(s, v);
        }
        if (!is_sending(v) || !send_rest(s, v)) {
            return;
        }
    }
    mark_news(s->viewers, v);
}

static void tell_served(struct http_server *s) {
    struct viewers *all = s->viewers;
    if (all->serving && all->news == NULL) {
        all->serving = false;
        if (s->stream.ops != NULL) {
            s->stream.ops->served(s->stream.of);
        }
    }
}

bool http_viewers_pump(struct http_server *s) {
    struct viewers *all = s->viewers;
    for (int i = 0; i < PUMP_VIEWERS && all->news != NULL; i++) {
        struct viewer *v = all->news;
        all->news = v->next_news;
        if (all->news == NULL) {
            all->news_last = &all->news;
        }
        v->has_news = false;
        if (v->dead) {
            free(v);
        } else if (!v->blocked) {
            pump(s, v);
        }
    }
    tell_served(s);
    return all->news != NULL;
}

void http_viewers_notify(struct http_server *s) {
    s->viewers->serving = true;
    for (struct viewer *v = s->viewers->all; v != NULL; v = v->next) {
        mark_news(s->viewers, v);
    }
}

void http_viewer_event(struct http_server *s, void *viewer, uint32_t events) {
    struct viewer *v = viewer;
    char ignored[512];
    if (events & (EPOLLHUP | EPOLLERR | EPOLLRDHUP)) {
        drop(s, v);
        return;
    }
    if (events & EPOLLIN) { // nothing is expected; reading shows an end
        ssize_t n;
        while ((n = recv(v->fd, ignored, sizeof ignored, MSG_DONTWAIT)) > 0) {
        }
        if (n == 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)) {
            drop(s, v);
            return;
        }
    }
    if (events & EPOLLOUT) {
        v->blocked = false;
        mark_news(s->viewers, v);
    }
}

void http_viewer_deadline(struct http_server *s, struct deadline *d, enum deadline_kind kind) {
    struct viewer *v = (struct viewer *)d;
    struct text heartbeat = v->gzip ? packed_heartbeat : TEXT_LIT(":\n\n");
    if (kind == DEADLINE_STALL) {
        log_debug("http", "a viewer that took nothing was dropped");
        drop(s, v);
        return;
    }
    // Only between two events, into an idle socket: a few bytes are sent whole or not at all.
    ssize_t n =
        is_sending(v) ? 0 : send(v->fd, heartbeat.at, heartbeat.len, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK) {
        drop(s, v);
        return;
    }
    deadline_arm(&s->deadlines, &v->deadline, DEADLINE_HEARTBEAT, s->now_ms);
}

static uint64_t last_event_id(struct MHD_Connection *mhd) {
    const char *text = MHD_lookup_connection_value(mhd, MHD_HEADER_KIND, "Last-Event-ID");
    char *end;
    if (text == NULL || text[0] < '0' || text[0] > '9') {
        return 0;
    }
    errno = 0;
    unsigned long long id = strtoull(text, &end, 10);
    return errno == 0 && *end == '\0' ? id : 0;
}

static bool send_head(int fd, bool gzip) {
    char bytes[512];
    int n = snprintf(bytes, sizeof bytes,
                     "HTTP/1.1 200 OK\r\n"
                     "Content-Type: text/event-stream\r\n"
                     "%s"
                     "Vary: Accept-Encoding\r\n"
                     "Cache-Control: no-store\r\n"
                     "X-Content-Type-Options: nosniff\r\n"
                     "X-Accel-Buffering: no\r\n"
                     "Connection: close\r\n\r\n",
                     gzip ? "Content-Encoding: gzip\r\n" : "");
    if (gzip) {
        memcpy(bytes + n, packed_head.at, packed_head.len);
        n += (int)packed_head.len;
    }
    return send(fd, bytes, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT) == n;
}

void http_viewers_check_keys(struct http_server *s) {
    struct viewer *next;
    for (struct viewer *v = s->viewers->all; v != NULL; v = next) {
        next = v->next;
        if (v->key_id[0] != '\0' && keys_by_id(s->keys, text_of(v->key_id), KEY_READ) == NULL) {
            log_info("http", "a live page's key %s is revoked: its stream ends", v->key_id);
            drop(s, v);
        }
    }
}

void http_viewers_end_session(struct http_server *s, const char *nonce) {
    struct viewer *next;
    for (struct viewer *v = s->viewers->all; v != NULL; v = next) {
        next = v->next;
        if (strcmp(v->session, nonce) == 0) {
            drop(s, v);
        }
    }
}

static void adopt(struct request *r, int fd, uint64_t last_id) {
    struct http_server *s = r->server;
    struct viewer *v = mem_zalloc(1, sizeof *v);
    v->fd = fd;
    v->last_id = last_id;
    v->gzip = r->accepts_gzip;
    memcpy(v->key_id, r->key_id, sizeof v->key_id);
    memcpy(v->session, r->session, sizeof v->session);
    struct epoll_event want = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = v};
    const int buffer_bytes = SEND_BUFFER_BYTES;
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer_bytes, sizeof buffer_bytes);
    if (!send_head(fd, v->gzip) || epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, fd, &want) != 0) {
        close(fd);
        free(v);
        return;
    }
    v->next = s->viewers->all;
    if (v->next != NULL) {
        v->next->prev = v;
    }
    s->viewers->all = v;
    s->viewers->n++;
    s->stats.answers[200]++;
    deadline_arm(&s->deadlines, &v->deadline, DEADLINE_HEARTBEAT, s->now_ms);
    mark_news(s->viewers, v);
    tell_count(s);
}

bool http_stream(struct request *r) {
    struct http_server *s = r->server;
    if (s->stream.ops == NULL) {
        http_reply_problem(r, PROBLEM_NOT_READY, "the live page's data is not there yet");
        return true;
    }
    if (s->viewers->n >= s->options.limits.viewers) {
        http_reply_problem(r, PROBLEM_TOO_MANY_VIEWERS, "--max-viewers live pages are open");
        return true;
    }
    if (r->head) {
        struct buf nothing = {0};
        http_reply_buf(r, 200, "text/event-stream", &nothing);
        return true;
    }
    int fd = fcntl(r->connection->fd, F_DUPFD_CLOEXEC, 0);
    if (fd < 0) {
        http_reply_problem(r, PROBLEM_TOO_MANY_VIEWERS, strerror(errno));
        return true;
    }
    adopt(r, fd, last_event_id(r->mhd));
    return false;
}
